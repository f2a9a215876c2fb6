"""How a group of commands is added."""

import typer


def group(parent: typer.Typer, name: str, text: str) -> typer.Typer:
    """A group that shows its help when it is called alone."""
    made = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=text)
    parent.add_typer(made, name=name)
    return made
