"""An account whose refresh tokens serve once is renewed by one process at a time, and never lost."""

from pathlib import Path

from deploy.local.postgres import Postgres
from tests.chaos.tokens.run import ASKERS, PROCESSES, ROUNDS, run
from tests.kit.mortal import Mortal

SEED = 20261122


async def test_an_account_is_renewed_by_one_process_at_a_time(
    mortal_postgres: Mortal[Postgres], tmp_path: Path
) -> None:
    outcome = await run(mortal_postgres, tmp_path, SEED)
    assert outcome.anomalies == []
    assert outcome.asked >= ROUNDS, "in each round the token had ended"
    assert outcome.given == ROUNDS * PROCESSES * ASKERS
    assert outcome.stood_still
