"""I7, I8, I10, I11: nothing that came is lost, nothing is handled twice, and streams are whole."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tests.chaos.checker.history import READERS, SERVICES, Line, Row, Tables, Violation, seconds

OK: Final = 200
DEAL: Final = 2
BROKER_AWAY: Final = frozenset({"NoKafka", "KillKafka", "LoseKafka", "LoseTopic", "SlowKafka"})
INGEST_AWAY: Final = frozenset(
    {
        "KillService", "KillAtCrashPoint", "FreezeService", "RollingEnd", "TwoOfOne", "KillPostgres", "CutCommits",
        "IdleInTransaction", "RefuseCommits", "SlowPostgres", "TokensEnd", "Burst", "KillSandbox",
    }
)  # fmt: skip
BACK_SECONDS: Final = 5.0
COMPACTED: Final = frozenset({"tenants"})
"""Topics of which only each key's last message must be there."""


def acknowledged_webhooks_are_stored(
    lines: Sequence[Line], injections: Sequence[Row], tenants: Sequence[Row], tables: Tables
) -> Iterator[Violation]:
    """I7. Every webhook that was answered 200 is in the product's table of webhooks, as often as it was answered so."""
    posts: dict[str, Line] = {}
    acknowledged: Counter[tuple[str, str]] = Counter()
    proof: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for line in lines:
        if line["kind"] != "event":
            continue
        if line["phase"] == "queued":
            posts[line["event"]] = line
        elif line["phase"] == "sent" and line["status"] == OK:
            body = posts[line["event"]]["post"]["body"]
            key = (line["account"], hashlib.sha256(body.encode()).hexdigest())
            acknowledged[key] += 1
            proof[key].append(line)
    for injection in injections:
        for slug, sha256, count in injection["detail"].get("acknowledged", ()):
            acknowledged[slug, sha256] += count
    stored = Counter((row["tenant_id"], row["sha256"]) for row in tables["ingest"]["webhooks"])
    for key, count in acknowledged.items():
        if stored[key] < count:
            yield Violation(
                "I7", f"{key[0]}: a webhook was acknowledged {count} times and stored {stored[key]} times",
                tuple(proof[key]),
            )  # fmt: skip


def webhooks_need_no_broker(injections: Sequence[Row], lines: Sequence[Line]) -> Iterator[Violation]:
    """I7. Ingest acknowledges webhooks while Kafka is away: none is refused but those that came while ingest itself or
    its database was struck too."""
    away = [one for one in injections if one["name"] in BROKER_AWAY]
    others = [(one["began"], one["ended"] + BACK_SECONDS) for one in injections if one["name"] in INGEST_AWAY]
    for line in lines:
        if line["kind"] != "event" or line["phase"] != "failed" or line["event"].endswith("forged"):
            continue
        real = seconds(line["real_at"])
        alone = not any(began - BACK_SECONDS < real < ended for began, ended in others)
        if alone and any(one["began"] < real < one["ended"] for one in away):
            yield Violation("I7", f"{line['account']}: a webhook was refused for want of Kafka", (line,))


def every_stage_entry_was_taken(
    portals: Mapping[str, Mapping[str, Sequence[Row]]], tables: Tables, lines: Sequence[Line]
) -> Iterator[Violation]:
    """I8. Every entry of a stage in a portal's own history was taken in by the product, whether its webhook came or
    not."""
    known = {(row["tenant_id"], int(row["history_id"])) for row in tables["ingest"]["stage_entries"] if row["observed"]}
    for slug, portal in portals.items():
        for entry in portal["stagehistory"]:
            if entry["ENTITY_TYPE_ID"] == DEAL and (slug, entry["ID"]) not in known:
                yield Violation(
                    "I8",
                    f"{slug}: entry {entry['ID']} of deal {entry['OWNER_ID']} into {entry['STAGE_ID']} was never seen",
                    tuple(
                        line
                        for line in lines
                        if line["kind"] == "change"
                        and line["account"] == slug
                        and line["data"].get("family") == "stagehistory"
                        and line["data"].get("id") == entry["ID"]
                    ),
                )


def streams_are_whole(tables: Tables) -> Iterator[Violation]:
    """I10. The versions of a stream are 1, 2, 3 … without gap or repeat, and go up in the order in which they were
    written."""
    for service, rows in tables.items():
        versions: dict[tuple[str, str], list[int]] = defaultdict(list)
        for row in sorted(rows["events"], key=lambda row: row["position"]):
            versions[row["tenant_id"], row["stream"]].append(row["version"])
        for (tenant, stream), found in versions.items():
            if found != list(range(1, len(found) + 1)):
                yield Violation("I10", f"{service}: stream {stream} of {tenant} has the versions {found}")


def read_rows_can_be_made_again(rebuilt: Mapping[str, Mapping[str, Any]]) -> Iterator[Violation]:
    """I10. Read rows made anew from the events are the read rows that were there."""
    for service, tables in rebuilt.items():
        for table, both in tables.items():
            before, after = (sorted(map(_canonical, both[name])) for name in ("before", "after"))
            if before != after:
                odd = tuple(set(before) ^ set(after))
                yield Violation("I10", f"{service}: {len(odd)} rows of {table} differ when they are made anew", odd)


def outboxes_are_drained(tables: Tables) -> Iterator[Violation]:
    """I11. Every public message has left for Kafka, and each service that it is for has taken it; none is dead."""
    taken = {
        service: {(row["tenant_id"], row["event_id"]) for row in tables[service]["inbox"]}
        | {(row["tenant_id"], row["event_id"]) for row in tables[service]["dead_letters"]}
        for service in SERVICES
    }
    for service, rows in tables.items():
        unsent = [row for row in rows["outbox"] if row["published_at"] is None]
        if unsent:
            yield Violation("I11", f"{service}: {len(unsent)} messages were never sent", tuple(unsent))
        for row in rows["outbox"]:
            for reader in READERS.get(dict(row["headers"])["ce_type"], ()):
                if (row["tenant_id"], row["message_id"]) not in taken[reader]:
                    yield Violation(
                        "I11", f"{reader} never took the message {row['message_id']} of {row['topic']}", (row,)
                    )
        open_letters = [row for row in rows["dead_letters"] if row["resolution"] is None]
        if open_letters:
            yield Violation("I11", f"{service}: {len(open_letters)} messages are dead", tuple(open_letters))


def topics_are_whole(broker: Mapping[str, Sequence[Sequence[str]]], tables: Tables) -> Iterator[Violation]:
    """I11. The broker holds every message that was sent, each key's in the order in which they were recorded, also
    after it had lost its data: whoever reads a topic from its beginning gets all of it."""
    held = {
        (topic, key, message): place for topic, log in broker.items() for place, (key, message) in enumerate(log)
    }  # of a message that was sent again, the last one
    for service, rows in tables.items():
        expected: dict[tuple[str, str], dict[str, Row]] = defaultdict(dict)
        for row in sorted(rows["outbox"], key=lambda row: row["seq"]):
            expected[row["topic"], row["key"]].setdefault(row["message_id"], row)
        for (topic, key), messages in expected.items():
            wanted = list(messages)[-1:] if topic in COMPACTED else list(messages)
            places = [held[topic, key, message] for message in wanted if (topic, key, message) in held]
            if len(places) < len(wanted):
                gone = tuple(row for message, row in messages.items() if (topic, key, message) not in held)
                yield Violation("I11", f"{service}: {len(gone)} messages of {topic} are not in it", gone)
            elif places != sorted(places):
                yield Violation("I11", f"{service}: messages of {key} lie in {topic} out of order", tuple(places))


def each_message_has_one_effect(tables: Tables) -> Iterator[Violation]:
    """I11. A command is appended once: its events in a stream follow each other without another's between them."""
    for service, rows in tables.items():
        versions: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        for row in rows["events"]:
            versions[row["tenant_id"], row["stream"], row["command_id"]].append(row["version"])
        for (tenant, stream, command), found in versions.items():
            if sorted(found) != list(range(min(found), min(found) + len(found))):
                yield Violation(
                    "I11", f"{service}: command {command} was appended to {stream} of {tenant} more than once: {found}"
                )


def _canonical(row: Mapping[str, Any]) -> str:
    return repr(sorted((name, str(value)) for name, value in row.items()))
