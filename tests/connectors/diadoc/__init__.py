"""Diadoc."""
