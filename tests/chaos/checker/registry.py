"""Which function holds which invariant; each gets from the history the parts that its parameters name."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from tests.chaos.checker.history import History, Violation
from tests.chaos.checker.invariants import (
    content,
    crm,
    delivery,
    documents,
    isolation,
    money,
    people,
    resources,
    work,
)

Invariant = Callable[..., Iterable[Violation]]

INVARIANTS: Final[Mapping[str, tuple[Invariant, ...]]] = {
    "I1": (documents.one_live_invoice, content.numbers_are_no_others),
    "I2": (documents.effects_and_documents_match, content.documents_are_the_buyers, content.chosen_records_are_taken),
    "I3": (money.every_bank_row_once,),
    "I4": (money.sums_are_equal, content.documents_hold_the_plan, content.documents_are_of_their_day),
    "I5": (crm.crm_shows_the_account, crm.crm_shows_the_documents),
    "I6": (documents.one_act, content.acts_belong_to_invoices),
    "I7": (delivery.acknowledged_webhooks_are_stored, delivery.webhooks_need_no_broker),
    "I8": (delivery.every_stage_entry_was_taken,),
    "I9": (documents.no_second_send_without_proof,),
    "I10": (delivery.streams_are_whole, delivery.read_rows_can_be_made_again),
    "I11": (delivery.outboxes_are_drained, delivery.each_message_has_one_effect, delivery.topics_are_whole),
    "I12": (isolation.tenants_are_apart, isolation.strangers_are_refused),
    "I13": (work.calls_keep_to_the_limits,),
    "I14": (work.retries_keep_their_time, work.one_alert_per_outage, work.work_resumes_soon),
    "I15": (crm.crm_writes_are_bounded, crm.payments_are_told),
    "I16": (
        work.cards_are_where_they_belong,
        people.cards_are_told,
        people.decisions_are_kept,
        people.other_sums_are_asked_about,
        people.lost_answers_are_looked_at_again,
    ),
    "I18": (isolation.logs_hold_no_secrets, isolation.rows_hold_no_people),
    "I19": (work.all_work_came_to_its_end,),
    "I20": (resources.processes_stay_small,),
}


def check(history: History) -> dict[str, list[Violation]]:
    """The violations of every invariant, none for those that hold."""
    return {
        name: [violation for function in functions for violation in function(**given(function, history))]
        for name, functions in INVARIANTS.items()
    }


def given(function: Invariant, history: History) -> dict[str, Any]:
    """What a function asks for."""
    return {name: getattr(history, name) for name in inspect.signature(function).parameters}
