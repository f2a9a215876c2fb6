"""Bitrix24 over real HTTP: what it refuses, its limits, a renamed portal, and every kind of fault."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chassis.outcomes import Deferred, Ok, Retryable, Uncertain
from chassis.work.handlers import Permit
from connectors.ports.crm import (
    AddComment,
    CrmCommand,
    MoveStage,
    SetFields,
)
from tests.connectors.bitrix24.office import MARKER, Office, commands, open_office
from tests.connectors.kit import FailureType
from tests.connectors.kit_sandbox import sandboxed


async def test_a_renamed_portal_is_followed(office: Office) -> None:
    deal_id = await office.deal()
    await office.act("/rename", {})
    assert (await office.read(deal_id)).deal.deal_id == deal_id
    assert len(office.moved) == 1
    assert office.moved[0].new_endpoint != office.permit.endpoint
    office.permit = Permit("portal-1", office.moved[0].new_endpoint, "", 10, datetime.now(UTC))
    assert (await office.read(deal_id)).deal.deal_id == deal_id
    assert len(office.moved) == 1


@pytest.mark.parametrize(
    ("suspended", "problem"),
    [("PAYMENT_REQUIRED", "crm_plan_refused"), ("PORTAL_DELETED", "crm_portal_deleted"),
     ("ACCESS_DENIED", "crm_plan_refused"), ("OVERLOAD_LIMIT", "crm_blocked")],
)  # fmt: skip
async def test_a_portal_that_is_closed(office: Office, suspended: str, problem: str) -> None:
    await office.act("", {"suspended": suspended}, "PATCH")
    for outcome in (await office.crm.ping(office.permit), *await office.crm.write(office.permit, commands("1")[:2])):
        assert isinstance(outcome, Retryable)
        assert (outcome.problem.code, outcome.outage) == (problem, True)


async def test_a_webhook_that_is_gone(office: Office) -> None:
    away = Permit("portal-1", office.permit.endpoint.rstrip("/") + "x/", "", 1, datetime.now(UTC))
    outcome = await office.crm.ping(away)
    assert isinstance(outcome, Retryable)
    assert outcome.problem.code == "crm_connection_refused"


async def test_errors_as_pages_of_html(office: Office) -> None:
    await office.act("", {"html_errors": True, "suspended": "OVERLOAD_LIMIT"}, "PATCH")
    assert isinstance(await office.crm.ping(office.permit), Retryable)
    outcomes = await office.crm.write(office.permit, [MoveStage("1", "NEW")])
    assert isinstance(outcomes[0], Uncertain)


async def test_the_rate_limit_is_no_failure(tmp_path: Path) -> None:
    async with sandboxed(tmp_path, limits=True) as (sandbox, http):
        office = await open_office(sandbox, http, dials={"limit_burst": 2, "limit_per_second": 0.01})
        outcomes = [await office.crm.ping(office.permit) for _ in range(5)]
        assert isinstance(outcomes[-1], Deferred)
        assert outcomes[-1].problem.code == "vendor_limit"


async def test_the_operating_limit_tells_when(tmp_path: Path) -> None:
    async with sandboxed(tmp_path, limits=True) as (sandbox, http):
        dials = {"operating_limit_seconds": 1, "operating_cost_seconds": {"crm.item.update": 5}}
        office = await open_office(sandbox, http, dials=dials)
        deal_id = await office.deal()
        fields = SetFields("deal", deal_id, {"UF_CRM_INVOICE_NUMBER": "B24-1"})
        outcomes = [(await office.crm.write(office.permit, [fields]))[0] for _ in range(3)]
        assert isinstance(outcomes[-1], Deferred)
        assert outcomes[-1].until is not None
        assert isinstance(await office.crm.ping(office.permit), Ok)


# What a fault of the whole request makes of a move, and whether the deal has moved.
BATCH_FAULTS: list[tuple[str, dict[str, Any], FailureType, bool]] = [
    ("timeout_before", {}, Uncertain, False),
    ("timeout_after", {}, Uncertain, True),
    ("late_commit", {"commit_seconds": 1000}, Uncertain, False),
    ("error_before", {"status": 500}, Uncertain, False),
    ("error_after", {"status": 500}, Uncertain, True),
    ("error_after", {"status": 502}, Uncertain, True),
    ("limit_503", {}, Deferred, False),
    ("limit_429", {}, Deferred, False),
    ("operation_time_limit", {}, Deferred, False),
    ("slow_bytes", {}, Uncertain, True),
    ("truncated", {}, Uncertain, True),
    ("reset", {}, Uncertain, True),
    ("html_200", {}, Uncertain, True),
    ("empty", {}, Uncertain, True),
    ("field_missing", {"field": "result"}, Uncertain, True),
    ("field_retyped", {"field": "result.result"}, Uncertain, True),
]


@pytest.mark.parametrize(("kind", "params", "expected", "moved"), BATCH_FAULTS)
async def test_a_write_meets_every_fault(
    office: Office, kind: str, params: dict[str, Any], expected: FailureType, moved: bool
) -> None:
    deal_id = await office.deal(stage="PREPARATION")
    await office.fault("batch", kind, **params)
    outcome = (await office.crm.write(office.permit, [MoveStage(deal_id, "EXECUTING")]))[0]
    assert isinstance(outcome, expected), outcome
    shown = await office.view(deal_id)
    assert (shown["deal"]["stageId"] == "EXECUTING") is moved


COMMAND_FAULTS: list[tuple[str, FailureType | type[Ok[Any]]]] = [
    ("error_before", Uncertain), ("error_after", Uncertain), ("limit_503", Deferred), ("limit_429", Deferred),
    ("timeout_before", Uncertain), ("timeout_after", Uncertain),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "expected"), COMMAND_FAULTS)
async def test_a_fault_of_one_command(office: Office, kind: str, expected: FailureType) -> None:
    deal_id = await office.deal(stage="PREPARATION")
    await office.fault("crm.timeline.comment.add", kind)
    sent: list[CrmCommand] = [
        SetFields("deal", deal_id, {"UF_CRM_INVOICE_NUMBER": "B24-1"}),
        AddComment(deal_id, "Счёт", MARKER, search_first=False),
    ]
    outcomes = await office.crm.write(office.permit, sent)
    assert isinstance(outcomes[1], expected), outcomes[1]
    assert (await office.view(deal_id))["deal"]["UF_CRM_INVOICE_NUMBER"] == "B24-1"
    repeated = await office.crm.write(office.permit, [AddComment(deal_id, "Счёт", MARKER)])
    assert isinstance(repeated[0], Ok)
    assert len((await office.view(deal_id))["comments"]) == 1


READ_FAULTS = [
    "timeout_before",
    "timeout_after",
    "error_before",
    "error_after",
    "slow_bytes",
    "truncated",
    "reset",
    "html_200",
    "empty",
]


@pytest.mark.parametrize("kind", READ_FAULTS)
async def test_a_read_meets_every_fault(office: Office, kind: str) -> None:
    deal_id = await office.deal()
    await office.fault("batch", kind)
    assert isinstance(await office.crm.read_deal(office.permit, deal_id), Retryable)
    assert (await office.read(deal_id)).deal.deal_id == deal_id


@pytest.mark.parametrize(
    "operation",
    [
        "crm.item.get",
        "crm.item.productrow.list",
        "crm.requisite.link.get",
        "crm.requisite.list",
        "crm.stagehistory.list",
    ],
)
@pytest.mark.parametrize("kind", ["error_before", "limit_503"])
async def test_a_part_that_could_not_be_read_is_no_absence(office: Office, operation: str, kind: str) -> None:
    company = await office.company()
    deal_id = await office.deal(company=company["company"]["id"])
    await office.fault(operation, kind)
    outcome = await office.crm.read_deal(office.permit, deal_id)
    assert isinstance(outcome, Deferred if kind == "limit_503" else Retryable), outcome
