"""`deal show`: the whole story of a deal."""

import getpass
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer

from sverka.api import connect
from sverka.commands.grouping import group
from sverka.endings import NotAsWished
from sverka.language import example, tr
from sverka.models import ChangedDocument, StoryDocument, StoryLine
from sverka.reach import AsJson, Reach, with_reach
from sverka.screen import moment, print_document, show
from sverka.story import labels, tell
from sverka.story.words import words

QUIET_STATES: Final = frozenset({"CONFIRMED", "DONE"})
MARKS: Final = {
    "fact": "●", "effect": "→", "task": "·", "attempt": "  ↳", "write": "✎", "message": "✉", "decision": "?",
}  # fmt: skip


Tenant = Annotated[str, typer.Argument(help=tr("The tenant's id.", "Клиент."))]
Deal = Annotated[str, typer.Argument(help=tr("The deal's id in the CRM.", "Номер сделки в CRM."))]
Number = Annotated[str, typer.Option(help=tr("Which invoice, if there are several.", "Какой счёт, если их несколько."))]
By = Annotated[str, typer.Option(metavar="USER", help=tr("Who asks.", "Кто просит."))]


def register(app: typer.Typer) -> None:
    """Adds the group."""
    deals = group(app, "deal", tr("Deals as Sverka knows them.", "Сделки, как их знает Сверка."))
    deals.command(
        "show",
        help=example("The whole story of a deal, in order.", "Вся история сделки по порядку.", "deal show vektor 1042"),
    )(with_reach(show_deal))
    deals.command(
        "cancel",
        help=example(
            "Cancel the deal's invoice in accounting.",
            "Аннулировать счёт сделки в бухгалтерии.",
            "deal cancel vektor 1042 --replace",
        ),
    )(with_reach(cancel_invoice))
    deals.command(
        "repeat",
        help=example(
            "One more invoice like the last one.", "Ещё один счёт, такой же, как прежний.", "deal repeat vektor 1042"
        ),
    )(with_reach(repeat_invoice))
    deals.callback()(lambda: None)


def show_deal(
    reach: Reach,
    tenant: Tenant,
    deal: Deal,
    *,
    full: Annotated[
        bool, typer.Option("--full", help=tr("With every step inside.", "Со всеми внутренними шагами."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Facts, effects with every attempt, CRM writes, messages to people."""
    with connect(reach) as api:
        document = tell(tenant, deal, api.stories(tenant, deal))
        if not document.lines:
            raise NotAsWished(
                tr(
                    f"{tenant} has no deal {deal} that Sverka knows. Deals are known from the moment they enter "
                    "a stage of the tenant's funnels; see `sverka tenant check`.",
                    f"У {tenant} нет сделки {deal}, известной Сверке. Сделка становится известна, когда входит "
                    "на стадию из настроек; смотрите `sverka tenant check`.",
                )
            )
        zone = ZoneInfo(str(api.tenant(tenant)["document"].get("timezone", "UTC"))) if not as_json else None
    if as_json:
        print_document(document)
    else:
        _print(document, full, zone)


def cancel_invoice(
    reach: Reach,
    tenant: Tenant,
    deal: Deal,
    *,
    number: Number = "",
    anew: Annotated[
        bool, typer.Option("--replace", help=tr("Then issue a new one.", "Затем выставить новый."))
    ] = False,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """What is void already stays as it is; where accounting cannot be told, its accountant is asked by a card."""
    body = {"number": number, "replace": anew, "by": by or getpass.getuser()}
    with connect(reach) as api:
        changed = api.invoice(tenant, deal, "cancel", body)
    if as_json:
        print_document(ChangedDocument(changed=changed))
    elif changed:
        show(tr("Accounting is told; see `sverka deal show`.", "Передано в бухгалтерию; смотрите `sverka deal show`."))
    else:
        show(tr("It is cancelled already, or being cancelled.", "Счёт уже аннулирован или аннулируется."))


def repeat_invoice(
    reach: Reach, tenant: Tenant, deal: Deal, *, number: Number = "", by: By = "", as_json: AsJson = False
) -> None:
    """The old lines and prices, today's date and VAT rate; the old invoice stays as it is."""
    with connect(reach) as api:
        changed = api.invoice(tenant, deal, "repeat", {"number": number, "by": by or getpass.getuser()})
    if as_json:
        print_document(ChangedDocument(changed=changed))
    else:
        show(tr("One more invoice is on its way.", "Ещё один счёт выставляется."))


def _print(document: StoryDocument, full: bool, zone: ZoneInfo | None) -> None:
    day = ""
    for line, text in _told(document.lines, full):
        stamp = moment(line.at and line.at.astimezone(zone))
        if stamp[:10] != day:
            day = stamp[:10]
            show(day)
        show(f"  {stamp[11:]}  {line.service:<13}{MARKS[line.kind]} {text}")


def _told(lines: Sequence[StoryLine], full: bool) -> Iterator[tuple[StoryLine, str]]:
    """Each line with its text; the writes of one fact are one line unless everything is asked for."""
    if full:
        yield from ((line, line.text) for line in lines)
        return
    shown = [line for line in lines if not _inside(line)]
    groups = groupby(enumerate(shown), key=lambda one: _fact_of(one[1]) or f"line {one[0]}")
    for _, together in groups:
        (_, first), *others = together
        writes = [first.data.get("write"), *(other.data.get("write") for _, other in others)]
        if not others or first.data.get("refused"):
            yield first, first.text
            yield from ((other, other.text) for _, other in others)
        else:
            named = ", ".join(words().of(labels.WRITES, str(write)) for write in writes)
            yield first, tr(f"Written: {named}", f"Записано: {named}")


def _fact_of(line: StoryLine) -> str:
    return str(line.data.get("fact_id", "")) if line.type == "Written" and not line.data.get("refused") else ""


def _inside(line: StoryLine) -> bool:
    """Steps that went well and that the lines beside them tell already."""
    if line.kind == "task":
        return line.state in QUIET_STATES or not line.data.get("reason")
    if line.kind == "attempt":
        return line.state == "ok"
    if line.kind == "effect":
        return line.type in ("crm-write", "crm-chat") and line.state in QUIET_STATES
    if line.type == "Told":
        return line.kind == "fact"
    return line.type in ("BalanceSeen", "PaymentsNoticed", "RecordWanted", "BuyerLinked")
