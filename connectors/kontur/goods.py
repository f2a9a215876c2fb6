"""Nomenclature of a document's lines: ids by external code or name, where the account takes no others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from chassis.ids import deterministic_id
from chassis.outcomes import Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.values.lines import DocumentLine
from chassis.work.handlers import Permit
from connectors.kontur import mapping
from connectors.kontur.calls import Calls
from connectors.kontur.schema import VENDOR
from connectors.kontur_family import REFUSED_ITEMS
from connectors.nomenclature import CREATED, LISTED, UNKNOWN_GOODS, LineKey, goods_unknown, line_key
from connectors.ports.products import CreateProduct, ProductDraft, UsedItem

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Goods:
    """The nomenclature's id of each line, in the lines' order, and what of it is worth to be told; both empty where
    lines go as text."""

    ids: tuple[str, ...] = ()
    used: tuple[UsedItem, ...] = ()


async def goods_of(
    calls: Calls, products: CreateProduct, permit: Permit, lines: Sequence[DocumentLine]
) -> Outcome[Goods]:
    """An item for each line: the one that a person mapped its product to; else by the product's code in other systems,
    by the CRM's id of it, by the line's name, in this order. Rejected ``goods_unknown`` with those that are not there
    and are not to be made. Without the connection's word lines go as text, and nothing is looked up."""
    wanted = permit.options.get(UNKNOWN_GOODS)
    if wanted not in (LISTED, CREATED):
        return Ok(Goods())
    found: dict[LineKey, str] = {}
    unknown: list[DocumentLine] = []
    for key, line in {line_key(one): one for one in lines}.items():
        known = Ok(line.item_id) if line.item_id else await _known(calls, permit, line)
        if not isinstance(known, Ok):
            return known
        if known.value:
            found[key] = known.value
        else:
            unknown.append(line)
    if unknown and wanted == LISTED:
        return goods_unknown(VENDOR, unknown)
    for line in unknown:
        made = await products.create_product(permit, _draft(line), key=_key(permit, line))
        if isinstance(made, Uncertain):
            return Retryable(made.problem)  # no document was sent: the next try looks the item up first
        if not isinstance(made, Ok):
            return made
        found[line_key(line)] = made.value.product_id
    created = {line_key(line) for line in unknown}
    used = tuple(UsedItem(key[0], item, key in created) for key, item in found.items() if key[0])
    return Ok(Goods(tuple(found[line_key(line)] for line in lines), used))


def without_refused(made: Outcome[_T], body: bytes, lines: Sequence[DocumentLine], goods: Goods) -> Outcome[_T]:
    """What became of a document; of one that was refused for its items, such as one that a person mapped a product to
    and that is not there, ``goods_unknown`` with their lines: it goes on once they are mapped anew."""
    if not isinstance(made, Rejected) or not goods.ids:
        return made
    sent = mapping.products_of(body)
    refused = {sent[place] for place in made.problem.values.get(REFUSED_ITEMS, ()) if place < len(sent)}
    named = [line for line, item in zip(lines, goods.ids, strict=True) if item in refused]
    return goods_unknown(VENDOR, named) if named else made


async def _known(calls: Calls, permit: Permit, line: DocumentLine) -> Outcome[str]:
    """The id of a line's item; "" where there is none."""
    codes = [code for code in (line.external_code, line.product_id) if code]
    for query in (*({"externalId": code} for code in codes), {"name": line.name}):
        items = await calls.all_rows(permit, "find_product", "products", query, mapping.read_live_product)
        if not isinstance(items, Ok):
            return items
        for item in items.value:
            if item.external_code == query.get("externalId") or item.name == query.get("name"):
                return Ok(item.product_id)
    return Ok("")


def _draft(line: DocumentLine) -> ProductDraft:
    return ProductDraft(
        external_code=line.external_code or line.product_id or "",
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
