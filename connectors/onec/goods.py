"""What a document's lines and its buyer need in a base before it: items of the nomenclature, and a contract."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.outcomes import Failure, Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.values.lines import DocumentLine
from chassis.work.handlers import Permit
from connectors import wire
from connectors.nomenclature import CREATED, LISTED, UNKNOWN_GOODS, LineKey, goods_unknown, line_key
from connectors.onec import address
from connectors.onec.calls import Bases, all_rows, busy
from connectors.onec.kept import Kept
from connectors.onec.mapping import values
from connectors.onec.mapping.writing import DESCRIPTION_LENGTH_MAX, Item, Seller, contract_body, item_body, own_key
from connectors.onec.schema import CONTRACT_NAME, CONTRACTS, ITEMS, SALE_CONTRACT, UNITS, VENDOR
from connectors.ports.products import UsedItem
from connectors.wire import ShapeError

KEPT_FOR: Final = timedelta(minutes=10)
"""How long a found reference is used without a look; meanwhile an accountant may put the object away."""
KEPT_MAX: Final = 500
"""So many items, and so many contracts, of one base."""
FULL_NAME_LENGTH_MAX: Final = 300
"""Longer names are looked for by their beginning alone: an address is not endless."""
ARTICLE_LENGTH_MAX: Final = 25
MAKING: Final = "making"
_COLUMNS: Final = "Ref_Key,Description,НаименованиеПолное,Артикул,Code,Услуга,НоменклатурнаяГруппа_Key"


@dataclass(slots=True)
class Found:
    """References that a base gave: contracts by organisation and buyer, items by what is known of them. What was not
    there is not kept."""

    contracts: dict[tuple[str, str], str] = field(default_factory=dict)
    items: dict[LineKey, Item] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Items:
    """The item of each line, in the lines' order, and those of the CRM's products among them."""

    each: tuple[Item, ...]
    used: tuple[UsedItem, ...]


class Goods:
    """Finds, and where that is allowed makes, what documents refer to.

    What is made here is asked for under a reference of ours, so that a lost answer makes nothing twice where the base
    takes it; a document is only sent when all of it is certain. A base that gives references of its own would take
    what two documents at once miss twice, so that they look and make one after the other. What was found is kept for
    ten minutes, which spares most documents two requests of four.
    """

    def __init__(self, bases: Bases, clock: Clock) -> None:
        self._bases = bases
        self._kept = Kept(clock, KEPT_FOR, Found)

    def forget(self, permit: Permit) -> None:
        """What was found is looked for anew: the base refused a document that names it."""
        self._kept.forget(permit)

    async def items(self, permit: Permit, lines: Sequence[DocumentLine]) -> Outcome[Items]:
        """An item for each line: the one that a person mapped its product to; else by the product's code in other
        systems, which is the base's own reference where the catalogues are exchanged, an article or a code; else by
        article, by code, by name as the line says it, in this order. Rejected ``goods_unknown`` with those that are not
        there and are not to be made."""
        distinct, kept = {line_key(line): line for line in lines}, self._kept.of(permit).items
        if distinct.keys() <= kept.keys():
            return _as_items(lines, kept)
        async with self._bases.turn(permit, MAKING) as ours:
            return await self._items(permit, lines, distinct) if ours else busy()

    async def _items(
        self, permit: Permit, lines: Sequence[DocumentLine], distinct: Mapping[LineKey, DocumentLine]
    ) -> Outcome[Items]:
        kept = self._kept.of(permit).items
        known = {key: kept[key] for key in distinct if key in kept}
        sought = {key: line for key, line in distinct.items() if key not in known}
        if sought:
            found = await self._find_items(permit, sought)
            if not isinstance(found, Ok):
                return found
            known |= found.value
        unknown = {key: line for key, line in sought.items() if key not in known}
        if unknown and permit.options.get(UNKNOWN_GOODS, CREATED) == LISTED:
            return goods_unknown(VENDOR, unknown.values())
        if unknown:
            made = await self._make_items(permit, unknown)
            if not isinstance(made, Ok):
                return made
            known |= made.value
        if len(kept) > KEPT_MAX:
            kept.clear()
        kept |= known
        return _as_items(lines, known, made=unknown)

    async def _find_items(self, permit: Permit, lines: Mapping[LineKey, DocumentLine]) -> Outcome[dict[LineKey, Item]]:
        sought = [_sought(line) for line in lines.values()]
        found = await all_rows(self._bases, permit, "find_items", ITEMS, sought, select=_COLUMNS)
        if not isinstance(found, Ok):
            return found
        try:
            return Ok({key: item for key, line in lines.items() if (item := _matching(found.value, line)) is not None})
        except ShapeError as error:
            return _odd(error)

    async def _make_items(self, permit: Permit, lines: Mapping[LineKey, DocumentLine]) -> Outcome[dict[LineKey, Item]]:
        units = await self._units(permit, sorted({line.unit.code for line in lines.values()}))
        if not isinstance(units, Ok):
            return units
        made: dict[LineKey, Item] = {}
        by_name: dict[str, Item] = {}
        for key, line in lines.items():
            if line.name in by_name:
                made[key] = by_name[line.name]
                continue
            body = item_body(
                line, key=own_key("item", permit.account, line.name), unit=units.value.get(line.unit.code, "")
            )
            card = await self._made(permit, "create_item", ITEMS, body)
            if not isinstance(card, Ok):
                return card
            made[key] = by_name[line.name] = Item(card.value, service=body["Услуга"])
        return Ok(made)

    async def _units(self, permit: Permit, codes: Sequence[str]) -> Outcome[Mapping[str, str]]:
        conditions = [f"Code eq {address.text(code)}" for code in codes]
        found = await all_rows(self._bases, permit, "find_units", UNITS, conditions, select="Ref_Key,Code")
        if not isinstance(found, Ok):
            return Ok({}) if found.problem.code == "accounting_not_published" else found
        return Ok({wire.text(row.get("Code")).strip(): values.key(row, "Ref_Key") for row in found.value})

    async def contract(self, permit: Permit, buyer: str, seller: Seller) -> Outcome[str]:
        """The buyer's contract of sale with us: the oldest in force, else a new «Основной договор»."""
        place = (seller.organization, buyer)
        if (known := self._kept.of(permit).contracts.get(place)) is not None:
            return Ok(known)
        async with self._bases.turn(permit, MAKING) as ours:
            if not ours:
                return busy()
            kept = self._kept.of(permit).contracts
            if (known := kept.get(place)) is not None:
                return Ok(known)
            contract = await self._contract(permit, buyer, seller)
            if isinstance(contract, Ok):
                if len(kept) > KEPT_MAX:
                    kept.clear()
                kept[place] = contract.value
            return contract

    async def _contract(self, permit: Permit, buyer: str, seller: Seller) -> Outcome[str]:
        condition = (
            f"Owner_Key eq {address.guid(buyer)} and Организация_Key eq {address.guid(seller.organization)}"
            f" and ВидДоговора eq {address.text(SALE_CONTRACT)} and DeletionMark eq false"
        )
        found = await self._bases.rows(
            permit,
            "find_contract",
            CONTRACTS,
            filter=condition,
            select="Ref_Key,Description,Code",
            orderby="Code",
            top="1",
        )
        if not isinstance(found, Ok):
            return found
        if found.value:
            return _key_of(found.value[0])
        key = own_key("contract", permit.account, seller.organization, buyer)
        body = contract_body(seller, buyer, key=key, name=CONTRACT_NAME, kind=SALE_CONTRACT)
        return await self._made(permit, "create_contract", CONTRACTS, body)

    async def _made(self, permit: Permit, operation: str, resource: str, body: dict[str, Any]) -> Outcome[str]:
        """The reference of what was made, or is there under our own reference since an answer was lost."""
        made = await self._bases.create(permit, operation, resource, body)
        if isinstance(made, Ok):
            return _key_of(made.value)
        if isinstance(made, Rejected) and made.problem.code == "already_exists":
            return Ok(str(body["Ref_Key"]))
        return _before_the_document(made)


def _as_items(
    lines: Sequence[DocumentLine], known: Mapping[LineKey, Item], made: Mapping[LineKey, DocumentLine] | None = None
) -> Outcome[Items]:
    distinct = dict.fromkeys(line_key(line) for line in lines)
    used = tuple(UsedItem(key[0], known[key].key, key in (made or {})) for key in distinct if key[0])
    return Ok(Items(tuple(known[line_key(line)] for line in lines), used))


def _before_the_document(failure: Failure) -> Failure:
    """Whatever became of a helping object, no document was sent: the next try looks the object up first."""
    return Retryable(failure.problem, outage=True) if isinstance(failure, Uncertain) else failure


def _sought(line: DocumentLine) -> str:
    """The condition of all rows that may be a line's item."""
    name = line.name
    quoted, short = address.text(name), address.text(name[:DESCRIPTION_LENGTH_MAX].strip())
    ways = [f"Description eq {short}"]
    if len(name) <= FULL_NAME_LENGTH_MAX:
        ways.append(f"НаименованиеПолное eq {quoted}")
    for code in dict.fromkeys((line.item_id, line.external_code, name)):
        if 0 < len(code) <= ARTICLE_LENGTH_MAX:
            ways += [f"Артикул eq {address.text(code)}", f"Code eq {address.text(code)}"]
    ways += [f"Ref_Key eq {address.guid(key)}" for key in _keys(line)]
    return f"({' or '.join(ways)}) and IsFolder eq false and DeletionMark eq false"


def _keys(line: DocumentLine) -> list[str]:
    """References among what is known of a line: the item that a person named, the code of a catalogue that is exchanged
    with the base; of an offer the code's first part is its product."""
    return [key for word in (line.item_id, line.external_code.partition("#")[0]) if (key := _key_or_none(word))]


def _key_or_none(word: str) -> str:
    try:
        return str(UUID(word))
    except ValueError:
        return ""


def _matching(rows: Sequence[Mapping[str, Any]], line: DocumentLine) -> Item | None:
    short = line.name[:DESCRIPTION_LENGTH_MAX].strip()
    ways = [("Ref_Key", key) for key in _keys(line)]
    for code in (line.item_id, line.external_code, line.name):
        ways += [("Артикул", code), ("Code", code)] if code else []
    ways += [("НаименованиеПолное", line.name), ("Description", short)]
    for column, wanted in ways:
        for row in rows:
            if wire.text(row.get(column)).strip() == wanted:
                return Item(
                    values.required_key(row, "Ref_Key"),
                    service=values.flag(row, "Услуга"),
                    group=values.key(row, "НоменклатурнаяГруппа_Key"),
                )
    return None


def _key_of(row: Mapping[str, Any]) -> Outcome[str]:
    try:
        return Ok(values.required_key(row, "Ref_Key"))
    except ShapeError as error:
        return _odd(error)


def _odd(error: ShapeError) -> Retryable:
    return Retryable(Problem("vendor_answer_unexpected", {"vendor": VENDOR, "field": str(error)[:100]}), outage=False)
