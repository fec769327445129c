"""Floor 1: video to clips: frames, people, their masks, their tracks."""
