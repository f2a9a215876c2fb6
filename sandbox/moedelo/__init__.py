"""Simulated MoeDelo accounts."""
