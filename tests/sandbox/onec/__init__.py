"""Simulated bases of 1C."""
