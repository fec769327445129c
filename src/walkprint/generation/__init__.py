"""Floor 2: clips of rare conditions: generators, and the data sets that they expand."""
