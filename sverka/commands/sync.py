"""`sync`: the first sync of a client's companies with its accounting services."""

import csv
import io
import sys
import time
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from sverka.api import Api, connect
from sverka.endings import NotAsWished, WrongUse
from sverka.language import example, tr
from sverka.models import SellerSync, SyncDocument, SyncItem
from sverka.reach import AsJson, Reach, with_reach
from sverka.screen import err, print_document, say, show, table
from sverka.story import syncs

LOOK_SECONDS: Final = 1.0
SAID_SECONDS: Final = 5.0
AWAY_SECONDS_MAX: Final = 120.0
SHOWN_MAX: Final = 30
COLUMNS: Final = (
    "seller", "outcome", "company_id", "requisite_id", "name", "inn", "kpp", "remote_id", "reason", "reason_text",
)  # fmt: skip

Tenant = Annotated[str, typer.Argument(metavar="T", help=tr("The tenant's id.", "Клиент."))]
Preview = Annotated[bool, typer.Option("--preview", help=tr("Compare; change nothing.", "Сравнить; ничего не менять."))]
Apply = Annotated[
    bool,
    typer.Option("--apply", help=tr("Link what is found, create the rest.", "Связать найденное, создать остальное.")),
]
Seller = Annotated[str, typer.Option("--seller", metavar="ID", help=tr("Of one seller.", "Одного продавца."))]
AsCsv = Annotated[bool, typer.Option("--csv", help=tr("Print every company as CSV.", "Напечатать все компании в CSV."))]
Yes = Annotated[bool, typer.Option("--yes", help=tr("Without asking.", "Не спрашивать."))]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(
        "sync",
        help=example(
            "First sync: compares all companies that have an INN with the accounting service's counterparties, links "
            "pairs and creates what is missing, in accounting and in the CRM. Run it again to go on where it was.",
            "Первая синхронизация: сравнивает все компании с ИНН с контрагентами бухгалтерии, связывает пары и создаёт "
            "недостающих в бухгалтерии и в CRM. Повторный запуск продолжает с того же места.",
            "sync vektor --preview",
        ),
    )(with_reach(sync))


def sync(
    reach: Reach,
    tenant: Tenant,
    *,
    preview: Preview = False,
    apply: Apply = False,
    seller: Seller = "",
    as_csv: AsCsv = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """The services do it; this command begins it and looks on, and may be stopped at any time."""
    if preview == apply:
        raise WrongUse(tr("Say one of --preview and --apply.", "Укажите --preview или --apply."))
    if as_csv and as_json:
        raise WrongUse(tr("Say one of --csv and --json.", "Укажите --csv или --json."))
    with connect(reach) as api:
        if apply and not yes and sys.stdin.isatty():
            _ask(api, tenant, seller)
        found = _followed(api, tenant, seller, apply=apply)
        if as_json:
            listed = [one.model_copy(update={"items": _items(api, tenant, one)}) for one in found]
            print_document(SyncDocument(tenant=tenant, applied=apply, sellers=listed))
        elif as_csv:
            _print_csv(api, tenant, found)
        else:
            for one in found:
                _show(one, _items(api, tenant, one))


def _ask(api: Api, tenant: str, seller: str) -> None:
    """Whoever sits before the screen sees the comparison before anything is created."""
    now = _read(api.syncs(tenant, seller=seller))
    if any(one.phase in ("linking", "creating") for one in now):
        return
    for one in _followed(api, tenant, seller, apply=False):
        _show_counts(one)
    if not typer.confirm(tr("Link and create?", "Связать и создать?"), err=True):
        raise NotAsWished(tr("Nothing was changed.", "Ничего не изменено."))


def _followed(api: Api, tenant: str, seller: str, *, apply: bool) -> list[SellerSync]:
    """Begins, then looks on until nothing is under way. Services that restart meanwhile are waited for."""
    found = _read(api.begin_sync(tenant, apply=apply, seller=seller, by="operator"))
    said, said_at, away_since = "", 0.0, 0.0
    while any(one.under_way for one in found):
        line = "; ".join(map(syncs.progress, found))
        now = time.monotonic()
        if line != said and (err.is_terminal or now - said_at >= SAID_SECONDS):
            err.print(line, markup=False, end="\r" if err.is_terminal else "\n")
            said, said_at = line, now
        time.sleep(LOOK_SECONDS)
        try:
            found, away_since = _read(api.syncs(tenant, seller=seller)), 0.0
        except NotAsWished as error:
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > AWAY_SECONDS_MAX:
                again = tr("Run the command again to go on.", "Повторите команду, чтобы продолжить.")
                raise NotAsWished(f"{error} {again}") from error
    if said and err.is_terminal:
        say("")
    return found


def _read(found: Sequence[dict[str, Any]]) -> list[SellerSync]:
    return [SellerSync.model_validate(one) for one in found]


def _items(api: Api, tenant: str, one: SellerSync) -> list[SyncItem]:
    return [
        SyncItem.model_validate(
            {**item, "reason_text": syncs.why(item["reason"], {"inn": item["inn"], **item["details"]})}
        )
        for item in api.sync_items(tenant, seller=one.seller)
    ]


def _print_csv(api: Api, tenant: str, found: Sequence[SellerSync]) -> None:
    written = io.StringIO()
    lines = csv.writer(written)
    lines.writerow(COLUMNS)
    for one in found:
        for item in _items(api, tenant, one):
            values = {"seller": one.seller, **item.model_dump()}
            lines.writerow([_plain(str(values[column])) for column in COLUMNS])
    sys.stdout.buffer.write(written.getvalue().encode())
    sys.stdout.buffer.flush()


def _plain(value: str) -> str:
    """A value that no table program takes for a formula."""
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _show(one: SellerSync, items: Sequence[SyncItem]) -> None:
    _show_counts(one)
    for code in ("conflict", "skipped"):
        named = [item for item in items if item.outcome == code]
        if not named:
            continue
        show("")
        show(f"{syncs.outcome(code)}: {len(named)}")
        titles = (tr("company", "компания"), tr("name", "название"), tr("INN", "ИНН"), tr("KPP", "КПП"),
                  tr("why", "почему"))  # fmt: skip
        table(
            titles,
            ((item.company_id, item.name, item.inn, item.kpp, item.reason_text) for item in named[:SHOWN_MAX]),
        )
        if len(named) > SHOWN_MAX:
            show(tr(f"and {len(named) - SHOWN_MAX} more: --csv", f"и ещё {len(named) - SHOWN_MAX}: --csv"))


def _show_counts(one: SellerSync) -> None:
    show(f"{one.seller} ({one.account})")
    if not one.listed:
        show(
            tr(
                f"{one.vendor} does not list its counterparties: each INN was looked up by itself.",
                f"{one.vendor} не отдаёт список контрагентов: каждый ИНН искали отдельно.",
            )
        )
    counts = one.outcomes.model_dump()
    table(
        (tr("outcome", "итог"), tr("companies", "компаний")),
        ((syncs.outcome(code), counts[code]) for code in syncs.OUTCOMES if counts[code]),
    )
