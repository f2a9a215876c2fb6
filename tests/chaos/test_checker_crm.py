"""Each invariant about the CRM and about delivery catches a small history that breaks it, and lets a whole one pass."""

import hashlib
from typing import Any

import pytest

from tests.chaos import histories as h
from tests.chaos.checker.invariants import crm, delivery

# I5


def shown(portal: Any, *, payments: Any = None, lines: Any = (), **deal: Any) -> list[str]:
    bank = h.account([h.invoice()], [h.payment()] if payments is None else payments)
    return [one.sentence for one in crm.crm_shows_the_account([h.deal(**deal)], bank, portal, lines)]


def test_a_deal_that_shows_its_account_is_well() -> None:
    assert not shown(h.portal())


@pytest.mark.parametrize(
    "fields",
    [
        {"UF_CRM_PAID": "999.99|RUB"},
        {"UF_CRM_INVOICE_STATUS": "Выставлен"},
        {"UF_CRM_INVOICE_NUMBER": ""},
        {"STAGE_ID": "PREPAYMENT_INVOICE"},
    ],
)
def test_a_field_that_shows_something_else_is_caught(fields: dict[str, Any]) -> None:
    (found,) = shown(h.portal(fields=fields))
    assert next(iter(fields)).replace("STAGE_ID", "stage") in found


def test_a_deal_that_its_manager_closed_is_not_moved_back() -> None:
    closed = h.portal(fields={"STAGE_ID": "WON"}, stages=("NEW", "PREPAYMENT_INVOICE", "WON"))
    assert not shown(closed)
    moved = h.portal(fields={"STAGE_ID": "FINAL_INVOICE"}, stages=("NEW", "WON", "FINAL_INVOICE"))
    assert shown(moved)


def test_an_unpaid_deal_in_the_paid_stage_is_caught() -> None:
    unpaid = {"UF_CRM_PAID": "", "UF_CRM_INVOICE_STATUS": "Выставлен"}
    assert shown(h.portal(fields=unpaid), payments=[])


def test_a_deal_that_was_paid_once_may_stay_in_the_paid_stage() -> None:
    unpaid = {"UF_CRM_PAID": "", "UF_CRM_INVOICE_STATUS": "Выставлен"}
    change = {
        "kind": "change",
        "vendor": "elba",
        "account": h.ACCOUNT,
        "data": {"kind": "payments", "record": h.payment()},
    }
    assert not shown(h.portal(fields=unpaid), payments=[h.payment(removed=True)], lines=[change])


# I15


def updates(count: int, every: float) -> list[dict[str, Any]]:
    outcome = {"id": str(h.DEAL_ID), "entitytypeid": "2"}
    return [
        h.request("crm.item.update", number * every, vendor="bitrix24", account=h.SLUG, outcome=outcome)
        for number in range(count)
    ]


def test_a_few_writes_are_well() -> None:
    assert not list(crm.crm_writes_are_bounded([h.deal()], h.portal(), updates(20, 10)))


def test_a_storm_of_writes_is_caught() -> None:
    assert list(crm.crm_writes_are_bounded([h.deal()], h.portal(), updates(100, 10)))


def test_many_writes_over_many_hours_are_well() -> None:
    assert not list(crm.crm_writes_are_bounded([h.deal()], h.portal(), updates(100, 600)))


def test_a_comment_that_stands_twice_is_caught() -> None:
    comment = {"BOUND": [f"deal:{h.DEAL_ID}"], "COMMENT": "Счёт выставлен [sv:0123]"}
    assert not list(crm.crm_writes_are_bounded([h.deal()], h.portal(comment=[comment]), []))
    assert list(crm.crm_writes_are_bounded([h.deal()], h.portal(comment=[comment, comment]), []))


# I7

BODY = "event=ONCRMDEALUPDATE"
SHA256 = hashlib.sha256(BODY.encode()).hexdigest()


def hook(phase: str, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "event", "vendor": "bitrix24", "account": h.SLUG, "event": "e1", "phase": phase,
        "post": {"body": BODY}, **changes,
    }  # fmt: skip


def webhooks(lines: Any, stored: int, *, answered: int = 0) -> list[str]:
    acknowledged = [[h.SLUG, SHA256, answered]] if answered else []
    faults = [h.injection("Burst", 0, 1, detail={"acknowledged": acknowledged})]
    rows = [{"tenant_id": h.SLUG, "sha256": SHA256}] * stored
    ours = h.tables(ingest={"webhooks": rows})
    return [one.sentence for one in delivery.acknowledged_webhooks_are_stored(lines, faults, [h.tenant()], ours)]


def test_an_acknowledged_webhook_that_is_stored_is_well() -> None:
    assert not webhooks([hook("queued"), hook("sent", status=200)], stored=1)


def test_an_acknowledged_webhook_that_is_not_stored_is_caught() -> None:
    assert webhooks([hook("queued"), hook("sent", status=200)], stored=0)


def test_a_webhook_that_was_refused_need_not_be_stored() -> None:
    assert not webhooks([hook("queued"), hook("failed", status=503)], stored=0)


def test_each_acknowledgement_of_equal_bodies_counts() -> None:
    assert webhooks([], stored=2, answered=3)
    assert not webhooks([], stored=3, answered=3)


@pytest.mark.parametrize(("at", "struck", "caught"), [(300, 0, True), (900, 0, False), (300, 290, False)])
def test_a_refusal_for_want_of_kafka_is_caught(at: float, struck: float, caught: bool) -> None:
    faults = [h.injection("NoKafka", 0, 600), *([h.injection("KillService", struck, struck + 5)] if struck else [])]
    failed = hook("failed", status=503, real_at=h.at(at / 30))
    assert bool(list(delivery.webhooks_need_no_broker(faults, [failed]))) is caught


# I8


def entries(*ids: int, observed: bool = True) -> list[str]:
    rows = [{"tenant_id": h.SLUG, "history_id": number, "observed": observed} for number in ids]
    ours = h.tables(ingest={"stage_entries": rows})
    return [one.sentence for one in delivery.every_stage_entry_was_taken(h.portal(), ours, [])]


def test_every_entry_that_was_seen_is_well() -> None:
    assert not entries(1, 2, 3)


def test_an_entry_that_nobody_saw_is_caught() -> None:
    assert len(entries(1, 3)) == 1


def test_an_entry_that_was_only_noticed_is_caught() -> None:
    assert len(entries(1, 2, 3, observed=False)) == 3


# I10


def stream(*versions: int) -> list[str]:
    rows = [h.event("invoicing", "Made", version=version, position=place) for place, version in enumerate(versions)]
    return [one.sentence for one in delivery.streams_are_whole(h.tables(invoicing={"events": rows}))]


def test_a_whole_stream_is_well() -> None:
    assert not stream(1, 2, 3)


@pytest.mark.parametrize("versions", [(1, 3), (1, 2, 2), (2, 1), (2, 3)])
def test_gaps_repeats_and_reversals_are_caught(versions: tuple[int, ...]) -> None:
    assert stream(*versions)


def test_read_rows_that_can_be_made_again_are_well() -> None:
    row = {"tenant_id": h.SLUG, "paid_kopecks": 5}
    same = {"payments": {"invoices": {"before": [row], "after": [dict(row)]}}}
    assert not list(delivery.read_rows_can_be_made_again(same))


def test_a_read_row_that_differs_is_caught() -> None:
    row = {"tenant_id": h.SLUG, "paid_kopecks": 5}
    other = {"payments": {"invoices": {"before": [row], "after": [row | {"paid_kopecks": 6}]}}}
    assert list(delivery.read_rows_can_be_made_again(other))


# I11


def message(**changes: Any) -> dict[str, Any]:
    return {
        "tenant_id": h.SLUG, "topic": "documents", "message_id": "m1", "headers": [["ce_type", "InvoiceIssued"]],
        "published_at": h.at(1), **changes,
    }  # fmt: skip


def drained(row: dict[str, Any], *readers: str, **more: Any) -> list[str]:
    inbox = {reader: {"inbox": [{"tenant_id": h.SLUG, "event_id": "m1"}]} for reader in readers}
    ours = h.tables(**{"invoicing": {"outbox": [row], **more}, **inbox})
    return [one.sentence for one in delivery.outboxes_are_drained(ours)]


def test_a_message_that_all_have_taken_is_well() -> None:
    assert not drained(message(), "payments", "notifier")


def test_a_message_that_was_not_sent_is_caught() -> None:
    assert drained(message(published_at=None), "payments", "notifier")


def test_a_message_that_one_has_not_taken_is_caught() -> None:
    assert drained(message(), "payments") == ["notifier never took the message m1 of documents"]


def test_a_dead_letter_is_caught() -> None:
    assert drained(
        message(), "payments", "notifier", dead_letters=[{"tenant_id": "", "event_id": "x", "resolution": None}]
    )


def test_a_command_that_was_appended_twice_is_caught() -> None:
    def rows(*commands: str) -> Any:
        events = [h.event("x", "Made", version=n, command_id=name) for n, name in enumerate(commands, start=1)]
        return h.tables(invoicing={"events": events})

    assert not list(delivery.each_message_has_one_effect(rows("a", "a", "b")))
    assert list(delivery.each_message_has_one_effect(rows("a", "b", "a")))


def lying(*log: tuple[str, str], topic: str = "documents") -> list[str]:
    rows = [
        message(seq=seq, key=key, message_id=name, topic=topic)
        for seq, (key, name) in enumerate((("k:1", "a"), ("k:2", "b"), ("k:1", "c"), ("k:1", "a")))
    ]
    found = delivery.topics_are_whole({topic: log}, h.tables(invoicing={"outbox": rows}))
    return [one.sentence for one in found]


def test_a_topic_that_holds_all_in_the_order_of_its_keys_is_well() -> None:
    assert not lying(("k:1", "a"), ("k:1", "c"), ("k:2", "b"))


def test_messages_that_were_published_again_may_lie_behind_newer_ones_first() -> None:
    assert not lying(("k:1", "c"), ("k:1", "a"), ("k:1", "c"), ("k:2", "b"))


def test_a_message_that_the_broker_has_lost_is_caught() -> None:
    assert lying(("k:1", "a"), ("k:1", "c")) == ["invoicing: 1 messages of documents are not in it"]


def test_a_key_out_of_order_is_caught() -> None:
    assert lying(("k:1", "c"), ("k:1", "a"), ("k:2", "b"))


def test_of_a_compacted_topic_the_last_of_a_key_is_enough() -> None:
    assert not lying(("k:1", "c"), ("k:2", "b"), topic="tenants")
    assert lying(("k:1", "a"), ("k:2", "b"), topic="tenants")
