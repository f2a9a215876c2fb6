"""Puts all commands together and turns what they raise into a sentence and an exit code."""

import sys

import typer

from deploy.local.refusal import Refusal
from sverka.commands import (
    dead,
    deal,
    decide,
    demo,
    goods,
    guide,
    installation,
    sandbox,
    statements,
    status,
    sync,
    tenant,
    version,
    work,
)
from sverka.endings import NOT_AS_WISHED, CommandEnded
from sverka.language import tr
from sverka.screen import err

app = typer.Typer(
    name="sverka",
    help=tr(
        "Takes a CRM deal to an invoice in the accounting service, the payment back, and the closing documents.",
        "Ведёт сделку из CRM до счёта в бухгалтерии, оплату обратно в сделку и закрывающие документы.",
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

installation.register(app)
status.register(app)
demo.register(app)
tenant.register(app)
sync.register(app)
deal.register(app)
work.register(app)
dead.register(app)
decide.register(app)
version.register(app)
statements.register(app)
goods.register(app)
sandbox.register(app)
guide.register(app)


def run(arguments: list[str] | None = None) -> None:
    """Runs one command. Ends by SystemExit with 0 done, 1 not as wished, 2 wrong use."""
    try:
        app(args=arguments, prog_name="sverka")
    except CommandEnded as ended:
        err.print(str(ended), markup=False, style=None)
        sys.exit(ended.code)
    except Refusal as refusal:
        err.print(str(refusal), markup=False)
        sys.exit(NOT_AS_WISHED)
    except KeyboardInterrupt:
        sys.exit(NOT_AS_WISHED)
