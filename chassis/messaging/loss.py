"""Loss at the broker: whether a log still is the one that a consumer or the relay knew."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from chassis.messaging.codec import event_id_of, sending_of
from chassis.messaging.inbox import Standing
from chassis.messaging.kafka import Inspector, KafkaError, TopicPartition

UNREAD_LOOKS_MIN = 5
UNREAD_SECONDS_MAX = 180.0


@dataclass(frozen=True, slots=True)
class Finding:
    """Where a consumer has to go on in a partition, whether the log it knew is lost, where the log ends, and how many
    messages retention removed before they were taken."""

    resume: int
    lost: bool
    end: int
    missed: int = 0


class RecordAwayError(KafkaError):  # type: ignore[misc] # the base class has no types
    """The broker says that it has a record, and did not give it in time: it is slow, and is asked again."""


class Unread:
    """Records that the broker should have and did not give: since when, and how often they were asked for in a row."""

    def __init__(self) -> None:
        self._looks: dict[TopicPartition, tuple[float, int]] = {}

    def looked(self, asked: Collection[TopicPartition], came: Collection[TopicPartition]) -> None:
        """Notes a look. Raises RecordAwayError while one that did not come may yet: what can never be read must hold
        nobody up for ever."""
        now = time.monotonic()
        for partition in asked:
            since, looks = self._looks.pop(partition, (now, 0))
            if partition not in came:
                self._looks[partition] = since, looks + 1
        waited_for = [p for p in asked if p in self._looks and not self._given_up(p, now)]
        if waited_for:
            raise RecordAwayError(f"no record came in time from {', '.join(map(str, waited_for))}")
        for partition in asked:
            self._looks.pop(partition, None)

    def _given_up(self, partition: TopicPartition, now: float) -> bool:
        since, looks = self._looks[partition]
        return looks >= UNREAD_LOOKS_MIN and now - since >= UNREAD_SECONDS_MAX


async def compare(
    look: Inspector, stored: Mapping[TopicPartition, Standing | None], unread: Unread
) -> dict[TopicPartition, Finding]:
    """Compares logs with what was taken from them: the record before the stored offset must be the same event, brought
    by the same sending.

    A log that ends before the offset, or holds another event there, is lost and is read from its beginning: a committed
    offset proves nothing, since it survives its log. So is one in which compaction removed that record, which costs a
    harmless repetition. A record that retention removed proves nothing either way, but those behind it that it removed
    too were never taken. The event alone proves nothing
    either: what is published again after a loss may come to lie where it lay before, behind what was never taken.

    Raises RecordAwayError when a record that is there did not come in time, which proves nothing; one that did not come
    for minutes counts as lost.
    """
    begins = await look.beginnings(list(stored))
    ends = await look.ends(list(stored))
    asked = {
        partition: standing.next_offset - 1
        for partition, standing in stored.items()
        if standing is not None and begins[partition] < standing.next_offset <= ends[partition]
    }
    records = await look.records(asked)
    unread.looked(asked, records)
    found = {}
    for partition, standing in stored.items():
        begin, end = begins[partition], ends[partition]
        if standing is None or (standing.next_offset <= begin and standing.next_offset <= end):
            missed = 0 if standing is None else begin - standing.next_offset
            found[partition] = Finding(begin, lost=False, end=end, missed=missed)
            continue
        record = records.get(partition)
        same = (
            record is not None
            and record.offset == standing.next_offset - 1
            and event_id_of(record) == standing.last_event_id
            and standing.last_sending in ("", sending_of(record))
        )
        found[partition] = Finding(standing.next_offset if same else begin, lost=not same, end=end)
    return found
