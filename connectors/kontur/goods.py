"""Nomenclature of a document's lines: ids by external code or name, where the account takes no others."""

from collections.abc import Mapping, Sequence
from typing import Final

from chassis.domain import Problem
from chassis.ids import deterministic_id
from chassis.outcomes import Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.values.lines import DocumentLine
from chassis.work.handlers import Permit
from connectors.kontur import mapping
from connectors.kontur.calls import Calls
from connectors.kontur.schema import VENDOR
from connectors.ports.products import CreateProduct, ProductDraft

UNKNOWN_GOODS: Final = "unknown_goods"
LISTED: Final = "list"
CREATED: Final = "create"
"""The connection's setting (R25): a document with lines that the nomenclature lacks is refused, and names them, or they
are made first. Without it lines go as text, and nothing is looked up."""
NAMES_TOLD_MAX: Final = 20


async def product_ids(
    calls: Calls, products: CreateProduct, permit: Permit, lines: Sequence[DocumentLine]
) -> Outcome[Mapping[str, str]]:
    """The nomenclature's ids by the lines' names: of a line with a product's code by this code, else by its name.
    Rejected ``goods_unknown`` with the names that are not there and are not to be made."""
    wanted = permit.options.get(UNKNOWN_GOODS)
    if wanted not in (LISTED, CREATED):
        return Ok({})
    found: dict[str, str] = {}
    unknown: list[DocumentLine] = []
    for line in {one.name: one for one in lines}.values():
        known = await _known(calls, permit, line)
        if not isinstance(known, Ok):
            return known
        if known.value:
            found[line.name] = known.value
        else:
            unknown.append(line)
    if unknown and wanted == LISTED:
        names = [line.name for line in unknown[:NAMES_TOLD_MAX]]
        return Rejected(Problem("goods_unknown", {"vendor": VENDOR, "names": names}))
    for line in unknown:
        made = await products.create_product(permit, _draft(line), key=_key(permit, line))
        if isinstance(made, Uncertain):
            return Retryable(made.problem)  # no document was sent: the next try looks the item up first
        if not isinstance(made, Ok):
            return made
        found[line.name] = made.value.product_id
    return Ok(found)


async def _known(calls: Calls, permit: Permit, line: DocumentLine) -> Outcome[str]:
    """The id of a line's item; "" where there is none."""
    queries = [{"externalId": line.product_id}] if line.product_id else []
    for query in (*queries, {"name": line.name}):
        items = await calls.all_rows(permit, "find_product", "products", query, mapping.read_live_product)
        if not isinstance(items, Ok):
            return items
        for item in items.value:
            if item.external_code == line.product_id if "externalId" in query else item.name == line.name:
                return Ok(item.product_id)
    return Ok("")


def _draft(line: DocumentLine) -> ProductDraft:
    return ProductDraft(
        external_code=line.product_id or "",
        name=line.name,
        article="",
        unit_code=line.unit.code,
        unit_symbol=line.unit.symbol,
        price=line.price if line.vat_included else None,
        vat_rate=line.vat_rate,
        is_service=False,
    )


def _key(permit: Permit, line: DocumentLine) -> str:
    return str(deterministic_id("product", permit.account, line.product_id or "", line.name))
