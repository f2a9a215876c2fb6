"""Loss at the broker: whether a log still is the one that a consumer or the relay knew."""

from collections.abc import Mapping
from dataclasses import dataclass

from chassis.messaging.codec import event_id_of, sending_of
from chassis.messaging.inbox import Standing
from chassis.messaging.kafka import Inspector, TopicPartition


@dataclass(frozen=True, slots=True)
class Finding:
    """Where a consumer has to go on in a partition, whether the log it knew is lost, where the log ends, and how many
    messages retention removed before they were taken."""

    resume: int
    lost: bool
    end: int
    missed: int = 0


async def compare(look: Inspector, stored: Mapping[TopicPartition, Standing | None]) -> dict[TopicPartition, Finding]:
    """Compares logs with what was taken from them: the record before the stored offset must be the same event, brought
    by the same sending.

    A log that ends before the offset, or holds another event there, is lost and is read from its beginning: a committed
    offset proves nothing, since it survives its log. So is one in which compaction removed that record, which costs a
    harmless repetition. A record that retention removed proves nothing either way, but those behind it that it removed
    too were never taken. The event alone proves nothing
    either: what is published again after a loss may come to lie where it lay before, behind what was never taken.
    """
    begins = await look.beginnings(list(stored))
    ends = await look.ends(list(stored))
    asked = {
        partition: standing.next_offset - 1
        for partition, standing in stored.items()
        if standing is not None and begins[partition] < standing.next_offset <= ends[partition]
    }
    records = await look.records(asked)
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
