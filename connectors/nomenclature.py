"""What vendors share whose documents refer to items of a nomenclature: the connection's setting, and its refusal."""

from collections.abc import Iterable
from typing import Final

from chassis.domain import Problem
from chassis.outcomes import Rejected
from chassis.values.lines import DocumentLine

UNKNOWN_GOODS: Final = "unknown_goods"
"""The connection's setting (R25): what becomes of a document with lines that the nomenclature lacks."""
LISTED: Final = "list"
"""It is refused, and names them."""
CREATED: Final = "create"
"""They are made first."""
NAMES_TOLD_MAX: Final = 20

LineKey = tuple[str, str, str, str]


def line_key(line: DocumentLine) -> LineKey:
    """Which lines are one item: those of which the same is known, the CRM's product first."""
    return (line.product_id or "", line.name, line.external_code, line.item_id)


def goods_unknown(vendor: str, lines: Iterable[DocumentLine]) -> Rejected:
    """The refusal of a document whose lines are not in the nomenclature. ``products`` are those of the CRM's catalogue
    among them, each with the item that a person had mapped it to and that is not there, "" for none."""
    told = list(lines)[:NAMES_TOLD_MAX]
    products = {line.product_id: line.item_id for line in told if line.product_id}
    names = list(dict.fromkeys(line.name for line in told))
    return Rejected(Problem("goods_unknown", {"vendor": vendor, "names": names, "products": products}))
