"""One product of the CRM as an account's nomenclature has it: wanted by documents, mapped by a person, made, or found.

The streams ``goods-<account>/<product>`` are the tenant's mapping list (R25). A document that was refused since the
nomenclature lacks a product puts it there and waits; what becomes known is told to everybody who waits.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, assert_never

from pydantic import Field

from chassis.aggregate import EventCodec, Plan, ReadRow, Recorded, TaskPlan
from chassis.domain import Event, Problem, Refused
from services.invoicing.domain.values import Value

PREFIX = "goods"
TELL = "tell-goods"
TOLD_PER_TASK_MAX = 100

Phase = Literal["open", "mapped", "created"]


class Product(Value):
    """A product of the CRM's catalogue for one accounting account; ``external_code`` is its code in other systems."""

    account: str
    product_id: str
    external_code: str = ""
    name: str = ""
    unit: str = ""


class GoodsWanted(Event, name="GoodsWanted"):
    """A document was refused since the nomenclature lacks the product. ``tried`` is the item that it was mapped to
    then, "" for none: where another is known by now, the document need not wait."""

    product: Product
    deal_id: str
    document_id: str
    tried: str = ""


class GoodsMapped(Event, name="GoodsMapped"):
    """The accounting's item of the product is known: ``by`` a person, or, where that is "", by a document that found it
    there, or ``created`` it. ``waiting`` are the documents that are to be told, with their deals."""

    product: Product
    item_id: str
    by: str = ""
    created: bool = False
    waiting: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WantGoods:
    """A document waits for the product."""

    product: Product
    deal_id: str
    document_id: str
    tried: str = ""


@dataclass(frozen=True, slots=True)
class SeeItem:
    """A document was made with this item."""

    product: Product
    item_id: str
    created: bool


@dataclass(frozen=True, slots=True)
class MapGoods:
    """A person names the accounting's item of the product."""

    item_id: str
    by: str


Command = WantGoods | SeeItem | MapGoods
StoredEvent = GoodsWanted | GoodsMapped
EVENTS: tuple[type[Event], ...] = (GoodsWanted, GoodsMapped)
CODEC = EventCodec(EVENTS)


@dataclass(frozen=True, slots=True)
class State:
    """A product on the list. ``waiting`` are documents by their ids, with their deals."""

    stream: str
    product: Product | None = None
    phase: Phase = "open"
    item_id: str = ""
    by: str = ""
    waiting: Mapping[str, str] = field(default_factory=dict)


def stream_of(account: str, product_id: str) -> str:
    """The stream of a product."""
    return f"{PREFIX}-{account}/{product_id}"


def initial(stream: str) -> State:
    """A product that nobody missed."""
    return State(stream)


def decide(state: State, command: Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """What a command comes to."""
    match command:
        case WantGoods():
            wanted = GoodsWanted(
                product=command.product,
                deal_id=command.deal_id,
                document_id=command.document_id,
                tried=command.tried,
            )
            return (wanted,)
        case SeeItem():
            if state.phase == "mapped" or (state.phase == "created" and state.item_id == command.item_id):
                return ()
            return (_mapped(state, command.product, command.item_id, created=command.created),)
        case MapGoods():
            if state.product is None:
                return Refused(Problem("goods_not_listed", {}))
            if (state.phase, state.item_id) == ("mapped", command.item_id):
                return ()
            return (_mapped(state, state.product, command.item_id, by=command.by),)
        case _:
            assert_never(command)


def _mapped(state: State, product: Product, item_id: str, *, by: str = "", created: bool = False) -> GoodsMapped:
    return GoodsMapped(product=product, item_id=item_id, by=by, created=created, waiting=dict(state.waiting))


def evolve(state: State, event: StoredEvent) -> State:
    """The state after one event."""
    match event:
        case GoodsWanted():
            if _answered(state, event.tried):
                return replace(state, product=event.product)
            waiting = {**state.waiting, event.document_id: event.deal_id}
            return replace(state, product=event.product, phase="open", item_id="", by="", waiting=waiting)
        case GoodsMapped():
            phase: Phase = "created" if event.created else "mapped"
            return replace(state, product=event.product, phase=phase, item_id=event.item_id, by=event.by, waiting={})
        case _:
            assert_never(event)


def _answered(state: State, tried: str) -> bool:
    """Whether another item than the one that was tried is known. What was created and is not there now is wanted."""
    return state.phase == "mapped" and state.item_id != tried


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """Everybody who waited is told."""
    event = recorded.event
    match event:
        case GoodsWanted() if event.document_id not in state.waiting:
            return (_tell(state, recorded, 0, {event.document_id: event.deal_id}),)
        case GoodsMapped():
            waiting = list(event.waiting.items())
            return tuple(
                _tell(state, recorded, start, dict(waiting[start : start + TOLD_PER_TASK_MAX]))
                for start in range(0, len(waiting), TOLD_PER_TASK_MAX)
            )
        case _:
            return ()


def _tell(state: State, recorded: Recorded, start: int, waiting: Mapping[str, str]) -> TaskPlan:
    assert state.product is not None, "what somebody waits for is on the list"
    payload: dict[str, Any] = {"product_id": state.product.product_id, "item_id": state.item_id, "waiting": waiting}
    return TaskPlan(TELL, f"{state.stream}:{recorded.version}:{start}", payload)


def projected(stream: str, state: State) -> Sequence[ReadRow]:
    """The product's row of the mapping list."""
    product = state.product
    if product is None:
        return ()
    return (
        ReadRow(
            "goods",
            {"account": product.account, "product_id": product.product_id},
            {
                "external_code": product.external_code,
                "name": product.name,
                "unit": product.unit,
                "state": state.phase,
                "item_id": state.item_id,
                "mapped_by": state.by,
                "waiting": len(state.waiting),
            },
        ),
    )
