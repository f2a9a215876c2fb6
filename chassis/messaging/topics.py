"""Topics as data, made at start: explicit partitions and retention, never by a broker's default."""

import logging
from collections.abc import Iterable
from typing import Protocol

from chassis.messaging.kafka import (
    REQUEST_BYTES_MAX,
    AIOKafkaAdminClient,
    KafkaSettings,
    NewTopic,
    TopicAlreadyExistsError,
    for_code,
)

REPLICATION_OF_THE_BROKER = -1

_log = logging.getLogger(__name__)


class TopicSpec(Protocol):
    """What a topic is made with. A compacted topic keeps the last message of every key for ever."""

    @property
    def name(self) -> str: ...
    @property
    def partitions(self) -> int: ...
    @property
    def compacted(self) -> bool: ...
    @property
    def retention_seconds(self) -> int: ...


class TopicDiffers(Exception):  # noqa: N818 - named after what was found
    """A topic has another number of partitions than its specification, which would scatter its keys."""


async def ensure_topics(settings: KafkaSettings, specs: Iterable[TopicSpec]) -> None:
    """Makes the topics that are missing; those that exist stay as they are.

    Raises TopicDiffers for one with another number of partitions, and KafkaError when the broker refuses or is away.
    """
    wanted = {settings.prefix + spec.name: spec for spec in specs}
    if not wanted:
        return
    admin = AIOKafkaAdminClient(**settings.client("sverka-topics"))
    try:
        await admin.start()
        partitions = {
            topic["topic"]: len(topic["partitions"])
            for topic in await admin.describe_topics(list(wanted))
            if not topic["error_code"]
        }
        for name, count in partitions.items():
            if count != wanted[name].partitions:
                raise TopicDiffers(
                    f"topic {name} has {count} partitions, not {wanted[name].partitions}; their number is never "
                    "changed in place: put the old number back, or move to a topic with another name"
                )
        await _create(admin, {name: spec for name, spec in wanted.items() if name not in partitions})
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, missing: dict[str, TopicSpec]) -> None:
    if not missing:
        return
    response = await admin.create_topics([_new(name, spec) for name, spec in missing.items()])
    for name, code, *text in response.topic_errors:
        error = for_code(code)
        if issubclass(error, TopicAlreadyExistsError):
            continue
        if code:
            raise error(f"topic {name} cannot be made: {text}")
        _log.info("topic %s made", name)


def _new(name: str, spec: TopicSpec) -> NewTopic:
    kept = (
        {"cleanup.policy": "compact"}
        if spec.compacted
        else {
            "cleanup.policy": "delete",
            "retention.ms": str(spec.retention_seconds * 1000),
        }
    )
    return NewTopic(
        name=name,
        num_partitions=spec.partitions,
        replication_factor=REPLICATION_OF_THE_BROKER,
        replica_assignments={},  # aiokafka wants it beside the broker's own replication
        topic_configs={**kept, "max.message.bytes": str(REQUEST_BYTES_MAX), "unclean.leader.election.enable": "false"},
    )
