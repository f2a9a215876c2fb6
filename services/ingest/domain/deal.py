"""One deal: the stages it entered, the requests that were made of them, and its content as last seen."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, assert_never

from chassis.aggregate import EventCodec, Lane, Plan, Recorded, TaskPlan
from chassis.domain import Event, Refused, replace
from chassis.ids import deterministic_id
from services.ingest.domain.values import Config, Effective, Kind, Reason, Settings, Snapshot, Value, effective

PREFIX = "deal"
READ_DEAL = "read-deal"
TOO_LONG: Final = "deal_too_long"


class Entry(Value):
    """A row of the portal's stage history; ``entered_at`` is its CREATED_TIME."""

    history_id: str
    category_id: str
    stage_id: str
    entered_at: dt.datetime


class StageNoticed(Event, name="StageNoticed"):
    """A look over the portal's stage history found an entry that no webhook had brought: the deal is read."""

    deal_id: str
    account: str
    entry: Entry


class StageEntered(Event, name="StageEntered"):
    """The deal entered a stage of a configured funnel."""

    deal_id: str
    entry: Entry


class RequestMade(Event, name="RequestMade"):
    """A trigger asks for a document."""

    request_id: str
    kind: Kind
    history_id: str
    deal: Snapshot
    settings: Effective
    triggered_at: dt.datetime
    config_version: int


class RequestFailed(Event, name="RequestFailed"):
    """A trigger fired and no request can be made of it; a person reads why."""

    request_id: str
    kind: Kind
    history_id: str
    deal_id: str
    responsible_id: str
    reasons: tuple[Reason, ...]


class ContentChanged(Event, name="ContentChanged"):
    """What a document shows, or whether the deal is lost, has changed since the deal was asked for one. ``settings``
    None: nobody sells any more."""

    deal: Snapshot
    settings: Effective | None = None


class DealGone(Event, name="DealGone"):
    """A deal that was asked for a document is deleted, or hidden from us."""

    deal_id: str


@dataclass(frozen=True, slots=True)
class ObserveStage:
    """A row of the stage history, with the deal as it is now and the settings in force. ``oversized``: no message could
    carry the deal's rows, so they were left out."""

    deal: Snapshot
    entry: Entry
    config: Config
    oversized: bool = False


@dataclass(frozen=True, slots=True)
class NoticeStages:
    """Rows of the stage history of this deal, without the deal itself."""

    deal_id: str
    entries: tuple[Entry, ...]
    config: Config


@dataclass(frozen=True, slots=True)
class ObserveContent:
    """The deal as it is now, with the settings in force and their version."""

    deal: Snapshot
    settings: Settings
    config_version: int = 0
    oversized: bool = False


@dataclass(frozen=True, slots=True)
class ObserveGone:
    """The portal does not show the deal to us any more."""

    deal_id: str


Command = ObserveStage | NoticeStages | ObserveContent | ObserveGone
StoredEvent = StageNoticed | StageEntered | RequestMade | RequestFailed | ContentChanged | DealGone
EVENTS: tuple[type[Event], ...] = (StageNoticed, StageEntered, RequestMade, RequestFailed, ContentChanged, DealGone)
CODEC = EventCodec(EVENTS)


@dataclass(frozen=True)
class State:
    """What is known of one deal. ``entries`` by history id; ``entered`` are those that were observed with the deal."""

    stream: str
    entries: Mapping[str, Entry] = field(default_factory=dict)
    entered: frozenset[str] = frozenset()
    requests: Mapping[str, RequestMade | RequestFailed] = field(default_factory=dict)
    deal: Snapshot | None = None
    gone: bool = False

    @property
    def requested(self) -> bool:
        """Whether a document was asked for, so that changes matter."""
        return self.deal is not None

    @property
    def too_long(self) -> tuple[RequestFailed, ...]:
        """The newest request of each kind, where the deal had too many rows for it: it is made once they are fewer."""
        newest = {request.kind: request for request in self.requests.values()}
        failed = (request for request in newest.values() if isinstance(request, RequestFailed))
        return tuple(request for request in failed if any(reason.code == TOO_LONG for reason in request.reasons))


def initial(stream: str) -> State:
    """A deal of which nothing is known."""
    return State(stream)


def evolve(state: State, event: StoredEvent) -> State:
    """The state after one event."""
    match event:
        case StageNoticed():
            return replace(state, entries={**state.entries, event.entry.history_id: event.entry})
        case StageEntered():
            history_id = event.entry.history_id
            entries = {**state.entries, history_id: event.entry}
            return replace(state, entries=entries, entered=state.entered | {history_id})
        case RequestMade():
            return replace(state, requests={**state.requests, event.request_id: event}, deal=event.deal, gone=False)
        case RequestFailed():
            return replace(state, requests={**state.requests, event.request_id: event})
        case ContentChanged():
            return replace(state, deal=event.deal, gone=False)
        case DealGone():
            return replace(state, gone=True)
        case _:
            assert_never(event)


def decide(state: State, command: Command, now: dt.datetime) -> Sequence[Event] | Refused:
    """The events of one command. Any order and repetition of a deal's history ends in the same requests."""
    match command:
        case ObserveStage():
            return tuple(_observed(state, command))
        case NoticeStages():
            return tuple(
                StageNoticed(deal_id=command.deal_id, account=command.config.settings.crm_account, entry=entry)
                for entry in {entry.history_id: entry for entry in command.entries}.values()
                if entry.history_id not in state.entries and _counts(entry, command.config)
            )
        case ObserveContent():
            return tuple(_changed(state, command))
        case ObserveGone():
            return (DealGone(deal_id=command.deal_id),) if state.requested and not state.gone else ()
        case _:
            assert_never(command)


def request_id(account: str, deal_id: str, history_id: str, kind: Kind) -> str:
    """The same entry of the same portal is the same request, whoever brought it."""
    return str(deterministic_id("request", account, deal_id, history_id, kind))


def _shown(deal: Snapshot) -> tuple[str, bool]:
    return deal.content_hash, deal.lost


def _changed(state: State, command: ObserveContent) -> Iterator[Event]:
    deal, settings = command.deal, command.settings
    if state.deal is not None and (state.gone or _shown(state.deal) != _shown(deal)):
        found = effective(settings)
        yield ContentChanged(deal=deal, settings=found if isinstance(found, Effective) else None)
    if command.oversized or deal.lost:
        return
    for failed in state.too_long:
        if settings.steps.wants(failed.kind):
            config = Config(version=command.config_version, settings=settings)
            yield _request(failed.kind, ObserveStage(deal, state.entries[failed.history_id], config))


def _observed(state: State, command: ObserveStage) -> Iterator[Event]:
    entry, config = command.entry, command.config
    if entry.history_id in state.entered or not _counts(entry, config):
        return
    yield StageEntered(deal_id=command.deal.deal_id, entry=entry)
    funnel = config.settings.funnel(entry.category_id)
    for kind in funnel.kinds_at(entry.stage_id) if funnel is not None else ():
        since = config.since(entry.category_id, kind, entry.stage_id)
        if config.settings.steps.wants(kind) and entry.entered_at >= since:
            yield _request(kind, command)


def _counts(entry: Entry, config: Config) -> bool:
    settings = config.settings
    return settings.funnel(entry.category_id) is not None and entry.entered_at >= settings.activated_at


def _request(kind: Kind, command: ObserveStage) -> RequestMade | RequestFailed:
    entry, deal, settings = command.entry, command.deal, command.config.settings
    name = request_id(settings.crm_account, deal.deal_id, entry.history_id, kind)
    found = Reason(code=TOO_LONG) if command.oversized else effective(settings)
    if isinstance(found, Reason):
        return RequestFailed(
            request_id=name,
            kind=kind,
            history_id=entry.history_id,
            deal_id=deal.deal_id,
            responsible_id=deal.responsible_id,
            reasons=(found,),
        )
    return RequestMade(
        request_id=name,
        kind=kind,
        history_id=entry.history_id,
        deal=deal,
        settings=found,
        triggered_at=entry.entered_at,
        config_version=command.config.version,
    )


def read_plan(deal_id: str, account: str, *, lane: Lane = Lane.INTERACTIVE) -> TaskPlan:
    """The due work that reads a deal: one open row per deal, however many hints there are."""
    payload: dict[str, Any] = {"deal_id": deal_id}
    return TaskPlan(READ_DEAL, f"{account}:{deal_id}", payload, account=account, lane=lane)


def planned(recorded: Recorded, state: State) -> Sequence[Plan]:
    """An entry that was only noticed has its deal read."""
    event = recorded.event
    return (read_plan(event.deal_id, event.account, lane=Lane.BULK),) if isinstance(event, StageNoticed) else ()
