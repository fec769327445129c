"""Floor 1: from disk to batches."""
