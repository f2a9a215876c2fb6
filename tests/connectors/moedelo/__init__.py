"""MoeDelo."""
