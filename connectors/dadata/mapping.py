"""DaData's suggestions → one card."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from connectors import wire
from connectors.ports.companies import CompanyCard, CompanyKind, CompanyStatus
from connectors.wire import ShapeError

VENDOR: Final = "dadata"
ROWS_MAX: Final = 20

STATUSES: Final = {
    "ACTIVE": CompanyStatus.ACTIVE,
    "REORGANIZING": CompanyStatus.REORGANIZING,
    "LIQUIDATING": CompanyStatus.LIQUIDATING,
    "BANKRUPT": CompanyStatus.BANKRUPT,
    "LIQUIDATED": CompanyStatus.LIQUIDATED,
}
_KINDS: Final[dict[str, CompanyKind]] = {"LEGAL": "company", "INDIVIDUAL": "entrepreneur"}
_KINDS_BY_LENGTH: Final[dict[int, CompanyKind]] = {10: "company", 12: "entrepreneur"}


def cards_of(document: Any) -> tuple[CompanyCard, ...]:
    """All companies of an answer. Raises ShapeError."""
    rows = document.get("suggestions") if isinstance(document, Mapping) else None
    if not isinstance(rows, list):
        raise ShapeError("suggestions")
    return tuple(_card(wire.filled_mapping(wire.filled_mapping(row, "suggestion").get("data"), "data")) for row in rows)


def chosen(cards: Sequence[CompanyCard], inn: str, kpp: str) -> CompanyCard | None:
    """The card of an INN: of its KPP where one is asked for, else the head office; of several registrations of one
    person the one in force, else the newest."""
    same = [card for card in cards if card.inn == inn and (not kpp or card.kpp == kpp)]
    same.sort(
        key=lambda card: (card.branch and not kpp, card.status is not CompanyStatus.ACTIVE, -_age(card.registered_on))
    )
    return same[0] if same else None


def remaining_today(document: Any) -> int | None:
    """How many calls are left today; None where the answer does not say."""
    left = document.get("remaining") if isinstance(document, Mapping) else None
    value = left.get("suggestions") if isinstance(left, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _card(data: Mapping[str, Any]) -> CompanyCard:
    state = wire.mapping(data.get("state"), "state")
    name = wire.mapping(data.get("name"), "name")
    address = wire.mapping(data.get("address"), "address")
    full = wire.text(name.get("full_with_opf"))
    inn = wire.identity(data.get("inn"))
    if inn is None:
        raise ShapeError("inn")
    # Unknown words are to be taken; the length of an INN tells the same.
    kind = _KINDS.get(wire.text(data.get("type"))) or _KINDS_BY_LENGTH.get(len(inn))
    if kind is None:
        raise ShapeError("type")
    return CompanyCard(
        inn=inn,
        kind=kind,
        full_name=full,
        short_name=wire.text(name.get("short_with_opf")) or full,
        status=STATUSES.get(wire.text(state.get("status")), CompanyStatus.UNKNOWN),
        provider=VENDOR,
        kpp=wire.text(data.get("kpp")),
        ogrn=wire.text(data.get("ogrn")),
        address=wire.text(address.get("unrestricted_value")) or wire.text(address.get("value")),
        registered_on=_day(data.get("ogrn_date")) or _day(state.get("registration_date")),
        liquidated_on=_day(state.get("liquidation_date")),
        branch=data.get("branch_type") == "BRANCH",
        address_doubted=address.get("invalidity") is not None,
    )


def _day(value: Any) -> date | None:
    """Milliseconds since 1970 in UTC → a date."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    try:
        return datetime.fromtimestamp(value / 1000, UTC).date()
    except (OverflowError, ValueError, OSError):
        return None


def _age(day: date | None) -> int:
    return 0 if day is None else day.toordinal()
