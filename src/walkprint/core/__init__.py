"""Floor 0: the nouns of gait recognition and pure functions on them."""
