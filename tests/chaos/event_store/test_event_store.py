"""The event store under kills and cuts: no anomaly in what writers, readers and the relay saw."""

import pytest

from deploy.local.postgres import Postgres
from tests.chaos.event_store.run import Outcome, Size, run
from tests.kit.mortal import Mortal

SEED = 20260820


def judge(outcome: Outcome, size: Size) -> None:
    """A history in which nothing went wrong would prove nothing."""
    assert outcome.anomalies == []
    assert outcome.kills == size.kills
    assert outcome.cuts
    assert outcome.relay_deaths
    assert outcome.reads
    assert set(outcome.results) == {"ok", "conflict", "repeated", "unknown"}
    assert outcome.messages - outcome.repeated_messages > size.appends / 2


async def test_a_short_history_has_no_anomaly(mortal_postgres: Mortal[Postgres]) -> None:
    size = Size(appends=500, kills=1)
    judge(await run(mortal_postgres, size, SEED), size)


@pytest.mark.slow
async def test_a_history_with_many_kills_has_no_anomaly(mortal_postgres: Mortal[Postgres]) -> None:
    size = Size(appends=8_000, kills=6)
    judge(await run(mortal_postgres, size, SEED + 1), size)
