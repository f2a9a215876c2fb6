"""Each check finds the defect that it is there for: the product is broken on purpose, and some seed shows it."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest

from chassis.outcomes import Ok
from chassis.work import machine
from chassis.work.handlers import Done, EffectPolicy, Probe, Undecidable
from connectors.registry import ELBA_SEED, Capability
from services.counterparty.domain import party_plans
from services.ingest.workers import sweeps
from services.invoicing import workers as invoicing_workers
from services.notifier.domain import deal as notifier_deal
from services.notifier.workers.writes import CrmWrites
from services.payments.domain import state as payments_state
from tests.simulation.runs import simulate

SEEDS_MAX = 100
# The packages of these two have a function of the same name.
payments_decide = import_module("services.payments.domain.decide")
invoicing_decide = import_module("services.invoicing.domain.decide")
Breaking = Callable[[pytest.MonkeyPatch], None]


def repeats_blindly(patch: pytest.MonkeyPatch) -> None:
    """A call whose answer was lost is simply made again."""

    def again(effect: Any, problem: Any, policy: EffectPolicy, schedule: Any, now: Any, roll: float) -> Any:
        return machine._later(effect, schedule, now, roll)

    patch.setattr(machine, "_in_doubt", again)


def believes_the_first_look(patch: pytest.MonkeyPatch) -> None:
    """One look-up that finds nothing is taken for proof, at once."""
    hasty = EffectPolicy(probe=Probe.LIST, negative_probes_min=1, probe_gap_seconds=0.0, quiet_seconds=0.0)
    patch.setitem(ELBA_SEED.policies, Capability.CREATE_INVOICE, hasty)


def counts_twice(patch: pytest.MonkeyPatch) -> None:
    """A payment is counted under two names."""
    whole = payments_decide._Decision._count

    def twice(self: Any, invoice_id: str, payment_id: str, *rest: Any) -> None:
        whole(self, invoice_id, payment_id, *rest)
        whole(self, invoice_id, payment_id[::-1], *rest)

    patch.setattr(payments_decide._Decision, "_count", twice)


def counts_in_floats(patch: pytest.MonkeyPatch) -> None:
    """Sums go through roubles as floats, and are cut to kopecks."""

    def paid(self: payments_state.Invoice) -> int:
        return int(sum(one.signed_kopecks / 100 for one in self.payments.values()) * 100)

    patch.setattr(payments_state.Invoice, "paid_kopecks", property(paid))


def never_hears_of_balances(patch: pytest.MonkeyPatch) -> None:
    """invoicing does not learn who has paid."""
    patch.setattr(invoicing_decide._Decision, "see_balance", lambda self, command: None)


def writes_comments_unlooked(patch: pytest.MonkeyPatch) -> None:
    """A comment is repeated without looking for the first one."""
    whole = CrmWrites._command

    async def blind(self: CrmWrites, call: Any, settings: Any) -> Any:
        return await whole(self, replace(call, send_number=1), settings)

    patch.setattr(CrmWrites, "_command", blind)


def never_sweeps(patch: pytest.MonkeyPatch) -> None:
    """A webhook that was lost is lost."""

    async def nothing(self: sweeps.SweepTask, task: Any) -> Done:
        return Done(again_at=sweeps.next_night(self._clock.now(), "UTC"), found_something=False)

    patch.setattr(sweeps.SweepTask, "run", nothing)
    patch.setattr(sweeps.NightlyCheckTask, "run", nothing)


def keeps_doubts_to_itself(patch: pytest.MonkeyPatch) -> None:
    """Nobody is told of an act that may or may not exist."""
    whole = invoicing_workers.CreateAct.told

    def told(self: invoicing_workers.CreateAct, call: Any, settled: Any) -> Any:
        return None if isinstance(settled, Undecidable) else whole(self, call, settled)

    patch.setattr(invoicing_workers.CreateAct, "told", told)


def asks_what_is_known(patch: pytest.MonkeyPatch) -> None:
    """A person is asked about an act although the vendor has answered."""
    whole = machine._answered

    def answered(effect: Any, outcome: Any, policy: EffectPolicy, *rest: Any) -> Any:
        if policy.probe is Probe.NONE and isinstance(outcome, Ok):
            return machine._exhausted(effect, policy, machine._NO_WORD)
        return whole(effect, outcome, policy, *rest)

    patch.setattr(machine, "_answered", answered)


def shows_a_kopeck_less(patch: pytest.MonkeyPatch) -> None:
    """The paid field is a kopeck off."""
    whole = notifier_deal._fields

    def off(state: Any, fact: Any, sequence: int) -> dict[str, str | int]:
        found = whole(state, fact, sequence)
        return {**found, "paid_kopecks": int(found["paid_kopecks"]) - 1} if "paid_kopecks" in found else found

    patch.setattr(notifier_deal, "_fields", off)


def folds_what_is_not_stored(patch: pytest.MonkeyPatch) -> None:
    """A state remembers when it was folded."""
    moments = iter(range(10**9))

    def remembering(one: Any, **fields: Any) -> Any:
        if isinstance(one, payments_state.State):
            fields.setdefault("balances", next(moments))
        return replace(one, **fields)

    patch.setattr("services.payments.domain.state.replace", remembering)


def answers_only_the_first(patch: pytest.MonkeyPatch) -> None:
    """Of all deals that wait for one buyer a single one is answered."""
    whole = party_plans._answers

    def first(state: Any, record: Any, waiting: Any, *rest: Any, **options: Any) -> Any:
        return whole(state, record, dict(list(waiting.items())[:1]), *rest, **options)

    patch.setattr(party_plans, "_answers", first)


def forgets_early_answers(patch: pytest.MonkeyPatch) -> None:
    """An answer that comes before its question is nothing, and the question stays for ever."""
    whole = notifier_deal._seen

    def forgetting(state: Any, fact: Any, sequence: int) -> Any:
        return replace(whole(state, fact, sequence), early=())

    patch.setattr(notifier_deal, "_seen", forgetting)


@pytest.mark.parametrize(
    ("breaking", "check"),
    [
        (repeats_blindly, "documents_are_there_once"),
        (repeats_blindly, "nothing_is_sent_again_unlooked"),
        (believes_the_first_look, "nothing_is_sent_again_unlooked"),
        (counts_twice, "payments_count_once"),
        (counts_in_floats, "payments_count_once"),
        (never_hears_of_balances, "balances_reach_invoicing"),
        (writes_comments_unlooked, "comments_are_written_once"),
        (never_sweeps, "deals_end_as_planned"),
        (keeps_doubts_to_itself, "documents_are_those_of_the_vendor"),
        (asks_what_is_known, "people_are_asked_what_cannot_be_known"),
        (shows_a_kopeck_less, "crm_shows_the_books"),
        (forgets_early_answers, "crm_shows_the_books"),
        (folds_what_is_not_stored, "streams_replay"),
        (answers_only_the_first, "deals_end_as_planned"),
    ],
)
def test_a_defect_is_found(monkeypatch: pytest.MonkeyPatch, breaking: Breaking, check: str) -> None:
    breaking(monkeypatch)
    for seed in range(1, SEEDS_MAX):
        if any(found.startswith(check) for found in simulate(seed).violations):
            return
    pytest.fail(f"{breaking.__name__} was not found by {check} in {SEEDS_MAX} seeds")
