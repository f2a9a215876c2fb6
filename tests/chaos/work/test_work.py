"""Work runners keep their promises to each other and to the vendor, whoever dies or stands still."""

from pathlib import Path

import pytest

from deploy.local.postgres import Postgres
from tests.chaos.work.run import Size, run
from tests.kit.mortal import Mortal

SEED = 20261122


@pytest.mark.timeout(300)
async def test_no_call_is_lost_doubled_or_made_without_leave(mortal_postgres: Mortal[Postgres], tmp_path: Path) -> None:
    """A run in which nobody was in doubt would prove nothing."""
    size = Size()
    outcome = await run(mortal_postgres, tmp_path, size, SEED)
    assert outcome.anomalies == []
    assert outcome.strikes == {"freeze": size.freezes, "kill": size.kills, "outage": size.outages}
    assert outcome.calls > outcome.effects / 2
    assert outcome.looked_up
    assert outcome.lost
