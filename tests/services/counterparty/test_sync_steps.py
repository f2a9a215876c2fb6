"""How a first sync goes on, step by step: what is planned next, and what comes late, twice or from an earlier run."""

from datetime import timedelta
from typing import Any

import pytest

from chassis.aggregate import Lane, TaskPlan
from chassis.domain import Event, Problem, Refused
from services.counterparty.app import SYNCS
from services.counterparty.domain import sync
from tests.services.streams import NOW, Stream

CRM, ACCOUNT = "bitrix24:vektor", "elba:vektor:main"
COUNTS = {"linked": 3, "missing": 1}
Sync = Stream[sync.State, sync.Command]


def begin(*, apply: bool = False, listed: bool = True, by: str = "anna") -> sync.BeginSync:
    """A person's wish."""
    return sync.BeginSync("vektor", ACCOUNT, CRM, apply, listed, by)


def account_sync() -> Sync:
    """An account that was never synced."""
    return Stream(SYNCS, sync.stream_of(ACCOUNT))


def work_of(stream: Sync, run: int = 1) -> list[str]:
    """The kinds of work of a run that were planned so far, in order."""
    return [kind for kind, key in stream.tasks if key == f"{ACCOUNT}:{run}"]


def compared(stream: Sync, run: int = 1) -> Sync:
    """Everything of the run is read and compared."""
    stream.ran(sync.SeeCrmRead(run))
    stream.ran(sync.SeeAccountingRead(run))
    stream.ran(sync.SeeCompared(run, COUNTS))
    return stream


def names(events: list[Event]) -> list[str]:
    """What happened, by name."""
    return [type(event).__name__ for event in events]


def test_the_stream_is_the_accounts_own() -> None:
    stream = account_sync()
    assert stream.name == f"sync-{ACCOUNT}"
    assert (stream.state.stream, stream.state.phase, stream.state.run) == (stream.name, "none", 0)
    assert not stream.state.under_way


def test_an_account_that_lists_its_records_is_read_beside_the_crm_and_compared_when_both_are_read() -> None:
    stream = account_sync()
    (began,) = stream.ran(begin())
    assert began == sync.SyncBegan(
        tenant="vektor", account=ACCOUNT, crm_account=CRM, run=1, apply=False, listed=True, began_at=NOW, by="anna"
    )
    assert work_of(stream) == [sync.READ_CRM, sync.READ_ACCOUNTING]
    assert (stream.state.phase, stream.state.under_way, stream.state.began) == ("reading", True, began)
    stream.ran(sync.SeeAccountingRead(1))
    assert stream.state.phase == "reading"
    assert sync.COMPARE_ALL not in work_of(stream), "half of it says nothing of what is missing"
    stream.ran(sync.SeeCrmRead(1))
    assert work_of(stream) == [sync.READ_CRM, sync.READ_ACCOUNTING, sync.COMPARE_ALL]
    assert (stream.state.phase, stream.state.under_way) == ("comparing", True)


def test_an_account_that_lists_nothing_is_asked_about_each_inn_once_the_crm_is_read() -> None:
    stream = account_sync()
    stream.ran(begin(listed=False))
    assert work_of(stream) == [sync.READ_CRM]
    stream.ran(sync.SeeCrmRead(1))
    assert work_of(stream) == [sync.READ_CRM, sync.LOOK_UP_ALL]
    stream.ran(sync.SeeAccountingRead(1))
    assert work_of(stream) == [sync.READ_CRM, sync.LOOK_UP_ALL, sync.COMPARE_ALL]


def test_all_work_lies_behind_peoples_and_waits_for_the_account_that_it_asks() -> None:
    stream = account_sync()
    stream.ran(begin(apply=True, listed=False))
    compared(stream)
    stream.ran(sync.SeeLinked(1))
    listed = account_sync()
    listed.ran(begin())
    asked = {kind: plan.account for kind, plan in [(kind, plan) for (kind, _), plan in stream.tasks.items()]}
    assert asked == {
        sync.READ_CRM: CRM,
        sync.LOOK_UP_ALL: ACCOUNT,
        sync.COMPARE_ALL: "",
        sync.LINK_ALL: "",
        sync.CREATE_ALL: ACCOUNT,
    }
    assert listed.tasks[sync.READ_ACCOUNTING, f"{ACCOUNT}:1"].account == ACCOUNT
    every: list[TaskPlan] = [*stream.tasks.values(), *listed.tasks.values()]
    assert {plan.lane for plan in every} == {Lane.BULK}
    payload: dict[str, Any] = {
        "tenant": "vektor",
        "account": ACCOUNT,
        "crm_account": CRM,
        "run": 1,
        "listed": False,
        "enter": False,
        "began_at": NOW.isoformat(),
    }
    assert all(plan.payload == payload for plan in stream.tasks.values())


def test_a_comparison_changes_nothing_until_a_person_wants_it_applied() -> None:
    stream = account_sync()
    stream.ran(begin())
    compared(stream)
    state = stream.state
    assert (state.phase, state.under_way, state.counts, state.compared_at) == ("compared", False, COUNTS, NOW)
    assert sync.LINK_ALL not in work_of(stream)
    (applied,) = stream.ran(begin(apply=True, by="olga"))
    assert applied == sync.SyncApplied(run=1, by="olga")
    assert (stream.state.phase, stream.state.apply, stream.state.under_way) == ("linking", True, True)
    assert work_of(stream)[-1] == sync.LINK_ALL


def test_what_is_to_be_applied_is_linked_then_created_and_then_ends() -> None:
    stream = account_sync()
    stream.ran(begin(apply=True))
    compared(stream)
    assert (stream.state.phase, work_of(stream)[-1]) == ("linking", sync.LINK_ALL)
    stream.ran(sync.SeeLinked(1))
    assert (stream.state.phase, stream.state.under_way, work_of(stream)[-1]) == ("creating", True, sync.CREATE_ALL)
    stream.now = NOW + timedelta(hours=1)
    (ended,) = stream.ran(sync.SeeCreated(1, {"created": 1}))
    assert ended == sync.SyncEnded(run=1, counts={"created": 1}, ended_at=NOW + timedelta(hours=1))
    state = stream.state
    assert (state.phase, state.under_way, state.counts) == ("done", False, {"created": 1})
    assert (state.compared_at, state.ended_at) == (NOW, stream.now)
    assert stream.replayed() == state


def test_a_wish_to_apply_while_it_is_read_or_compared_is_kept_until_then() -> None:
    stream = account_sync()
    stream.ran(begin())
    assert names(stream.ran(begin(apply=True))) == ["SyncApplied"]
    assert (stream.state.phase, stream.state.apply) == ("reading", True)
    assert sync.LINK_ALL not in work_of(stream), "nothing is carried out of what is not compared"
    assert stream.ran(begin(apply=True)) == []
    compared(stream)
    assert stream.state.phase == "linking"
    assert work_of(stream).count(sync.LINK_ALL) == 1


def test_asking_again_for_what_is_under_way_begins_nothing() -> None:
    stream = account_sync()
    stream.ran(begin())
    assert stream.ran(begin()) == []
    assert stream.state.run == 1


def test_what_is_being_applied_is_not_made_a_mere_comparison() -> None:
    stream = account_sync()
    stream.ran(begin(apply=True))
    assert stream.run(begin()) == Refused(Problem("sync_is_applied", {"account": ACCOUNT}))


@pytest.mark.parametrize(("hours", "event", "run"), [(23, "SyncApplied", 1), (24, "SyncBegan", 2)])
def test_a_comparison_of_a_day_ago_is_not_applied_but_made_anew(hours: int, event: str, run: int) -> None:
    stream = account_sync()
    stream.ran(begin())
    compared(stream)
    stream.now = NOW + timedelta(hours=hours)
    assert names(stream.ran(begin(apply=True))) == [event]
    assert (stream.state.run, stream.state.apply) == (run, True)


def test_a_comparison_asked_for_again_is_a_run_of_its_own() -> None:
    stream = account_sync()
    stream.ran(begin())
    compared(stream)
    assert names(stream.ran(begin())) == ["SyncBegan"]
    state = stream.state
    assert (state.run, state.phase, state.crm_read, state.accounting_read) == (2, "reading", False, False)
    assert (state.counts, state.compared_at) == ({}, None)
    assert work_of(stream, run=2) == [sync.READ_CRM, sync.READ_ACCOUNTING]


def test_what_has_ended_is_begun_anew_even_where_it_is_to_be_applied() -> None:
    stream = account_sync()
    stream.ran(begin(apply=True))
    compared(stream)
    stream.ran(sync.SeeLinked(1))
    stream.ran(sync.SeeCreated(1, COUNTS))
    assert names(stream.ran(begin(apply=True))) == ["SyncBegan"]


def steps(run: int) -> list[sync.Command]:
    """All that is seen of a run, in its order."""
    return [
        sync.SeeCrmRead(run),
        sync.SeeAccountingRead(run),
        sync.SeeCompared(run, COUNTS),
        sync.SeeLinked(run),
        sync.SeeCreated(run, COUNTS),
    ]


STEPS = steps(1)


@pytest.mark.parametrize("done", range(len(STEPS) + 1))
def test_a_step_counts_once_and_only_in_its_turn(done: int) -> None:
    """The first two come in any order; what follows them does not."""
    stream = account_sync()
    stream.ran(begin(apply=True))
    for step in STEPS[:done]:
        assert len(stream.ran(step)) == 1
    taken = [step for step in STEPS if stream.kind.decide(stream.state, step, NOW)]
    assert taken == (STEPS[done:2] if done < 2 else STEPS[done : done + 1])


@pytest.mark.parametrize("late", STEPS)
def test_what_an_earlier_run_brings_says_nothing_of_this_one(late: sync.Command) -> None:
    stream = account_sync()
    stream.ran(begin(apply=True))
    for step in STEPS:
        stream.ran(step)
    stream.ran(begin(apply=True))
    assert stream.state.run == 2
    assert stream.ran(late) == []
    for step in steps(2):
        stream.ran(step)
        assert stream.ran(late) == []
