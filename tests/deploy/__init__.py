"""Tests of the embedded parts and of the launcher."""
