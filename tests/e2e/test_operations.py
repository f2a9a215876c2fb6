"""What operators do: tenants' files, work, dead letters, topics."""

import json
import uuid
from zoneinfo import ZoneInfo

import pytest
import yaml

from chassis.messaging.kafka import KafkaSettings, start_producer
from contracts.topics import SERVICES
from tests.e2e.conftest import Installation, Portal

pytestmark = [pytest.mark.parts, pytest.mark.timeout(400)]

MOSCOW = ZoneInfo("Europe/Moscow")


def test_applying_shows_the_difference_and_the_same_file_changes_nothing(installation: Installation) -> None:
    portal = installation.portal()
    again = installation.call("tenant", "apply", str(portal.file), "--yes")
    assert again.code == 0
    assert "nothing to change" in again.out
    document = yaml.safe_load(portal.file.read_text())
    document["name"] = "ООО «Другое»"
    document["bitrix24"]["application_token"] = "another-token-of-the-portal"
    portal.file.write_text(yaml.safe_dump(document, allow_unicode=True))
    asked = installation.call("tenant", "apply", str(portal.file))
    assert asked.code == 2
    assert "--yes" in asked.err
    changed = installation.call("tenant", "apply", str(portal.file), "--yes")
    assert "Другое" in changed.out
    assert "another-token" not in changed.out
    view = installation.json("tenant", "show", portal.slug)
    assert (view["name"], view["version"]) == ("ООО «Другое»", 2)
    assert "another-token" not in json.dumps(view)
    assert installation.json("tenant", "check", portal.slug)["checks"]


def test_versions_and_durability_are_those_in_force(installation: Installation) -> None:
    document = installation.json("version")
    held = {name: document["postgres"][name] for name in ("fsync", "synchronous_commit", "full_page_writes")}
    assert held == dict.fromkeys(held, "on")
    assert (document["kafka"]["acks"], document["kafka"]["enable_idempotence"]) == ("all", True)
    assert set(document["services"]) == set(SERVICES)
    assert set(document["services"].values()) == {document["version"]}


def test_a_check_names_what_is_missing_at_the_vendor(installation: Installation) -> None:
    portal = installation.portal()
    document = yaml.safe_load(portal.file.read_text())
    document["bitrix24"]["fields"]["invoice_number"] = "UF_CRM_ABSENT"
    portal.file.write_text(yaml.safe_dump(document, allow_unicode=True))
    installation.json("tenant", "apply", str(portal.file), "--yes")
    checked = installation.call("tenant", "check", portal.slug)
    assert checked.code == 1
    assert "UF_CRM_ABSENT" in checked.out


def test_work_is_listed_with_its_reason_and_tried_at_once(installation: Installation) -> None:
    portal = installation.portal()
    company, _ = portal.company()
    deal = portal.deal(company=company)
    rule = portal.fault("elba", "counterparty.find", "error_before", "--rate", "1")
    portal.move(deal)

    def failing() -> str:
        work = installation.json("work", "list", "--tenant", portal.slug)["work"]
        return next((one["work_id"] for one in work if one["kind"] == "find-counterparty" and one["reason_text"]), "")

    work_id = installation.until("failing work", failing)
    shown = installation.json("work", "show", work_id)
    assert shown["attempts"]
    installation.json("sandbox", "faults", "clear", rule)
    retried = installation.call("work", "retry", work_id)
    assert retried.code == 0 or "right now" in retried.err or "at its end" in retried.err, "it may have gone by itself"
    installation.settle(180)
    assert portal.seen(deal)["UF_CRM_INVOICE_NUMBER"] == f"B24-{deal}"
    finished = installation.call("work", "retry", work_id)
    assert finished.code == 1
    assert "at its end" in finished.err


async def test_a_message_that_cannot_be_read_is_listed_replayed_and_given_up(installation: Installation) -> None:
    """And the tenant's admin chat is told that it waits, once for all services, and that it is settled."""
    portal = installation.portal()
    run = json.loads((installation.data / "run.json").read_text())
    event_id = str(uuid.uuid4())
    headers = {
        "ce_id": event_id, "ce_type": "InvoiceRequested", "ce_source": "test", "ce_subject": "1",
        "ce_time": "2026-09-15T06:00:00Z", "ce_tenantid": portal.slug, "ce_specversion": "1.0",
    }  # fmt: skip

    def today() -> str:
        return f"{installation.now().astimezone(MOSCOW):%d.%m.%Y}"

    days = {today()}
    producer = await start_producer(KafkaSettings(run["kafka"]["bootstrap"]), "e2e")
    try:
        encoded = [(name, value.encode()) for name, value in headers.items()]
        await producer.send_and_wait("deals", b"{not json", key=f"{portal.slug}:1".encode(), headers=encoded)
    finally:
        await producer.stop()

    def dead() -> list[dict[str, str]]:
        found: list[dict[str, str]] = installation.json("dead", "list")["dead"]
        return found

    letters = installation.until("dead letters", lambda: len(dead()) >= 3 and dead())
    assert {one["service"] for one in letters} == {"counterparty", "invoicing", "notifier"}

    def told() -> list[str]:
        return [str(one["text"]) for one in portal.chat()]

    (waits,) = installation.until("the chat to be told", told)
    days.add(today())
    what = "покупатели (1), счета и акты (1), записи в CRM и сообщения (1); сделки № 1. Ждёт с"
    assert any(f"{what} {day}" in waits for day in days), waits
    assert "sverka dead list" in waits
    ids = sorted({one["event_id"] for one in letters})
    shown = installation.json("dead", "show", ids[0])
    assert "not json" in json.dumps(shown)
    dry = installation.call("dead", "replay", *ids, "--dry-run")
    assert "not" in (dry.out + dry.err)
    again = installation.call("dead", "replay", "--all")
    assert again.code == 1
    assert "failed again" in again.err
    assert len(dead()) == len(letters)
    for letter_id in ids:
        assert installation.call("dead", "discard", letter_id, "--by", "anna").code == 0
    assert dead() == []
    assert "разобраны" in installation.until("the chat to be told of the end", lambda: told()[1:])[0]
    installation.settle()
    assert len(told()) == 2
    assert "anna" in installation.call("dead", "discard", ids[0]).err


def test_a_topic_written_anew_changes_nothing(installation: Installation, shared_portal: Portal) -> None:
    before = shared_portal.records("invoices")
    done = installation.json("republish", "deals")
    assert done["messages"] >= len(before)
    installation.settle(120)
    assert shared_portal.records("invoices") == before
    unknown = installation.call("republish", "nothing")
    assert unknown.code == 1
    assert "deals" in unknown.err
