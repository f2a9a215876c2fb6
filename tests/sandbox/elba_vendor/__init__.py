"""Elba's published API in the sandbox, asked as another client would ask it."""
