"""Nomenclature of a document's lines: ids by external code or name, where the account takes no others."""

from collections.abc import Mapping, Sequence
from typing import Final

from chassis.domain import Problem
from chassis.outcomes import Ok, Outcome, Rejected
from chassis.values.lines import DocumentLine
from chassis.work.handlers import Permit
from connectors.kontur import mapping
from connectors.kontur.calls import Calls
from connectors.kontur.schema import VENDOR

UNKNOWN_GOODS: Final = "unknown_goods"
LISTED: Final = "list"
"""The connection's setting: a document with lines that the nomenclature lacks is refused, and names them (R25); without
it lines go as text, and nothing is looked up."""
NAMES_TOLD_MAX: Final = 20


async def product_ids(calls: Calls, permit: Permit, lines: Sequence[DocumentLine]) -> Outcome[Mapping[str, str]]:
    """The nomenclature's ids by the lines' names: of a line with a product's code by this code, else by its name.
    Rejected ``goods_unknown`` with the names that are not there."""
    if permit.options.get(UNKNOWN_GOODS) != LISTED:
        return Ok({})
    found: dict[str, str] = {}
    unknown: list[str] = []
    for line in {one.name: one for one in lines}.values():
        query = {"externalId": line.product_id} if line.product_id else {"name": line.name}
        items = await calls.all_rows(permit, "find_product", "products", query, mapping.read_live_product)
        if not isinstance(items, Ok):
            return items
        exact = [
            item.product_id
            for item in items.value
            if (item.external_code == line.product_id if line.product_id else item.name == line.name)
        ]
        if exact:
            found[line.name] = exact[0]
        else:
            unknown.append(line.name)
    if unknown:
        return Rejected(Problem("goods_unknown", {"vendor": VENDOR, "names": unknown[:NAMES_TOLD_MAX]}))
    return Ok(found)
