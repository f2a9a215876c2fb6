"""An installation of the sample service for each test that asks for one."""

from collections.abc import AsyncIterator

import pytest

from chassis.messaging.kafka import KafkaSettings
from chassis.messaging.topics import ensure_topics
from tests.chassis.sample.domain import MIGRATIONS
from tests.chassis.sample.service import TOPIC, Sample
from tests.kit.database import Databases
from tests.kit.kafka import TestTopic


@pytest.fixture
async def sample(databases: Databases, kafka: KafkaSettings) -> AsyncIterator[Sample]:
    own = await databases("sample", MIGRATIONS)
    database = await own.open()
    await ensure_topics(kafka, [TestTopic(TOPIC)])
    yield Sample(own, database, kafka)
    await database.close()
