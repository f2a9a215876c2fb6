"""Judges a history against what the store holds at the end, each rule in one pass."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from tests.chaos.event_store.history import Attempt, Final, History

Where = Mapping[str, Mapping[str, list[int]]]
"""The versions at which a value stands, by value and stream."""


def _where(final: Final) -> Where:
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for stream, events in final.items():
        for version, value in events:
            found[value][stream].append(version)
    return found


def versions_have_no_gaps(history: History, final: Final) -> Iterator[str]:
    """Each stream has the versions from 1 on."""
    for stream, events in final.items():
        for place, (version, _) in enumerate(events, start=1):
            if version != place:
                yield f"{stream}: version {version} stands in place {place}"
                break


def values_stand_where_told(history: History, final: Final) -> Iterator[str]:
    """A value is there once where one attempt says so, never where all say no, and once at most where nobody knows."""
    where = _where(final)
    by_value: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in history.attempts:
        by_value[attempt.value].append(attempt)
    for value, attempts in by_value.items():
        streams = attempts[0].streams
        stands = where.get(value, {})
        versions = [stands.get(stream, []) for stream in streams]
        if any(len(found) > 1 for found in versions):
            yield f"{value} stands at {versions}"
            continue
        there = [found[0] for found in versions if found]
        if there and len(there) < len(streams):
            yield f"{value} stands in {len(there)} of its {len(streams)} streams"
        may_be = any(attempt.result != "conflict" for attempt in attempts)
        must_be = any(attempt.result in ("ok", "repeated") for attempt in attempts)
        if must_be and not there:
            yield f"{value} was acknowledged and is lost"
        elif there and not may_be:
            yield f"{value} was refused and stands at {versions}"
        yield from _told(value, attempts, tuple(there))
        if sum(attempt.result == "ok" for attempt in attempts) > 1:
            yield f"{value} was acknowledged as new more than once"
    for value in where:
        if value not in by_value:
            yield f"{value} was written by nobody"


def _told(value: str, attempts: list[Attempt], there: tuple[int, ...]) -> Iterator[str]:
    for attempt in attempts:
        if attempt.versions and there and attempt.versions != there:
            yield f"{value} was told to stand at {attempt.versions} and stands at {there}"
        if attempt.result == "ok" and attempt.expected and there != tuple(one + 1 for one in attempt.expected):
            yield f"{value} was appended after {attempt.expected} and stands at {there}"


def versions_follow_time(history: History, final: Final) -> Iterator[str]:
    """What was acknowledged before another append began has the lower version."""
    # A repetition tells of an append that was made before; when, nobody saw.
    began: dict[str, float] = {}
    ended: dict[str, float] = {}
    for attempt in history.attempts:
        began[attempt.value] = min(attempt.began, began.get(attempt.value, attempt.began))
        if attempt.result in ("ok", "repeated"):
            ended[attempt.value] = min(attempt.ended, ended.get(attempt.value, attempt.ended))
    for stream, events in final.items():
        earliest_end, its_value = float("inf"), ""
        for _, value in reversed(events):
            if earliest_end < began.get(value, float("-inf")):
                yield f"{stream}: {its_value} was acknowledged before {value} began, and stands behind it"
                break
            if ended.get(value, float("inf")) < earliest_end:
                earliest_end, its_value = ended[value], value


def reads_show_beginnings(history: History, final: Final) -> Iterator[str]:
    """A read shows the beginning of the stream, and all that was acknowledged before it began."""
    acknowledged: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for attempt in history.attempts:
        if attempt.result == "ok" and len(attempt.versions) == len(attempt.streams):
            for stream, version in zip(attempt.streams, attempt.versions, strict=True):
                acknowledged[stream].append((attempt.ended, version))
    for ends in acknowledged.values():
        ends.sort()
    passed: dict[str, tuple[int, int]] = {}
    for read in sorted(history.reads, key=lambda read: read.began):
        whole = [value for _, value in final.get(read.stream, [])]
        if list(read.values) != whole[: len(read.values)]:
            yield f"{read.stream}: a read of {len(read.values)} events is not how the stream begins"
            continue
        place, least = passed.get(read.stream, (0, 0))
        ends = acknowledged[read.stream]
        while place < len(ends) and ends[place][0] < read.began:
            least = max(least, ends[place][1])
            place += 1
        passed[read.stream] = (place, least)
        if len(read.values) < least:
            yield f"{read.stream}: a read shows {len(read.values)} events, {least} were acknowledged before it"


def messages_follow_the_store(history: History, final: Final) -> Iterator[str]:
    """Per key, without repetitions, messages ascend, tell what stands in the store, and miss nothing."""
    for key, sent in history.sent.items():
        seen: set[str] = set()
        told: list[tuple[str, int, str]] = []
        for message in sent:
            if message.message_id not in seen:
                seen.add(message.message_id)
                told.append((message.stream, message.version, message.value))
        last: dict[str, int] = {}
        for stream, version, value in told:
            if version <= last.get(stream, 0):
                yield f"{key}: version {version} of {stream} was sent behind {last[stream]}"
            last[stream] = max(version, last.get(stream, 0))
            events = final.get(stream, [])
            if version > len(events) or events[version - 1] != (version, value):
                yield f"{key}: {value} was sent as version {version} of {stream}, which it is not"
    told_values = {(one.stream, one.version) for sent in history.sent.values() for one in sent}
    for stream, events in final.items():
        for version, value in events:
            if value in history.telling and (stream, version) not in told_values:
                yield f"version {version} of {stream} was never sent"


def messages_keep_the_order_of_their_rows(history: History, final: Final) -> Iterator[str]:
    """Per key, without repetitions, messages go out in the order in which their rows were written."""
    for key, sent in history.sent.items():
        last = ("", 0)
        for message_id in dict.fromkeys(message.message_id for message in sent):
            place = history.outbox.get(message_id, 0)
            if place < last[1]:
                yield f"{key}: {message_id}, row {place}, was sent behind {last[0]}, row {last[1]}"
            last = (message_id, place)


CHECKS = (
    versions_have_no_gaps,
    values_stand_where_told,
    versions_follow_time,
    reads_show_beginnings,
    messages_follow_the_store,
    messages_keep_the_order_of_their_rows,
)


def anomalies(history: History, final: Final) -> list[str]:
    """Everything that no store without faults could have shown, each with the check that found it."""
    return [f"{check.__name__}: {found}" for check in CHECKS for found in check(history, final)]
