"""Merges what the services recorded about a deal into one list in order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from contracts.topics import SERVICES
from sverka.models.story import Kind, StoryDocument, StoryLine
from sverka.story import labels
from sverka.story.words import Words, words

BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
WRITE_KINDS: Final = frozenset({"crm-write"})
MESSAGE_WRITES: Final = frozenset({"notification", "chat"})
CARD_EVENTS: Final = frozenset({"CardOpened", "CardTaken"})


def tell(tenant: str, deal: str, stories: Iterable[Mapping[str, Any]]) -> StoryDocument:
    """One document of the stories of the services, each `{service, events, work}`."""
    spoken = words()
    found: list[tuple[datetime, int, int, StoryLine]] = []
    for story in stories:
        service = str(story["service"])
        place = SERVICES.index(service) if service in SERVICES else len(SERVICES)
        lines = [*_events(service, story.get("events", ()), spoken), *_work(service, story.get("work", ()), spoken)]
        found += [(line.at or BEGINNING, place, number, line) for number, line in enumerate(lines)]
    found.sort(key=lambda entry: entry[:3])
    return StoryDocument(tenant=tenant, deal=deal, lines=[line for *_, line in found])


def _events(service: str, events: Sequence[Mapping[str, Any]], spoken: Words) -> Iterator[StoryLine]:
    for event in events:
        name, data = str(event["type"]), dict(event.get("data") or {})
        yield StoryLine(
            at=_moment(event.get("at")),
            service=service,
            kind=_kind_of(service, name, data, spoken),
            type=name,
            text=spoken.event(service, name, data),
            data=data,
        )


def _kind_of(service: str, name: str, data: Mapping[str, Any], spoken: Words) -> Kind:
    if name in CARD_EVENTS:
        return "decision"
    if name == "Told":
        return "message" if spoken.told(data.get("fact") or {}) else "fact"
    if service == "notifier" and name == "Written":
        return "message" if data.get("write") in MESSAGE_WRITES else "write"
    return "fact"


def _work(service: str, work: Sequence[Mapping[str, Any]], spoken: Words) -> Iterator[StoryLine]:
    for item in work:
        kind: Kind = "effect" if item.get("is_effect") else "task"
        what = spoken.of(labels.WORK, str(item["kind"]))
        if item["kind"] in WRITE_KINDS:
            write = (item.get("request") or {}).get("write")
            name = write.get("write", "") if isinstance(write, Mapping) else str(write or "")
            what = f"{what}: {spoken.of(labels.WRITES, name)}" if name else what
        state = spoken.of(labels.STATES, str(item["state"]))
        why = spoken.why(item.get("reason") or [])
        yield StoryLine(
            at=_moment(item.get("planned_at")),
            service=service,
            kind=kind,
            type=str(item["kind"]),
            state=str(item["state"]),
            text=f"{what}: {state}" + (f". {why}" if why else ""),
            data=dict(item),
        )
        for attempt in item.get("attempts") or ():
            yield _attempt(service, what, attempt, spoken)


def _attempt(service: str, what: str, attempt: Mapping[str, Any], spoken: Words) -> StoryLine:
    name = spoken.of(labels.ATTEMPTS, str(attempt.get("what", "")))
    outcome = spoken.of(labels.OUTCOMES, str(attempt.get("outcome", "")))
    why = spoken.why(attempt.get("problem") or [])
    return StoryLine(
        at=_moment(attempt.get("at")),
        service=service,
        kind="attempt",
        type=str(attempt.get("what", "")),
        state=str(attempt.get("outcome", "")),
        text=f"{what}, {name}: {outcome}" + (f". {why}" if why else ""),
        data=dict(attempt),
    )


def _moment(value: Any) -> datetime | None:
    if not value:
        return None
    moment = datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
