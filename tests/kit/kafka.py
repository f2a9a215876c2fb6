"""Topics of its own for every test, and what tests ask a broker."""

import secrets
from dataclasses import dataclass

import pytest

from chassis.messaging.kafka import KafkaSettings

PROBE_SECONDS_MAX = 30.0


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic with few partitions, as tests use them."""

    name: str
    partitions: int = 3
    compacted: bool = False
    retention_seconds: int = 14 * 24 * 3600


@pytest.fixture
def kafka(kafka_bootstrap: str) -> KafkaSettings:
    """The run's broker under a prefix of the test's own."""
    return KafkaSettings(kafka_bootstrap, prefix=f"t{secrets.token_hex(4)}.")
