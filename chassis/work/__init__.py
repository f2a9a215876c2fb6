"""Due work and effects: what is to be done outside, by whom, when, and what became of it."""
