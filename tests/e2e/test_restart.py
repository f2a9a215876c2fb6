"""A launcher that is killed in the middle of work, and the next `up` on its folder."""

import json
import os
import signal
from pathlib import Path

import pytest

from deploy.local import processes
from tests.e2e.conftest import CLOCK_RATE, START, Installation

pytestmark = [pytest.mark.parts, pytest.mark.slow, pytest.mark.timeout(400)]


def test_a_killed_launcher_is_recovered_from_with_nothing_lost(tmp_path: Path) -> None:
    at = Installation(tmp_path / "data")
    assert at.call("up", "--sandbox", "--detach").code == 0
    try:
        at.json("sandbox", "clock", "set", START)
        at.json("sandbox", "clock", "rate", str(CLOCK_RATE))
        portal = at.portal()
        company, _ = portal.company()
        deals = [portal.deal(company=company) for _ in range(5)]
        for deal in deals:
            portal.move(deal)
        run = json.loads((at.data / "run.json").read_text())
        os.kill(run["launcher"]["pid"], signal.SIGKILL)
        at.until("the end of the services", lambda: not processes.start_ticks(run["services"]["ingest"]["pid"]))
        assert at.call("status").code == 1
        assert at.call("up", "--sandbox", "--detach").code == 0
        again = json.loads((at.data / "run.json").read_text())
        assert again["sandbox"]["url"] == run["sandbox"]["url"]
        at.settle(240)
        assert sorted(one["number"] for one in portal.records("invoices")) == sorted(f"B24-{deal}" for deal in deals)
        for deal in deals:
            assert portal.seen(deal)["UF_CRM_INVOICE_NUMBER"] == f"B24-{deal}"
            comments = portal.comments(deal)
            assert len(comments) == len(set(comments))
    finally:
        assert at.call("down").code == 0
