"""What must be so when a run has come to rest: each check reads the vendors' books and the services' streams, and gives
a sentence for everything that is otherwise."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from chassis.aggregate import EffectPlan
from chassis.cards import TABLE
from chassis.values.calendar import overdue_days
from chassis.values.marker import find_markers
from chassis.work.operations import WorkFellBehind, delay_stream
from chassis.work.plans import effect_id
from connectors.ports.accounting import InvoiceCard, InvoiceStatus
from connectors.ports.crm import MoneyValue
from services.invoicing.domain import DEAL_PREFIX
from services.invoicing.domain.state import OVER
from services.invoicing.domain.state import State as Documents
from services.notifier.domain.deal import Told
from services.payments.domain.state import State as Payments
from tests.simulation.crm import Deal
from tests.simulation.plan import ACT, FIELDS, PAID, TRIGGER, DealPlan, accounting_account
from tests.simulation.vendor import Fate, Line
from tests.simulation.wiring import texts_of
from tests.simulation.world import World

GAP = timedelta(seconds=60)
QUIET = timedelta(seconds=180)
NOTHING_DONE = (Fate.NOT_SENT, Fate.AT_LIMIT, Fate.REFUSED)

Check = Callable[[World], Iterator[str]]


def documents_are_there_once(world: World) -> Iterator[str]:
    """No marker stands on two documents, and a deal has one live invoice at most."""
    for account, books in world.accounting.accounts.items():
        comments = [*(one.comment for one in books.invoices.values()), *(one.comment for one in books.acts.values())]
        markers = Counter(str(marker) for comment in comments for marker in find_markers(comment))
        yield from (f"{account}: {marker} stands on {n} documents" for marker, n in markers.items() if n != 1)
        live = Counter(
            find_markers(one.comment)[0].deal
            for one in books.invoices.values()
            if one.status is not InvoiceStatus.CANCELLED
        )
        yield from (f"{account}: deal {deal} has {n} live invoices" for deal, n in live.items() if n != 1)


def deals_end_as_planned(world: World) -> Iterator[str]:
    """Every deal that may be invoiced is; an act is there when it was asked for, and paid for where the tenant wants
    that."""
    for deal in _undisturbed(world):
        invoice = world.people.live_invoice(deal)
        if invoice is None:
            yield f"{_name(deal)} has no live invoice"
            continue
        acts = [one for one in _books(world, deal).acts.values() if one.act_id.startswith(f"b24:{deal.deal_id}:act:")]
        asked = any(act.stage == ACT for act in deal.acts)
        settled = _paid_kopecks(world, deal, invoice) >= invoice.total_kopecks
        waits = next(one for one in world.plan.tenants if one.tenant == deal.tenant).settings.policies.act_requires_paid
        if len(acts) > int(asked):
            yield f"{_name(deal)} has {len(acts)} acts"
        elif asked and not acts and (settled or not waits):
            yield f"{_name(deal)} has no act"


def changes_are_known_to_the_last(world: World) -> Iterator[str]:
    """What invoicing takes a deal with an invoice for, and asks people about, is what the CRM shows of it now."""
    for deal in _undisturbed(world):
        state = world.services["invoicing"].memory.state(deal.tenant, f"{DEAL_PREFIX}-{deal.deal_id}")
        amount = _shown(world, deal).amount_kopecks
        for document in state.documents.values():
            known = document.changed_deal or document.deal
            live = document.kind == "invoice" and document.phase not in OVER
            if live and known.opportunity_kopecks != amount:
                yield f"{_name(deal)} comes to {amount}, and invoicing takes it for {known.opportunity_kopecks}"


def documents_are_those_of_the_vendor(world: World) -> Iterator[str]:
    """What invoicing calls made is at the vendor, with its sum; what is at the vendor, invoicing knows."""
    known: dict[str, set[str]] = {}
    for (tenant, _), stream in world.services["invoicing"].memory.streams.items():
        if not isinstance(stream.state, Documents):
            continue
        books = world.accounting.books(accounting_account(tenant))
        for document in stream.state.documents.values():
            name = f"{tenant} deal {document.deal.deal_id} {document.kind} {document.revision}"
            if document.phase in ("ordered", "doubtful", "cancelling"):
                yield f"{name} is still {document.phase}"
            if document.issued is None:
                continue
            held: Mapping[str, Any] = books.invoices if document.kind == "invoice" else books.acts
            there = [one for one in held.values() if one.number == document.issued.number]
            if len(there) != 1 or there[0].total_kopecks != document.issued.total_kopecks:
                yield f"{name} is not what the vendor has"
                continue
            cancelled = document.kind == "invoice" and there[0].status is InvoiceStatus.CANCELLED
            if cancelled != (document.phase == "cancelled"):
                yield f"{name} is {document.phase}, and at the vendor {there[0].status}"
            known.setdefault(str(tenant), set()).add(document.issued.number)
    for tenant_plan in world.plan.tenants:
        books = world.accounting.books(tenant_plan.account)
        held_numbers = {one.number for one in books.invoices.values()} | {one.number for one in books.acts.values()}
        lost = held_numbers - known.get(str(tenant_plan.tenant), set())
        yield from (f"{tenant_plan.tenant}: nobody knows of {number}" for number in sorted(lost))


def payments_count_once(world: World) -> Iterator[str]:
    """An invoice counts exactly the rows that the bank has for it; what fits none is listed; all together are the
    bank's sum."""
    memory = world.services["payments"].memory
    for tenant in world.plan.tenants:
        rows = [row for row in world.accounting.books(tenant.account).payments.values() if not row.removed]
        counted_sum = 0
        for (of_tenant, _), stream in memory.streams.items():
            if of_tenant != tenant.tenant or not isinstance(stream.state, Payments):
                continue
            for invoice in stream.state.invoices.values():
                counted = Counter(
                    (one.operation.operation_id, one.signed_kopecks)
                    for one in invoice.payments.values()
                    if not one.revoked
                )
                bank = Counter(
                    (row.payment_id, row.amount_kopecks) for row in rows if row.invoice_id == invoice.known.remote_id
                )
                if counted != bank:
                    yield f"{tenant.tenant} {invoice.known.number} counts {dict(counted)}, the bank has {dict(bank)}"
                if invoice.paid_kopecks != sum(kopecks * n for (_, kopecks), n in bank.items()):
                    yield f"{tenant.tenant} {invoice.known.number} says that {invoice.paid_kopecks} were paid"
                counted_sum += invoice.paid_kopecks
                told = stream.state.told.get(invoice.known.invoice_id)
                if told != (invoice.paid_kopecks, invoice.status):
                    yield f"{tenant.tenant} {invoice.known.number} is told as {told}"
        unmatched = sum(
            row["signed_kopecks"]
            for (of_tenant, *_), row in memory.table("unmatched_operations").items()
            if of_tenant == tenant.tenant
        )
        if counted_sum + unmatched != sum(row.amount_kopecks for row in rows):
            yield f"{tenant.tenant}: {counted_sum} counted and {unmatched} unmatched are not the bank's sum"


def balances_reach_invoicing(world: World) -> Iterator[str]:
    """Whether an invoice is settled is the same for invoicing and for the bank."""
    for (tenant, _), stream in world.services["invoicing"].memory.streams.items():
        if not isinstance(stream.state, Documents):
            continue
        rows = world.accounting.books(accounting_account(tenant)).payments.values()
        for document in stream.state.documents.values():
            if document.kind != "invoice" or document.issued is None or document.phase != "made":
                continue
            paid = sum(
                row.amount_kopecks for row in rows if row.invoice_id == document.issued.remote_id and not row.removed
            )
            settled = stream.state.settled.get(document.document_id, (0, False))[1]
            if settled != (paid >= document.issued.total_kopecks):
                yield f"{tenant} {document.issued.number}: settled is {settled} with {paid} paid"


def cancelled_invoices_are_void(world: World) -> Iterator[str]:
    """No money is waited for by an invoice that invoicing has cancelled."""
    documents = world.services["invoicing"].memory.streams
    cancelled = {
        (tenant, document.document_id)
        for (tenant, _), stream in documents.items()
        if isinstance(stream.state, Documents)
        for document in stream.state.documents.values()
        if document.kind == "invoice" and document.phase == "cancelled"
    }
    for (tenant, _), stream in world.services["payments"].memory.streams.items():
        if isinstance(stream.state, Payments):
            for invoice in stream.state.invoices.values():
                if (tenant, invoice.known.invoice_id) in cancelled and not invoice.voided:
                    yield f"{tenant} {invoice.known.number} is cancelled, and payments waits for its money"


def crm_shows_the_books(world: World) -> Iterator[str]:
    """The deal's fields are a function of the vendor's books; a deal is moved to "paid" only by money."""
    for deal in _undisturbed(world):
        tenant = next(one for one in world.plan.tenants if one.tenant == deal.tenant)
        shown = world.crm.portal(tenant.crm_account).deals[deal.deal_id]
        wanted = _fields(world, deal)
        for name, value in wanted.items():
            if shown.fields.get(FIELDS[name], "") != value:
                yield f"{_name(deal)} shows {name} {shown.fields.get(FIELDS[name], '')!r} instead of {value!r}"
        yield from _stage(world, deal, shown)


def _fields(world: World, deal: DealPlan) -> dict[str, Any]:
    books = _books(world, deal)
    tenant = next(one for one in world.plan.tenants if one.tenant == deal.tenant)
    texts = texts_of(tenant.settings.language)
    invoice = world.people.live_invoice(deal)
    if invoice is None:
        return {}
    paid = _paid_kopecks(world, deal, invoice)
    overdue = 0
    if paid < invoice.total_kopecks and invoice.due_on is not None:
        overdue = overdue_days(invoice.due_on, world.clock.now().astimezone(ZoneInfo("Europe/Moscow")).date())
    status = "issued" if paid <= 0 else "partially_paid" if paid < invoice.total_kopecks else "paid"
    if paid > invoice.total_kopecks:
        status = "overpaid"
    act = next((one for one in books.acts.values() if one.act_id.startswith(f"b24:{deal.deal_id}:act:")), None)
    ever_paid = any(row.invoice_id == invoice.invoice_id for row in books.payments.values())
    found: dict[str, Any] = {
        "invoice_number": invoice.number,
        "invoice_date": invoice.issued_on,
        "invoice_url": invoice.url,
        "invoice_status": texts.status(status),
        "invoice_pdf": f"%PDF- {invoice.invoice_id}".encode(),
    }
    if paid or not ever_paid:
        found["paid"] = MoneyValue(paid) if paid else _unpaid(world, deal)
    if overdue or status in ("paid", "overpaid"):
        found["overdue_days"] = overdue or _zero(world, deal)
    if act is not None:
        found["act_number"] = act.number
    return found


def _unpaid(world: World, deal: DealPlan) -> Any:
    """Nothing was ever written, or a nought."""
    value = _shown(world, deal).fields.get(FIELDS["paid"], "")
    return value if value in ("", MoneyValue(0)) else ""


def _zero(world: World, deal: DealPlan) -> Any:
    """Nothing was ever written, or a nought."""
    value = _shown(world, deal).fields.get(FIELDS["overdue_days"], "")
    return value if value in ("", 0) else 0


def _stage(world: World, deal: DealPlan, shown: Deal) -> Iterator[str]:
    invoice = world.people.live_invoice(deal)
    if invoice is None:
        return
    entered = [act.stage for act in deal.acts if act.what == "enter"]
    settled = _paid_kopecks(world, deal, invoice) >= invoice.total_kopecks
    if entered == [TRIGGER] and settled and shown.stage_id != PAID:
        yield f"{_name(deal)} is paid and stands in {shown.stage_id}"
    if shown.stage_id == PAID and not any(act.what == "pay" for act in deal.acts):
        yield f"{_name(deal)} stands in {PAID} without a payment"
    # Money that goes again, and an invoice in place of a paid one, leave the deal where it stood.
    if shown.stage_id == PAID and not settled and {act.what for act in deal.acts} <= {"enter", "fix", "stray", "pay"}:
        yield f"{_name(deal)} stands in {PAID} before it is paid"


def streams_replay(world: World) -> Iterator[str]:
    """What is stored, as it was read back when it was written, folds to the state that was lived in."""
    for service in world.services.values():
        for (tenant, name), stream in service.memory.streams.items():
            state = stream.kind.initial(name)
            for event in stream.events:
                state = stream.kind.evolve(state, event)
            if state != stream.state:
                yield f"{service.name} {tenant} {name} replays to another state"


def work_is_done(world: World) -> Iterator[str]:
    """No work is left open but what recurs; nobody waits for an answer, and no card stands open."""
    for service in world.services.values():
        if service.is_busy():
            yield f"{service.name} is still at work"
        yield from (f"{service.name} leaves {card} open" for card in service.memory.open_cards)
    for (tenant, name), stream in world.services["notifier"].memory.streams.items():
        if getattr(stream.state, "pending", None):
            yield f"{tenant} {name} still waits for {sorted(stream.state.pending)}"
    for (tenant, name), stream in world.services["counterparty"].memory.streams.items():
        for record in getattr(stream.state, "records", {}).values():
            if record.waiting or record.phase not in ("linked", "refused"):
                yield f"{tenant} {name} is {record.phase} with {len(record.waiting)} waiting"


def delays_are_told(world: World) -> Iterator[str]:
    """Of work whose quick attempts were used up its stream's others are told."""
    for service in world.services.values():
        for tenant, name, work_id in sorted(service.desk.delayed):
            stream = service.memory.streams.get((tenant, delay_stream(name)))
            events = () if stream is None else stream.events
            if not any(isinstance(event, WorkFellBehind) and event.work_id == work_id for event in events):
                yield f"{service.name} {tenant} {name}: nobody was told that {work_id} is delayed"


def comments_are_written_once(world: World) -> Iterator[str]:
    """Every comment that a fact ordered stands in its deal's timeline once."""
    ordered: dict[tuple[str, str], int] = {}
    for (tenant, name), stream in world.services["notifier"].memory.streams.items():
        for event in stream.events:
            if isinstance(event, Told):
                comments = sum(write.write == "comment" for write in event.writes)
                key = (str(tenant), name.partition("-")[2])
                ordered[key] = ordered.get(key, 0) + comments
    for deal in world.plan.deals:
        markers = Counter(marker for marker, _ in _shown(world, deal).comments)
        yield from (f"{_name(deal)} has the comment {m} {n} times" for m, n in markers.items() if n > 1)
        wanted = ordered.get((deal.tenant, deal.deal_id), 0)
        if len(markers) != wanted and not any(act.what == "delete" for act in deal.acts):
            yield f"{_name(deal)} has {len(markers)} of {wanted} comments"


def nothing_is_sent_again_unlooked(world: World) -> Iterator[str]:
    """After a create of unknown outcome its marker was looked for and not found twice, a minute apart, the last time
    three minutes later, before it was sent once more under the same key; or a person asked for it, and it was looked
    for after that."""
    asked = {
        (entry.plan.marker, entry.planned_at)
        for entry in world.services["invoicing"].desk.entries.values()
        if isinstance(entry.plan, EffectPlan) and "key_attempt" in entry.request
    }
    unheard = {str(work_id) for service in world.services.values() for work_id in service.desk.unheard}
    last: dict[str, Line] = {}
    looked: dict[str, list[Line]] = {}
    for line in world.accounting.ledger:
        if line.operation == "find_invoice":
            looked.setdefault(line.about, []).append(line)
        elif line.operation == "create_invoice":
            before = last.get(line.key)
            if before is not None and (before.fate.in_doubt or before.key in unheard):
                negatives = [
                    one for one in looked.get(line.about, ()) if before.at < one.at <= line.at and not one.found
                ]
                told = [at for marker, at in asked if marker == line.about and before.at < at <= line.at]
                apart = negatives and negatives[-1].at - negatives[0].at >= GAP
                if told:
                    if not any(one.at >= max(told) for one in negatives):
                        yield f"{line.about} was sent again at {line.at} on a person's word alone"
                elif not apart or negatives[-1].at - before.at < QUIET:
                    yield f"{line.about} was sent again at {line.at} after {len(negatives)} look-ups"
            if line.fate not in NOTHING_DONE:
                last[line.key] = line


def people_are_asked_what_cannot_be_known(world: World) -> Iterator[str]:
    """An act of unknown outcome stands before a person; nothing does whose outcome was known."""
    desks = [world.services[name].desk for name in ("invoicing", "counterparty")]
    unheard = {str(work_id) for desk in desks for work_id in desk.unheard}
    # A record that exists although no search shows it yet leaves the caller in doubt too.
    doubtful = {
        line.key
        for line in world.accounting.ledger
        if line.fate.in_doubt or (line.operation, line.fate) == ("create_counterparty", Fate.REFUSED)
    } | unheard
    asked = {str(e.work_id): e for desk in desks for e in desk.entries.values() if e.queue == "person"}
    for name, one in asked.items():
        first = one.request.get("key_attempt")  # what a person has sent once more goes under the key of the first call
        sent = str(effect_id(one.tenant, one.kind, (one.request["document_id"], str(first)))) if first else name
        if not {name, sent} & doubtful:
            yield f"{one.kind} {one.key} was put before a person without need"
    for line in world.accounting.ledger:
        if line.operation == "create_act" and line.fate.in_doubt and line.key not in asked:
            yield f"the act {line.about} is in doubt, and nobody was asked"
    yield from (f"{card} was asked" for card in world.people.unforeseen)


def people_choose_among_records(world: World) -> Iterator[str]:
    """Of several records that are the buyer's none is taken unasked."""
    asked = {
        (tenant, row["deal_id"])
        for (tenant, *_), row in world.services["counterparty"].memory.table(TABLE).items()
        if row["kind"] == "counterparty_double"
    }
    for deal in _undisturbed(world):
        several = deal.buyer.records.count(deal.buyer.kpp) > 1
        if several and world.people.live_invoice(deal) and (deal.tenant, deal.deal_id) not in asked:
            yield f"{_name(deal)} got one of several records, and nobody was asked"


def _undisturbed(world: World) -> Iterator[DealPlan]:
    """Deals that were never deleted: what is written to a deleted deal is lost, and nobody's fault."""
    return (deal for deal in world.plan.deals if not any(act.what == "delete" for act in deal.acts))


def _name(deal: DealPlan) -> str:
    return f"{deal.tenant} deal {deal.deal_id}"


def _books(world: World, deal: DealPlan) -> Any:
    return world.accounting.books(accounting_account(deal.tenant))


def _shown(world: World, deal: DealPlan) -> Deal:
    tenant = next(one for one in world.plan.tenants if one.tenant == deal.tenant)
    return world.crm.portal(tenant.crm_account).deals[deal.deal_id]


def _paid_kopecks(world: World, deal: DealPlan, invoice: InvoiceCard) -> int:
    rows = _books(world, deal).payments.values()
    return sum(row.amount_kopecks for row in rows if row.invoice_id == invoice.invoice_id and not row.removed)


CHECKS: tuple[Check, ...] = (
    documents_are_there_once,
    deals_end_as_planned,
    changes_are_known_to_the_last,
    documents_are_those_of_the_vendor,
    payments_count_once,
    balances_reach_invoicing,
    cancelled_invoices_are_void,
    crm_shows_the_books,
    streams_replay,
    work_is_done,
    delays_are_told,
    comments_are_written_once,
    nothing_is_sent_again_unlooked,
    people_are_asked_what_cannot_be_known,
    people_choose_among_records,
)


def violations(world: World) -> list[str]:
    """Everything that is not as it must be, each with the check that found it."""
    return [f"{check.__name__}: {found}" for check in CHECKS for found in check(world)]
