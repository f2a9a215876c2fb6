"""Tenants are apart in every table, whatever happens to the connections that serve them in turn."""

from deploy.local.postgres import Postgres
from tests.chaos.tenants.run import LOOKERS, LOOKS, TURNS, run
from tests.kit.mortal import Mortal

SEED = 20261122


async def test_no_tenant_sees_or_writes_rows_of_another(mortal_postgres: Mortal[Postgres]) -> None:
    """A run in which nothing is shown or nothing goes wrong would prove nothing."""
    outcome = await run(mortal_postgres, TURNS, SEED)
    assert outcome.anomalies == []
    assert outcome.unfinished
    assert outcome.cuts
    assert outcome.looks["shown"] >= TURNS * LOOKERS * LOOKS / 2
    assert outcome.tries["refused"]
    assert {"insert", "update", "delete"} <= outcome.tries.keys()
