"""Each invariant about work, tenants, logs and processes catches a history that breaks it, and lets others pass."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import histories as h
from tests.chaos.checker.history import History
from tests.chaos.checker.invariants import isolation, resources, work
from tests.chaos.checker.registry import INVARIANTS, given
from tests.chaos.checker.sometimes import all_points, reached
from tests.chaos.checker.vacuity import deals_ended, every_fault_fired, the_mix_is_whole

# I12


def apart(tables: Any = None, lines: Any = (), logs: Any = None) -> list[str]:
    both = [h.tenant(), h.tenant(slug="orbita", account="elba-orbita", canary=h.OTHER_MARK)]
    found = isolation.tenants_are_apart(both, tables or h.tables(), lines, logs or {})
    return [one.sentence for one in found]


def test_a_tenants_own_mark_is_well() -> None:
    own = h.tables(invoicing={"events": [h.event("x", "Made", {"title": h.MARK})]})
    assert not apart(own, [h.create(1, comment=h.MARK)])


def test_a_foreign_row_is_caught() -> None:
    foreign = h.tables(invoicing={"outbox": [{"tenant_id": h.SLUG, "body": f"… {h.OTHER_MARK} …"}]})
    assert apart(foreign)


def test_a_request_with_a_foreign_mark_is_caught() -> None:
    assert apart(lines=[h.create(1, comment=h.OTHER_MARK)])


def test_a_foreign_token_is_caught() -> None:
    assert apart(lines=[h.request("invoice.find", 1, status=401, error="InvalidToken")])


def test_a_log_line_about_another_tenant_is_caught(tmp_path: Path) -> None:
    log = tmp_path / "invoicing.log"
    log.write_text(f'{{"event": "x {h.MARK}", "tenant_id": "{h.SLUG}"}}\n')
    assert not apart(logs={"invoicing": log})
    log.write_text(f'{{"event": "x {h.OTHER_MARK}", "tenant_id": "{h.SLUG}"}}\n')
    assert apart(logs={"invoicing": log})


# I18


@pytest.mark.parametrize(
    ("text", "caught"),
    [
        ('{"event": "ready", "inn": "7736207543"}', False),
        ('{"trace_id": "840ca912e722123456789012"}', False),
        ('{"event": "token 0123456789abcdef"}', True),
        ('{"inn": "773620754312"}', True),
    ],
)
def test_secrets_and_personal_numbers_in_logs_are_caught(tmp_path: Path, text: str, caught: bool) -> None:
    log = tmp_path / "ingest.log"
    log.write_text(text)
    found = list(isolation.logs_hold_no_secrets(h.campaign(secrets=["0123456789abcdef"]), {"ingest": log}))
    assert bool(found) is caught
    assert "0123456789abcdef" not in str(found), "a secret is not printed anew"


# I13


def limits(lines: Any) -> list[str]:
    known = {"account": "elba:kedr:main", "burst": 10, "per_second": 5.0}
    found = work.calls_keep_to_the_limits([h.tenant()], h.tables(ingest={"connections": [known]}), lines)
    return [one.sentence for one in found]


def test_calls_within_the_bucket_are_well() -> None:
    assert not limits([h.request("payment.list", second / 4) for second in range(200)])


def test_too_many_calls_at_once_are_caught() -> None:
    assert limits([h.request("payment.list", second / 1000) for second in range(60)])


def test_refusals_for_too_many_calls_are_caught_injected_ones_aside() -> None:
    def refused(**changes: Any) -> list[dict[str, Any]]:
        return [
            h.request("payment.list", second, status=429, error="TooManyRequests", **changes) for second in range(20)
        ]

    assert limits(refused())
    assert not limits(refused(fault="limit_429"))


# I14


def attempts(*pairs: tuple[float, float, str], code: str = "no_line", wanted: Sequence[int] = ()) -> list[str]:
    rows = [
        {"what": "run", "at": h.at(began), "ended_at": h.at(ended), "outcome": outcome, "problem": {"code": code}}
        | ({"wanted": wanted[place]} if wanted else {})
        for place, (began, ended, outcome) in enumerate(pairs)
    ]
    return [
        one.sentence for one in work.retries_keep_their_time(h.tables(payments={"work": [h.effect(attempts=rows)]}))
    ]


def test_retries_after_5_15_and_45_seconds_are_well() -> None:
    assert not attempts((0, 1, "retryable"), (5.5, 6, "retryable"), (20, 21, "retryable"), (60, 61, "done"))


@pytest.mark.parametrize(
    "pairs",
    [
        ((0, 1, "retryable"), (2, 3, "done")),
        ((0, 1, "retryable"), (6, 7, "retryable"), (12, 13, "done")),
        ((0, 1, "retryable"), (6, 7, "retryable"), (22, 23, "retryable"), (40, 41, "done")),
    ],
)
def test_a_retry_too_soon_is_caught(pairs: Any) -> None:
    assert attempts(*pairs)


def test_a_task_that_is_wanted_anew_is_tried_at_once() -> None:
    pairs = ((0, 1, "retryable"), (2, 3, "retryable"))
    assert not attempts(*pairs, wanted=(1, 2))
    assert attempts(*pairs, wanted=(2, 2))


def test_a_failure_after_a_poll_that_went_well_is_the_first_in_a_row_again() -> None:
    assert not attempts((0, 1, "retryable"), (70, 71, "retryable"), (76, 77, "done"))


def test_a_spent_token_is_replaced_and_tried_at_once_the_first_time_in_a_row() -> None:
    twice = ((0, 1, "retryable"), (1.1, 2, "retryable"), (2.1, 3, "done"))
    assert not attempts(*twice[:2], code="token_refused")
    assert attempts(*twice, code="token_refused")


BEGAN, ENDED = "Эльба не отвечает с 09:00.", "Эльба снова отвечает с 09:05."


def alerts(*texts: str, down: bool = True) -> list[str]:
    events = [h.event("x", "AccountWentDown", {"at": h.at(0)}, stream="outage-elba")] if down else []
    chat = h.portal(message=[{"TEXT": text} for text in texts])
    found = work.one_alert_per_outage([h.tenant()], chat, h.tables(invoicing={"events": events}))
    return [one.sentence for one in found]


def test_an_outage_told_once_and_ended_once_is_well() -> None:
    assert not alerts(BEGAN, ENDED)
    assert not alerts(BEGAN, BEGAN, ENDED), "a message whose answer was lost may be said once more"


@pytest.mark.parametrize("texts", [(), (BEGAN,), (BEGAN, BEGAN + "!", ENDED), (BEGAN, BEGAN, BEGAN, ENDED)])
def test_alerts_that_are_missing_open_or_too_many_are_caught(texts: tuple[str, ...]) -> None:
    assert alerts(*texts)


def resumed(came_back: float, *others: Any) -> list[str]:
    events = [
        h.event("x", "AccountWentDown", {"at": h.at(0)}, stream="outage-elba", version=1),
        h.event("x", "AccountCameBack", {"at": h.at(came_back)}, stream="outage-elba", version=2),
    ]
    faults = [h.injection("VendorAway", 0, 100), *others]
    lines = [h.request("payment.list", second) for second in range(0, 2000, 10)]
    ours = h.tables(invoicing={"events": events})
    return [one.sentence for one in work.work_resumes_soon(h.campaign(), faults, ours, lines)]


def test_work_that_goes_on_soon_is_well() -> None:
    assert not resumed(200)


def test_work_that_goes_on_late_is_caught() -> None:
    assert resumed(600)


def test_work_that_something_else_held_up_is_let_pass() -> None:
    assert not resumed(600, h.injection("KillService", 150, 160))


# I16


def cards(events: Any, lines: Any = (), faults: Any = (), **deal: Any) -> list[str]:
    ours = h.tables(invoicing={"events": events})
    found = work.cards_are_where_they_belong(h.campaign(), [h.deal(**deal)], faults, ours, lines)
    return [one.sentence for one in found]


def test_a_planned_card_is_well_and_missed_where_it_is_not() -> None:
    planned = {"cards": ["overpaid"]}
    assert not cards([h.card("overpaid")], expected=planned)
    assert cards([], expected=planned)


def test_a_card_that_nothing_explains_is_caught() -> None:
    assert cards([h.card("overpaid")])
    assert cards([h.card("document_uncertain", values={"document": "act", "sent_at": h.at(5)})], [h.create_act(5)])


def test_an_act_whose_answer_was_lost_is_asked_about() -> None:
    lost = [h.create_act(5, status=0, fault="timeout_after")]
    asked = h.card("document_uncertain", 70, values={"document": "act", "sent_at": h.at(5)})
    assert not cards([asked], lost)
    assert cards([], lost)


def test_an_invoice_is_asked_about_only_after_fifteen_minutes_of_look_ups() -> None:
    lost = [h.create(5, status=0, fault="timeout_after")]
    values = {"document": "invoice", "sent_at": h.at(5)}
    assert cards([h.card("document_uncertain", 300, values=values)], lost)
    assert not cards([h.card("document_uncertain", 910, values=values)], lost)


def test_a_call_under_way_when_its_service_was_killed_may_be_asked_about() -> None:
    sent = [h.create_act(5)]
    asked = h.card("document_uncertain", 70, values={"document": "act", "sent_at": h.at(5)})
    assert not cards([asked], sent, [h.injection("KillService", 6, 7)])


def test_a_cancel_that_was_not_confirmed_is_asked_about_where_a_call_may_have_been_lost() -> None:
    asked = h.card("cancel_refused", 5_000)
    moments = [h.request("payment.list", seconds) for seconds in (5, 3_300, 5_000)]
    assert cards([asked], moments)
    assert cards([asked], moments, [h.injection("DeadLine", 6, 9)])
    assert not cards([asked], moments, [h.injection("DeadLine", 3_400, 3_500)])
    assert not cards([asked], moments, [h.injection("DeadLine", 6, 9), h.injection("ClockJumps", 20, 20)])


def test_a_person_who_is_asked_too_late_is_caught() -> None:
    def late(seconds: float, document: str, *faults: Any) -> list[str]:
        call = {"act": h.create_act, "invoice": h.create}[document](5, status=0, fault="timeout_after")
        values = {"document": document, "sent_at": h.at(5)}
        # A line of the ledger stands at the moment of the card: it tells which real moment that was.
        lines = [call, h.request("payment.list", seconds)]
        return cards([h.card("document_uncertain", seconds, values=values)], lines, faults)

    assert not late(900, "act")
    assert late(1_000, "act")
    assert not late(1_000, "act", h.injection("FreezeService", 10, 200))
    assert not late(1_800, "invoice")
    assert late(1_900, "invoice")


# I19


def left(rows: Any = (), unsettled: str = "", open_cards: Any = (), events: Any = ()) -> list[str]:
    ours = h.tables(invoicing={"work": rows, "decision_cards": open_cards, "events": events})
    return [one.sentence for one in work.all_work_came_to_its_end(h.campaign(unsettled=unsettled), ours)]


def test_work_at_its_end_and_recurring_work_are_well() -> None:
    assert not left([h.effect(), h.effect("sweep", queue="waiting")])


def test_work_that_is_left_is_caught_unless_it_is_delayed_and_told() -> None:
    waiting = h.effect(queue="waiting", state="UNCERTAIN")
    assert left([waiting])
    delayed = h.effect(queue="waiting", state="PLANNED", delayed_since=h.at(0))
    assert left([delayed])
    assert not left([delayed], events=[h.event("x", "WorkFellBehind", {"work_id": "w-1"})])


def test_open_cards_and_unrest_are_caught() -> None:
    assert left(open_cards=[{"kind": "overpaid", "tenant_id": h.SLUG, "choice": None}])
    assert left(unsettled="3 deals wait")


# I20


def processes(sample: Any = None, sessions: Any = (), **said: Any) -> list[str]:
    samples = [{"process": "ingest", "pid": 1, "rss_bytes": 100 * 2**20, "files": 30, **(sample or {})}]
    return [one.sentence for one in resources.processes_stay_small(h.campaign(**said), samples, sessions)]


def test_small_processes_that_end_in_order_are_well() -> None:
    assert not processes()


def test_memory_files_sessions_deaths_and_ends_are_caught() -> None:
    assert processes({"rss_bytes": 301 * 2**20})
    assert processes({"files": 500})
    assert processes(sessions=[{"usename": "sverka_ingest_app"}])
    assert processes(unasked_deaths=["ingest ended by itself: SIGSEGV"])
    assert processes(exits={"ingest": {"code": -9, "seconds": 45.0}})


# The guards against idle runs


def history(**changes: Any) -> History:
    said = h.campaign(
        deals=[h.deal()], tenants=[h.tenant()], injections=[h.injection("KillService", 0, 1)], decisions=[],
        **changes.pop("said", {}),
    )  # fmt: skip
    bank = h.account([h.invoice()], [h.payment()])
    return History(
        **{"campaign": said, "lines": [], "portals": h.portal(), "accounts": bank, "tables": h.tables(), **changes}
    )


def test_a_busy_run_passes_the_guards() -> None:
    assert not list(every_fault_fired(history().injections))
    assert not list(deals_ended(history()))


@pytest.mark.parametrize(
    "changes", [{"fired": 0}, {"trouble": "NotStruck: nobody came"}, {"rules": {"f1": 0}, "fired": 2}]
)
def test_a_fault_that_never_fired_fails_the_run(changes: dict[str, Any]) -> None:
    assert list(every_fault_fired([h.injection("LateCommit", 0, 1, **changes)]))


def test_deals_that_went_nowhere_fail_the_run() -> None:
    assert list(deals_ended(history(portals=h.portal(fields={"UF_CRM_INVOICE_STATUS": "Отправляется"}))))


def test_a_thin_mix_fails_a_whole_run() -> None:
    found = [one.sentence for one in the_mix_is_whole(history())]
    assert any("kinds" in sentence for sentence in found)
    assert any("postgres was never killed" in sentence for sentence in found)
    assert any("met a fault" in sentence for sentence in found)


# The registry


def test_every_invariant_but_the_audit_trail_is_there_and_explained() -> None:
    assert list(INVARIANTS) == [f"I{number}" for number in range(1, 21) if number != 17]
    for name, functions in INVARIANTS.items():
        for function in functions:
            assert (function.__doc__ or "").startswith(f"{name}. ")
            assert given(function, history())


# Points that must be reached sometimes


def test_points_are_read_from_metrics_events_cards_and_faults() -> None:
    exposition = (
        "# HELP sverka_effect_probes_total Look-ups.\n"
        'sverka_effect_probes_total{answer="found",kind="create-invoice"} 2.0\n'
        'sverka_effect_probes_total{answer="inconclusive",kind="create-invoice"} 0.0\n'
    )
    events = [h.card("overpaid"), h.event("x", "AccountWentDown", {"at": h.at(0)}, stream="outage-elba")]
    found = reached(history(metrics={"invoicing.1": exposition}, tables=h.tables(invoicing={"events": events})))
    assert set(found) == {"an invoice's look-up found it", "card overpaid", "breaker opened", "fault F01"}
    assert set(found) <= all_points()
