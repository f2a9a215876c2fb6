"""The simulated Diadoc."""
