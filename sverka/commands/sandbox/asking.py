"""The control calls of the sandbox, and how their answers are printed."""

from collections.abc import Mapping, Sequence
from typing import Any

from sverka.http import Json
from sverka.reach import Reach
from sverka.screen import outline, print_document, table


def control(reach: Reach) -> Json:
    """The sandbox of the installation. NotAsWished if none runs."""
    return Json(reach.sandbox_control_url(), what="sandbox")


def ask(reach: Reach, method: str, path: str, body: Any = None, **query: Any) -> Any:
    """One control call."""
    with control(reach) as sandbox:
        return sandbox.call(method, path, body=body, query=query)


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
