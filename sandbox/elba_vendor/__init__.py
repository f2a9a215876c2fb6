"""Simulated Elba accounts behind the published Elba Public API v1."""
