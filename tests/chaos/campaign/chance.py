"""Chance that is the same for the same seed."""

import random


def chance_of(*parts: object) -> random.Random:
    """A generator of its own for each name."""
    return random.Random("|".join(map(str, parts)))  # noqa: S311 - reproducible, nothing secret
