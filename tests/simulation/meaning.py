"""What a run came to, without how it came to it: what of all states does not depend on order, luck or repetition."""

from collections.abc import Mapping
from typing import Any

from chassis.cards import TABLE
from services.counterparty.domain import deal as links
from services.counterparty.domain import party
from services.ingest.domain import deal as ingest
from services.invoicing.domain.state import State as Documents
from services.notifier.domain.deal import State as Shown
from services.payments.domain import operation
from services.payments.domain.state import State as Payments
from tests.simulation.people import IN_DOUBT
from tests.simulation.plan import FIELDS
from tests.simulation.world import World

FILE_OF_ACT = FIELDS["act_pdf"]
"""An act that a person found by its number has no file: the vendor has no look-up that would give its id."""

LUCK = IN_DOUBT | {"payment_vanished"}
"""Questions that the course of a run leads to: a lost call, a payment that had no name for a moment."""

UNDECIDED = "cancel_refused"
"""A cancellation whose answer stayed away too long stands as it is; what follows from it differs."""

Meaning = dict[tuple[str, str], Any]


def meaning(world: World) -> Meaning:
    """What each stream came to, and what each deal shows in the CRM, by (tenant and deal or party, part)."""
    found: Meaning = {}
    for service in world.services.values():
        for (tenant, name), stream in service.memory.streams.items():
            said = _of(stream.state)
            if said is not None:
                found[f"{tenant} {name}", service.name] = said
    for account, portal in world.crm.portals.items():
        tenant_name = account.partition(":")[2]
        for deal_id, deal in portal.deals.items():
            shown = {n: value for n, value in deal.fields.items() if value not in (0, "") and n != FILE_OF_ACT}
            found[f"{tenant_name} deal-{deal_id}", "crm"] = (
                deal.stage_id,
                sorted(shown.items(), key=lambda one: one[0]),
            )
    return found


def differences(rough: World, calm: World) -> list[str]:
    """What two runs of one plan disagree about. Deals that were deleted are left out, and those whose cancellation
    nobody could decide."""
    one, other = meaning(rough), meaning(calm)
    left_out = {
        f"{deal.tenant} deal-{deal.deal_id}" for deal in rough.plan.deals if any(a.what == "delete" for a in deal.acts)
    }
    for world in (rough, calm):
        for (tenant, _), row in world.services["invoicing"].memory.table(TABLE).items():
            if row["kind"] == UNDECIDED:
                left_out.add(f"{tenant} {row['stream']}")
    return [
        f"{' '.join(key)} is {one.get(key)} and in order {other.get(key)}"
        for key in sorted({*one, *other})
        if one.get(key) != other.get(key) and key[0] not in left_out
    ]


def _of(state: Any) -> Any:
    match state:
        case ingest.State():
            shown = state.deal.content_hash if state.deal else ""
            stages = sorted(state.entries[one].stage_id for one in state.entered)
            asked = sorted(request.kind for request in state.requests.values())
            return (stages, asked, shown, state.gone)
        case links.State():
            return sorted(
                (type(request.last).__name__, request.linked.remote_id if request.linked else "")
                for request in state.requests.values()
            )
        case party.State():
            return {account: (one.phase, one.remote_id) for account, one in sorted(state.records.items())}
        case Documents():
            return [_document(one) for _, one in sorted(state.documents.items())], state.gone, _cards(state)
        case Payments():
            return [_invoice(one) for _, one in sorted(state.invoices.items())], _cards(state)
        case operation.State():
            return state.matched
        case Shown():
            return (state.shown_status(), state.paid_kopecks, state.settled, state.overdue_days(), state.pending)
        case _:
            return None


def _document(document: Any) -> Any:
    issued, changed = document.issued, document.changed_deal
    return (
        document.kind,
        document.revision,
        document.phase,
        document.deal.content_hash,
        changed.content_hash if changed else "",
        (issued.number, issued.total_kopecks, issued.date) if issued else None,
        document.blob if document.kind == "invoice" else "",
    )


def _invoice(invoice: Any) -> Any:
    counted = sorted(
        (one.operation.operation_id, one.signed_kopecks) for one in invoice.payments.values() if not one.revoked
    )
    return (invoice.known.number, invoice.status, invoice.voided, invoice.overdue_days, counted)


def _cards(state: Any) -> Mapping[str, str]:
    """Which questions were asked, and the answers: those about lost calls are luck."""
    return {
        f"{card.opened.kind} {card.opened.subject}": card.taken.choice if card.taken else ""
        for card in state.cards.by_id.values()
        if card.opened.kind not in LUCK
    }
