"""What an accounting service says of a company by itself, and which of the CRM's cards that concerns: never one that is
only likely."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, assert_never

from chassis.cards import CardOpened, CardTaken
from chassis.domain import Event
from chassis.ids import deterministic_id
from chassis.values.inn import clean_kpp
from services.counterparty.domain.fields import ALL_NAMES, Field, Fields, Name, merged, spelled, told
from services.counterparty.domain.values import Register, Value

WATCH = "watch-counterparties"
FIND_CARDS = "find-crm-cards"
COMPANY_DOUBLE: Final = "company_double"
CARDS_ASKED_ABOUT_MAX: Final = 10
PICK: Final = "use_"
COMPANY_INN_LENGTH: Final = 10
CREATE_AGAIN: Final = "create_again"
GIVE_UP: Final = "give_up"
_NAMED_ALIKE: Final = ("name", "full_name")


class Requisite(Value):
    """Requisites of the CRM with this INN, raw; ``phone`` and ``email`` None where nobody looked."""

    company_id: str
    requisite_id: str
    kpp: str = ""
    ogrn: str = ""
    name: str = ""
    full_name: str = ""
    address: str = ""
    responsible_id: str = ""
    phone: str | None = None
    email: str | None = None

    def shown(self) -> dict[str, str]:
        """Its fields by our names."""
        return self.model_dump(include={str(name) for name in ALL_NAMES}, exclude_none=True)


class AccountingRecord(Value):
    """A record of an accounting account; what it leaves empty it does not say."""

    account: str
    remote_id: str
    kind: Literal["company", "entrepreneur"]
    values: dict[Name, str]

    @property
    def key(self) -> str:
        """Names it among all records of the tenant."""
        return f"{self.account}/{self.remote_id}"

    @property
    def kpp(self) -> str:
        """Its KPP, clean."""
        return clean_kpp(self.values.get("kpp", "")) or ""


class RecordSeen(Event, name="RecordSeen"):
    """The record is new or was changed in accounting. ``own``: the fields that accounting has not from us."""

    record: AccountingRecord
    own: tuple[Name, ...]
    crm_account: str
    registers: tuple[Register, ...] = ()


class RecordPlaced(Event, name="RecordPlaced"):
    """These requisites of the CRM are the record; "" where it is known there otherwise, or a person left it out."""

    key: str
    requisite_id: str = ""


class CompanyMissing(Event, name="CompanyMissing"):
    """The CRM does not have the company: one is made there."""

    key: str
    kind: Literal["company", "entrepreneur"]
    inn: str
    kpp: str
    values: dict[Name, Field]


@dataclass(frozen=True, slots=True)
class SeeRecord:
    """A record came by in the list of changes. ``sent``: what we made it of, None where we did not. ``registers``
    are asked, where the tenant wants cards to be filled."""

    record: AccountingRecord
    sent: Mapping[Name, str] | None
    crm_account: str
    registers: tuple[Register, ...] = ()


@dataclass(frozen=True, slots=True)
class SeeCards:
    """All active requisites of companies with the INN; ``contact``: a contact has it too."""

    requisites: tuple[Requisite, ...]
    contact: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A record as it was seen last, and the fields that are accounting's word."""

    record: AccountingRecord
    own: frozenset[Name]
    crm_account: str

    def says(self) -> Fields:
        """What accounting says; what it has from us is no word of its own."""
        return told({name: value for name, value in self.record.values.items() if name in self.own}, "accounting")


@dataclass(frozen=True, slots=True)
class Places:
    """Where records stand in the CRM, by their key. ``waiting``: those that nobody has looked for since they
    changed; ``missing``: what the CRM was told to make of them; ``chosen``: the company that a person named."""

    known: Mapping[str, Known] = field(default_factory=dict)
    placed: Mapping[str, str] = field(default_factory=dict)
    waiting: frozenset[str] = frozenset()
    missing: Mapping[str, Mapping[Name, Field]] = field(default_factory=dict)
    chosen: Mapping[str, str] = field(default_factory=dict)


def wanted(settings: Mapping[str, Any]) -> bool:
    """Whether the tenant lets companies come from accounting."""
    return bool(settings.get("crm_account")) and settings.get("steps", {}).get("reverse_sync") is not False


def evolve(places: Places, event: RecordSeen | RecordPlaced | CompanyMissing | CardOpened | CardTaken) -> Places:
    """The places after one event."""
    match event:
        case RecordSeen():
            key = event.record.key
            known = Known(event.record, frozenset(event.own), event.crm_account)
            return replace(places, known={**places.known, key: known}, waiting=places.waiting | {key})
        case RecordPlaced():
            placed = {**places.placed, event.key: event.requisite_id}
            return replace(places, placed=placed, waiting=places.waiting - {event.key})
        case CompanyMissing():
            missing = {**places.missing, event.key: event.values}
            return replace(places, missing=missing, waiting=places.waiting - {event.key})
        case CardOpened():
            return replace(places, waiting=places.waiting - {event.subject})
        case CardTaken() if event.choice.startswith(PICK):
            chosen = {**places.chosen, event.subject: event.choice.removeprefix(PICK)}
            return replace(places, chosen=chosen, waiting=places.waiting | {event.subject})
        case CardTaken():
            return places
        case _:
            assert_never(event)


def waiting_again(places: Places, concerned: Callable[[AccountingRecord], bool]) -> Places:
    """The places once better values may be known of some records."""
    anew = frozenset(key for key, known in places.known.items() if concerned(known.record))
    return replace(places, waiting=places.waiting | anew)


def says_of(places: Places, requisite_id: str) -> Fields:
    """What accounting says of requisites, by all records that are known to be them."""
    says = [places.known[key].says() for key, placed in sorted(places.placed.items()) if placed == requisite_id]
    return merged(says)


def seen(known: Known | None, command: SeeRecord) -> RecordSeen | None:
    """The event of a record that says something new; None for an echo of what we wrote, or of what was seen."""
    values = command.record.values
    if known is not None:
        changed = _changed(values, known.record.values)
        own = known.own | changed
        emptied = not changed and any(name not in values for name in known.record.values)
        if not changed and not emptied:
            return None
    elif command.sent is not None:
        own = frozenset(name for name in _changed(values, command.sent) if not _same_name(name, values, command.sent))
        if not own:
            return None
    else:
        own = frozenset(values)
    listed = tuple(name for name in ALL_NAMES if name in own)
    return RecordSeen(record=command.record, own=listed, crm_account=command.crm_account, registers=command.registers)


def _changed(values: Mapping[Name, str], before: Mapping[Name, str]) -> frozenset[Name]:
    return frozenset(
        name for name, value in values.items() if spelled(name, value) != spelled(name, before.get(name, ""))
    )


def _same_name(name: Name, values: Mapping[Name, str], sent: Mapping[Name, str]) -> bool:
    """Whether a service keeps the one name that it was given in both places."""
    given = {spelled(one, sent.get(one, "")) for one in _NAMED_ALIKE}
    return name in _NAMED_ALIKE and spelled(name, values[name]) in given


def place(places: Places, record: AccountingRecord, cards: Sequence[Requisite]) -> Requisite | tuple[Requisite, ...]:
    """The requisites that a record is, or all among which a person has to choose; none of either means that the CRM
    does not have it. Branches share an INN and differ by KPP; one without any is taken for the one that lacks it."""
    chosen, before = places.chosen.get(record.key), places.placed.get(record.key)
    theirs = [one for one in cards if one.company_id == chosen]
    # Of the company that a person named, requisites with the record's KPP before its others.
    theirs.sort(key=lambda one: clean_kpp(one.kpp) != record.kpp)
    for one in (*theirs, *(one for one in cards if one.requisite_id == before)):
        return one
    if not record.kpp:
        return cards[0] if len(cards) == 1 else tuple(cards)
    same = [one for one in cards if clean_kpp(one.kpp) == record.kpp]
    blank = [one for one in cards if not one.kpp.strip()]
    for alike in (same, blank):
        if len(alike) == 1:
            return alike[0]
        if alike:
            return tuple(alike)
    return tuple(cards)


def question(stream: str, asked: int, known: Known, among: Sequence[Requisite], now: dt.datetime) -> CardOpened:
    """Which of the CRM's companies a record is; ``asked`` questions were put on the stream before."""
    record, inn = known.record, stream.partition("-")[2]
    companies = sorted({one.company_id for one in among}, key=lambda one: (len(one), one))
    listed = companies[:CARDS_ASKED_ABOUT_MAX]
    values: dict[str, str | int] = {
        "name": record.values.get("name", "") or record.values.get("full_name", ""),
        "inn": inn if len(inn) == COMPANY_INN_LENGTH else "",
        "kpp": record.kpp,
        "companies": ", ".join(listed),
    }
    # One of this very INN and KPP would be the second: it is not made for the asking.
    new = record.kpp and all(clean_kpp(one.kpp) != record.kpp for one in among)
    return CardOpened(
        card_id=str(deterministic_id("card", known.crm_account, stream, str(asked))),
        kind=COMPANY_DOUBLE,
        choices=(*(f"{PICK}{one}" for one in listed), *((CREATE_AGAIN,) if new else ()), GIVE_UP),
        subject=record.key,
        opened_at=now,
        values=values,
        responsible_id=next((one.responsible_id for one in among if one.responsible_id), ""),
    )
