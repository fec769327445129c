"""Floor 3: training a network, and what it leaves on disk."""
