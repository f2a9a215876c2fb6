"""`sandbox`: what people do in the simulated portals and accounts, and how that world behaves."""

import typer

from sverka.commands.sandbox import accounting, application, crm, shop, world
from sverka.language import tr


def register(app: typer.Typer) -> None:
    """Adds the group."""
    group = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help=tr(
            "Make and change what people would make and change in the simulated vendors.",
            "Создавать и менять то, что создали бы и изменили люди в песочнице.",
        ),
    )
    app.add_typer(group, name="sandbox")
    crm.register(group)
    application.register(group)
    accounting.register(group)
    shop.register(group)
    world.register(group)
