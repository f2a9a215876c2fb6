"""Elba, profile vendor."""
