"""`tenant`: the clients of an installation."""

import typer


def register(app: typer.Typer) -> None:
    """Adds the group."""
