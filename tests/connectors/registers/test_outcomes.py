"""What refusals of the register's providers mean: every row of their table, and a default for what none names."""

from collections.abc import Callable
from typing import Any

import pytest

from chassis.outcomes import Deferred, Rejected, Retryable
from connectors.dadata.client import TABLE as DADATA_TABLE
from connectors.dadata.client import Dadata
from connectors.focus.client import TABLE as FOCUS_TABLE
from connectors.focus.client import Focus
from tests.connectors.kit import FailureType, Script, answer, clock, permit

PERMIT = permit("https://suggestions.example/suggestions/api/4_1/rs", "key")
CLIENTS: list[Callable[..., Any]] = [Dadata, Focus]
STATUSES: list[tuple[int, FailureType, str]] = [
    (400, Rejected, "vendor_request_wrong"),
    (404, Rejected, "vendor_request_wrong"),
    (405, Rejected, "vendor_request_wrong"),
    (408, Retryable, "vendor_fault"),
    (413, Rejected, "vendor_request_wrong"),
    (422, Rejected, "vendor_request_wrong"),
    (429, Deferred, "vendor_limit"),
    (500, Retryable, "vendor_fault"),
    (502, Retryable, "vendor_fault"),
    (503, Retryable, "vendor_fault"),
    (504, Retryable, "vendor_fault"),
    (418, Retryable, "vendor_answer_unknown"),
]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(("status", "kind", "problem"), STATUSES)
async def test_every_status(client: Callable[..., Any], status: int, kind: FailureType, problem: str) -> None:
    outcome = await client(Script(answer(b"no", status)), clock()).by_inn(PERMIT, "7709123453")
    assert isinstance(outcome, kind), outcome
    assert outcome.problem.code == problem


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("answered_today", "kind", "problem"),
    [(True, Deferred, "register_quota"), (False, Retryable, "register_refused")],
)
async def test_without_statistics_a_key_that_answered_today_has_used_its_quota_up(
    client: Callable[..., Any], status: int, answered_today: bool, kind: FailureType, problem: str
) -> None:
    script = Script(answer(b"no", status), answer(b"no", status))
    outcome = await client(script, clock()).by_inn(PERMIT, "7709123453", answered_today=answered_today)
    assert isinstance(outcome, kind), outcome
    assert outcome.problem.code == problem


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"sugges', b"5"])
async def test_an_unreadable_success_is_no_absence(client: Callable[..., Any], body: bytes) -> None:
    outcome = await client(Script(answer(body)), clock()).by_inn(PERMIT, "7709123453")
    assert isinstance(outcome, Retryable), outcome


@pytest.mark.parametrize("table", [DADATA_TABLE, FOCUS_TABLE])
def test_every_row_of_the_table_is_tried(table: Any) -> None:
    tried = {(status, None) for status, *_ in STATUSES} | {(200, None), (401, None), (403, None)}
    assert set(table.rows) <= tried
