"""Events of one buyer, as stored, and the commands that lead to them."""

import datetime as dt
from dataclasses import dataclass

from chassis.aggregate import EventCodec
from chassis.cards import CardOpened, CardTaken, TakeCard
from chassis.domain import Event
from services.counterparty.domain.company import Facts
from services.counterparty.domain.values import Party, Reason, Register


class RecordWanted(Event, name="RecordWanted"):
    """A request waits for the party's record in an account. ``turn`` is the place of this among all that its deal said
    of the request, 0 where an older build did not tell."""

    tenant: str
    account: str
    request_id: str
    deal_id: str
    party: Party
    responsible_id: str = ""
    registers: tuple[Register, ...] = ()
    turn: int = 0


class RequestLeft(Event, name="RequestLeft"):
    """A request waits for another buyer by now, or for none. ``turn`` as above; ``deal_id`` "" where it did not wait
    here; ``cards`` are the questions that its deal is shown no more."""

    account: str
    request_id: str
    turn: int
    deal_id: str = ""
    cards: tuple[str, ...] = ()


class RecordIntroduced(Event, name="RecordIntroduced"):
    """The first sync asks for the party's record, and no request does. ``look_up``: whether the account has one is not
    known yet."""

    tenant: str
    account: str
    party: Party
    look_up: bool = False


class RecordFound(Event, name="RecordFound"):
    """The account has one record of the party; ``waiting`` (request → deal) are to be answered."""

    account: str
    remote_id: str
    waiting: dict[str, str]
    created: bool = False


class RecordLost(Event, name="RecordLost"):
    """The account has the record no more that the party was linked to: it is looked for as at first."""

    account: str
    remote_id: str


class RecordAbsent(Event, name="RecordAbsent"):
    """The account has no record of the party: it is created, once per ``attempt``."""

    account: str
    attempt: int
    party: Party


class CompanyWanted(Event, name="CompanyWanted"):
    """The account has no record of the party; the state register is asked before one is created."""

    account: str


class CompanyTold(Event, name="CompanyTold"):
    """What the state register says of the party; ``party`` is filled with it."""

    account: str
    party: Party
    status: str
    provider: str


class StandingWanted(Event, name="StandingWanted"):
    """The record is linked; the register is asked whether ``waiting`` (request → deal) may be answered with it.
    ``turn`` as above, of one that comes."""

    tenant: str
    account: str
    waiting: dict[str, str]
    party: Party
    responsible_id: str = ""
    registers: tuple[Register, ...] = ()
    turn: int = 0


class StandingTold(Event, name="StandingTold"):
    """The buyer may be sold to: ``waiting`` are answered. ``status`` "" where nobody could be asked; ``confirmed`` by a
    person, who is not asked about this status again."""

    account: str
    status: str
    waiting: dict[str, str]
    confirmed: bool = False
    told_at: dt.datetime | None = None


class BuyerBarred(Event, name="BuyerBarred"):
    """The buyer may not be sold to: ``waiting`` are refused. Its link stays."""

    account: str
    reason: Reason
    waiting: dict[str, str]


class RecordRefused(Event, name="RecordRefused"):
    """The account refuses to create the record."""

    account: str
    reason: Reason
    waiting: dict[str, str]


class RecordDoubted(Event, name="RecordDoubted"):
    """Several records, or nobody can tell whether one was created; a person is asked."""

    account: str


@dataclass(frozen=True, slots=True)
class WantRecord:
    """A request needs the party's record. ``turn`` is the place of this among all that its deal said of the request,
    0 where that is not known: what is older than what was heard says nothing. ``gone`` is a record that was read and
    that the account does not have, "" for none."""

    tenant: str
    account: str
    request_id: str
    deal_id: str
    party: Party
    responsible_id: str = ""
    registers: tuple[Register, ...] = ()
    turn: int = 0
    gone: str = ""


@dataclass(frozen=True, slots=True)
class LeaveRecord:
    """A request's deal has another buyer by now; ``turn`` as above. It may come before the request itself."""

    account: str
    request_id: str
    turn: int


@dataclass(frozen=True, slots=True)
class AdoptRecord:
    """The first sync found the one record that the party is."""

    tenant: str
    account: str
    party: Party
    remote_id: str


@dataclass(frozen=True, slots=True)
class MakeRecord:
    """The first sync found no record of the party; with ``look_up`` the account is asked once more before one is
    created."""

    tenant: str
    account: str
    party: Party
    look_up: bool = False


@dataclass(frozen=True, slots=True)
class SeeRegister:
    """What the state register says of the party; None when it has no such INN, or nobody could be asked."""

    account: str
    facts: Facts | None


@dataclass(frozen=True, slots=True)
class SeeRecords:
    """What the look-up by INN found that is this very party; ``near`` are records with its INN and another KPP."""

    account: str
    found: tuple[str, ...]
    near: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SeeCreated:
    """The account created the record."""

    account: str
    attempt: int
    remote_id: str


@dataclass(frozen=True, slots=True)
class SeeRefused:
    """The account refused to create the record."""

    account: str
    attempt: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class SeeDoubt:
    """Nobody can tell whether the record was created."""

    account: str
    attempt: int
    reason: Reason
    sent_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class SeeNamed:
    """What became of reading the record that a person named in answer to a card: it is the party's (``remote_id``), or,
    with "", why it is not: ``absent``, ``other_kpp``, ``other_email`` or ``taken`` (another buyer's)."""

    account: str
    card_id: str
    remote_id: str
    why: str = ""


Command = (
    WantRecord
    | LeaveRecord
    | AdoptRecord
    | MakeRecord
    | SeeRegister
    | SeeRecords
    | SeeCreated
    | SeeRefused
    | SeeDoubt
    | SeeNamed
    | TakeCard
)
StoredEvent = (
    RecordWanted
    | RequestLeft
    | RecordIntroduced
    | RecordFound
    | RecordLost
    | CompanyWanted
    | CompanyTold
    | RecordAbsent
    | RecordRefused
    | RecordDoubted
    | StandingWanted
    | StandingTold
    | BuyerBarred
    | CardOpened
    | CardTaken
)
EVENTS: tuple[type[Event], ...] = (
    RecordWanted,
    RequestLeft,
    RecordIntroduced,
    RecordFound,
    RecordLost,
    CompanyWanted,
    CompanyTold,
    RecordAbsent,
    RecordRefused,
    RecordDoubted,
    StandingWanted,
    StandingTold,
    BuyerBarred,
    CardOpened,
    CardTaken,
)
CODEC = EventCodec(EVENTS)
