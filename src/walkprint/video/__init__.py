"""Floor 1: from video to clips: frames, masks of people, tracks."""
