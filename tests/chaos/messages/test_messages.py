"""Every message is decided once and in order of its key, whenever the database fails under its consumer."""

from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres
from tests.chaos.messages.run import MESSAGES, WHENS, run
from tests.kit.mortal import Mortal

SEED = 20261122


async def test_every_message_is_decided_once_and_in_order(
    mortal_postgres: Mortal[Postgres], mortal_kafka: Mortal[Kafka]
) -> None:
    outcome = await run(mortal_postgres, mortal_kafka, SEED)
    assert outcome.anomalies == []
    assert outcome.decided == MESSAGES
    assert set(outcome.failures) == set(WHENS)
    assert outcome.looks
