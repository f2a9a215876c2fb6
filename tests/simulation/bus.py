"""The topics in memory: an order for each Kafka key of a topic, none between them; offsets of each reader."""

from collections import Counter
from dataclasses import dataclass

from contracts.envelope import Envelope, Message

Queue = tuple[str, str]
"""A topic and a Kafka key: what is in order among itself. Real partitions keep more order than this."""


@dataclass(frozen=True, slots=True)
class Record:
    """One message as it lies in a topic."""

    topic: str
    key: str
    envelope: Envelope
    message: Message


class Bus:
    """All topics; ``readers`` names the services that read each."""

    def __init__(self, readers: dict[str, tuple[str, ...]]) -> None:
        self._readers = readers
        self._logs: dict[Queue, list[Record]] = {}
        self._written: dict[Queue, list[Record]] = {}
        self._offsets: dict[str, dict[Queue, int]] = {}
        self._behind: dict[str, dict[Queue, None]] = {}
        self._held: dict[str, set[str]] = {}
        self.readings = [(reader, topic) for topic, names in readers.items() for reader in names]
        self.mishaps: Counter[str] = Counter()

    def send(self, record: Record) -> None:
        """Appends a message to its topic."""
        queue = (record.topic, record.key)
        self._written.setdefault(queue, []).append(record)
        self._append(queue, record)

    def _append(self, queue: Queue, record: Record) -> None:
        self._logs.setdefault(queue, []).append(record)
        for reader in self._readers[record.topic]:
            self._put_before(reader, queue)

    def _put_before(self, reader: str, queue: Queue) -> None:
        if queue[0] not in self._held.get(reader, ()):
            self._behind.setdefault(reader, {})[queue] = None

    def send_again(self, queue: Queue, count: int) -> None:
        """Appends the newest messages of a key once more, as a relay does that died before it marked them."""
        self.mishaps["sent twice"] += 1
        for record in self._logs.get(queue, [])[-count:]:
            self._append(queue, record)

    def lose(self, queue: Queue, newer: int) -> None:
        """Loses what lies under a key: a relay sends its newest messages into the new log before it sees the loss, then
        all that were ever written once more, in their order."""
        self.mishaps["lost a log"] += 1
        written = self._written[queue]
        self._logs[queue] = []
        for reader in self._readers[queue[0]]:
            self._offsets.setdefault(reader, {})[queue] = 0
        for record in (*written[-newer:], *written):
            self._append(queue, record)

    def unread(self) -> list[Queue]:
        """Keys with several messages that somebody has not taken, so that their order can still be lost."""
        found = {
            queue: None for reader, queues in self._behind.items() for queue in queues if self._left(reader, queue) > 1
        }
        return list(found)

    def hold(self, reader: str, topic: str) -> None:
        """A reader takes nothing more of a topic, so that messages gather there."""
        self.mishaps["held"] += 1
        self._held.setdefault(reader, set()).add(topic)
        behind = self._behind.setdefault(reader, {})
        for queue in [one for one in behind if one[0] == topic]:
            del behind[queue]

    def let_go(self, reader: str, topic: str) -> None:
        """A reader that was held goes on where it stood."""
        self._held[reader].discard(topic)
        for queue, _ in self.gathered(reader, topic):
            self._put_before(reader, queue)

    def gathered(self, reader: str, topic: str) -> list[tuple[Queue, int]]:
        """The keys of a topic that a reader has not read to their end, with how many messages are left of each."""
        left = ((queue, self._left(reader, queue)) for queue in self._logs if queue[0] == topic)
        return [(queue, count) for queue, count in left if count]

    def _left(self, reader: str, queue: Queue) -> int:
        return len(self._logs[queue]) - self._offsets.get(reader, {}).get(queue, 0)

    def waiting(self, reader: str) -> dict[Queue, None]:
        """The keys that have something for a reader."""
        return self._behind.setdefault(reader, {})

    def read(self, reader: str, queue: Queue, count: int) -> list[Record]:
        """The next messages of a key."""
        offset = self._offsets.setdefault(reader, {}).get(queue, 0)
        return self._logs[queue][offset : offset + count]

    def acknowledge(self, reader: str, queue: Queue, count: int) -> None:
        """Moves a reader's offset on."""
        offsets = self._offsets.setdefault(reader, {})
        offsets[queue] = offsets.get(queue, 0) + count
        if offsets[queue] >= len(self._logs[queue]):
            self._behind.setdefault(reader, {}).pop(queue, None)

    def rewind(self, reader: str, queue: Queue, count: int) -> None:
        """Moves a reader's offset back."""
        self.mishaps["rewound"] += 1
        offsets = self._offsets.setdefault(reader, {})
        offsets[queue] = max(0, offsets.get(queue, 0) - count)
        self._put_before(reader, queue)

    def is_quiet(self) -> bool:
        """Whether nobody has anything to take now."""
        return not any(self._behind.values())

    def is_empty(self) -> bool:
        """Whether everybody has read everything."""
        return self.is_quiet() and not any(self._held.values())
