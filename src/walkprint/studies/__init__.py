"""Floor 4: comparisons of many runs: one table with its spread over seeds."""
