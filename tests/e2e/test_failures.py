"""What goes wrong outside, and what people see of it."""

import json
import os
import signal
from typing import Any

import httpx
import pytest
import yaml

from tests.e2e.conftest import Installation, Portal

pytestmark = [pytest.mark.parts, pytest.mark.timeout(400)]


def test_a_lost_webhook_is_found_by_the_sweep(installation: Installation, shared_portal: Portal) -> None:
    company, _ = shared_portal.company()
    deal = shared_portal.deal(company=company)
    installation.settle()
    rule = shared_portal.fault("bitrix24", "event:*", "drop", "--rate", "1")
    shared_portal.move(deal)
    installation.json("sandbox", "faults", "clear", rule)
    installation.settle()
    assert shared_portal.seen(deal)["UF_CRM_INVOICE_NUMBER"] == f"B24-{deal}"


def test_a_forged_webhook_is_refused_without_detail(installation: Installation, shared_portal: Portal) -> None:
    forged = {"event": "ONCRMDEALUPDATE", "data[FIELDS][ID]": "1", "auth[application_token]": "somebody-elses"}
    answer = httpx.post(shared_portal.known["hook"], data=forged, timeout=10)
    assert 400 <= answer.status_code < 500
    assert "somebody" not in answer.text
    unknown = httpx.post(shared_portal.known["hook"][:-4] + "none", data=forged, timeout=10)
    assert 400 <= unknown.status_code < 500


@pytest.mark.parametrize("kind", ["timeout_after", "error_after", "html_200", "truncated", "reset"])
def test_an_uncertain_creation_is_looked_up_before_anything_else(installation: Installation, kind: str) -> None:
    portal = installation.portal()
    company, _ = portal.company()
    deal = portal.deal(company=company)
    portal.fault("elba", "invoice.create", kind, "--call", "1", "--param", "hang_seconds=1")
    portal.move(deal)
    installation.settle(180)
    assert [one["number"] for one in portal.records("invoices")] == [f"B24-{deal}"]
    assert portal.seen(deal)["UF_CRM_INVOICE_NUMBER"] == f"B24-{deal}"


def test_an_outage_is_told_once_and_work_goes_on_after_it(installation: Installation) -> None:
    portal = installation.portal()
    company, _ = portal.company()
    deals = [portal.deal(company=company) for _ in range(3)]
    rule = portal.fault("elba", "*", "error_before", "--rate", "1")
    for deal in deals:
        portal.move(deal)

    def told() -> bool:
        return any("не отвечает с" in message["text"] for message in portal.chat())

    installation.until("the alert", told, 120)
    work = installation.json("work", "list", "--tenant", portal.slug)["work"]
    assert all(one["reason_text"] for one in work if one["delayed_since"])
    assert not installation.json_status()["idle"]
    installation.json("sandbox", "faults", "clear", rule)
    installation.settle(180)
    assert {one["number"] for one in portal.records("invoices")} == {f"B24-{deal}" for deal in deals}
    messages = [message["text"] for message in portal.chat()]
    assert sum("не отвечает с" in text for text in messages) == 1
    assert sum("снова отвечает" in text for text in messages) == 1


def test_the_head_is_told_in_the_place_of_a_dismissed_responsible(
    installation: Installation, shared_portal: Portal
) -> None:
    hook = yaml.safe_load(shared_portal.file.read_text())["bitrix24"]["webhook_url"]

    def rest(method: str, **params: Any) -> None:
        httpx.post(f"{hook}{method}", json=params, timeout=10).raise_for_status()

    deal = shared_portal.deal()
    rest("crm.item.update", entityTypeId=2, id=deal, fields={"assignedById": 9})
    rest("user.update", ID=9, ACTIVE=False)
    shared_portal.move(deal)
    installation.settle()
    rest("user.update", ID=9, ACTIVE=True)
    told = [(one["user"], one["text"]) for one in shared_portal.notifications() if f"№ {deal}." in one["text"]]
    ((user_id, text),) = told
    assert user_id == 1
    assert "Предназначалось ответственному" in text
    assert "Ольга Зимина" in text
    assert not any(f"№ {deal}." in message["text"] for message in shared_portal.chat())


def test_killed_services_lose_and_double_nothing(installation: Installation) -> None:
    portal = installation.portal()
    company, _ = portal.company()
    deals = [portal.deal(company=company) for _ in range(6)]
    for deal in deals:
        portal.move(deal)
    for name in ("invoicing", "counterparty", "notifier", "ingest", "payments"):
        os.kill(_pid(installation, name), signal.SIGKILL)
    installation.until("all ready again", lambda: installation.json_status()["ready"], 60)
    installation.settle(240)
    assert sorted(one["number"] for one in portal.records("invoices")) == sorted(f"B24-{deal}" for deal in deals)
    assert len(portal.records("counterparties")) == 1
    for deal in deals:
        seen = portal.seen(deal)
        assert seen["UF_CRM_INVOICE_NUMBER"] == f"B24-{deal}"
        comments = portal.comments(deal)
        assert len(comments) == len(set(comments))


@pytest.mark.parametrize("part", ["kafka", "postgres"])
def test_a_killed_part_loses_and_doubles_nothing(installation: Installation, part: str) -> None:
    portal = installation.portal()
    company, _ = portal.company()
    deals = [portal.deal(company=company) for _ in range(6)]
    for deal in deals[:3]:
        portal.move(deal)
    os.kill(int(_run(installation)[part]["pid"]), signal.SIGKILL)
    for deal in deals[3:]:
        portal.move(deal)
    installation.until("all ready again", lambda: installation.json_status()["ready"], 120)
    installation.settle(240)
    assert sorted(one["number"] for one in portal.records("invoices")) == sorted(f"B24-{deal}" for deal in deals)
    for deal in deals:
        comments = portal.comments(deal)
        assert len(comments) == len(set(comments)) > 0


@pytest.mark.expects_errors("the event loop is blocked", "a loop makes no progress")
def test_status_answers_while_ingest_does_not(installation: Installation) -> None:
    pid = _pid(installation, "ingest")
    os.kill(pid, signal.SIGSTOP)
    try:
        answer = installation.call("status", "--json")
        status = installation.json_status()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert answer.code == 1
    assert "ingest" in answer.err
    assert not status["services"]["ingest"]["ready"]
    assert status["services"]["payments"]["ready"]
    installation.until("ready again", lambda: installation.json_status()["ready"], 30)


def test_a_suspended_tenant_begins_nothing_until_it_is_resumed(installation: Installation) -> None:
    portal = installation.portal()
    company, _ = portal.company()
    deal = portal.deal(company=company)
    installation.settle()
    assert installation.json("tenant", "suspend", portal.slug)["status"] == "suspended"
    installation.settle()
    portal.move(deal)
    installation.until("the webhook", lambda: not installation.json("sandbox", "status")["events_pending"])
    before = installation.now()
    installation.until("a minute of business time", lambda: (installation.now() - before).total_seconds() > 240)
    assert portal.records("invoices") == []
    assert installation.json("tenant", "resume", portal.slug)["status"] == "active"
    installation.settle()
    assert [one["number"] for one in portal.records("invoices")] == [f"B24-{deal}"]


def test_a_second_up_on_the_folder_names_who_holds_it(installation: Installation) -> None:
    refused = installation.call("up", "--sandbox")
    assert refused.code == 1
    assert "in use by process" in refused.err


def _pid(installation: Installation, service: str) -> int:
    return int(_run(installation)["services"][service]["pid"])


def _run(installation: Installation) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((installation.data / "run.json").read_text())
    return found
