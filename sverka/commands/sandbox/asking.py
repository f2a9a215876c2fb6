"""The control calls of the sandbox, and how their answers are printed."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sverka.endings import NotAsWished
from sverka.http import Json
from sverka.language import tr
from sverka.reach import Reach
from sverka.screen import outline, print_document, table

PORTALS: Final = "bitrix24"
SHOPS: Final = "shop"


def control(reach: Reach) -> Json:
    """The sandbox of the installation. NotAsWished if none runs."""
    return Json(reach.sandbox_control_url(), what="sandbox")


def ask(reach: Reach, method: str, path: str, body: Any = None, **query: Any) -> Any:
    """One control call."""
    with control(reach) as sandbox:
        return sandbox.call(method, path, body=body, query=query)


def services(reach: Reach) -> list[str]:
    """The accounting services of the sandbox."""
    return [name for name in ask(reach, "GET", "/status")["vendors"] if name not in (PORTALS, SHOPS)]


def accounts_of(reach: Reach, vendor: str) -> list[dict[str, Any]]:
    """The accounts of one accounting service, with their credentials."""
    return [{"vendor": vendor, **one} for one in ask(reach, "GET", f"/{vendor}/accounts")]


def at(reach: Reach, method: str, account: str, path: str, body: Any = None) -> Any:
    """A control call inside an account. NotAsWished where nobody has it."""
    return ask(reach, method, f"/{_vendor_of(reach, account)}/{account}{path}", body)


def state_of(reach: Reach, account: str) -> Any:
    """Everything in an account. NotAsWished where nobody has it."""
    return ask(reach, "GET", f"/{_vendor_of(reach, account)}/state", account=account)


def _vendor_of(reach: Reach, account: str) -> str:
    for one in ask(reach, "GET", "/accounts"):
        if one["account"] == account and one["vendor"] not in (PORTALS, SHOPS):
            return str(one["vendor"])
    raise NotAsWished(
        tr(
            f"No account {account}. All there are: sverka sandbox account list.",
            f"Нет учётной записи {account}. Все, какие есть: sverka sandbox account list.",
        )
    )


def answer(document: Any, *, as_json: bool, columns: Sequence[str] = (), under: str = "") -> None:
    """Prints an answer whole as JSON, or as a table of the list `under`, or as an outline."""
    if as_json:
        print_document(document)
        return
    rows = document.get(under, document) if under and isinstance(document, Mapping) else document
    if columns and isinstance(rows, list):
        table(columns, ([row.get(column) for column in columns] for row in rows))
    else:
        outline(rows)
