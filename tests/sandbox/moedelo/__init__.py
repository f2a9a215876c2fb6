"""The simulated MoeDelo."""
