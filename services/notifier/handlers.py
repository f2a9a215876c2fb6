"""From public messages to what a deal, a company's card, or the admin chat is told; pure, no SQL, no network."""

from collections.abc import Mapping, Sequence
from typing import Literal

from chassis import tenants
from chassis.ids import deterministic_id
from chassis.messaging.routing import Routed
from contracts.envelope import Envelope, Message
from contracts.messages import counterparty, ingest, invoicing, operations, payments
from contracts.messages import values as wire
from services.notifier.domain import alerts, company, deal, delays, letters, newcomer
from services.notifier.domain import facts as f

OURSELVES = "notifier"
"""Who writes to the CRM."""

OWN = "own"
"""Stands for the vendor of work that needs none."""

LETTERS = "letters"
"""Stands for a vendor where dead letters are spoken of."""


def crm_account(tenant: str) -> str:
    """The account of a tenant's portal, as permits know it."""
    return f"bitrix24:{tenant}"


def route(message: Message, envelope: Envelope) -> Sequence[Routed]:
    """The commands of one message; none for what nobody is told."""
    match message:
        case ingest.TenantState():
            seen = tenants.SeeTenant(message.status, message.version, message.settings.model_dump(mode="json"))
            return (Routed(tenants.STREAM, seen),)
        case operations.OutageBegan() | operations.OutageEnded():
            return (_outage(message, envelope),)
        case operations.WorkDelayed() | operations.WorkResumed() if not message.deal_id:
            return _delay(message, envelope)
        case operations.WorkDelayed() | operations.WorkResumed() if message.account == crm_account(envelope.tenant_id):
            # A delay of writes to the CRM, told by writes to the CRM, would delay itself without end; a deal that
            # cannot be read shows nothing of its own, so the chat hears of it.
            return () if envelope.source == OURSELVES else _delay(message, envelope)
        case operations.DeadLettersBegan() | operations.DeadLettersEnded():
            return (_letters(message, envelope),)
        case operations.DecisionNeeded() if not message.deal_id:
            return (_notice("card_opened", {"kind": message.kind, **message.values}, envelope),)
        case payments.PaymentUnmatched() if not message.deal_id and not message.suspect:  # those have a card
            return (_of_payment("payment_unmatched", message, {}, envelope),)
        case payments.PaymentMatched():
            found = {"numbers": ", ".join(message.invoice_numbers)}
            return (_of_payment("payment_matched", message, found, envelope),)
        case counterparty.CompanyFilled():
            tenant = envelope.tenant_id
            fill = company.TellCompany(
                tenant,
                crm_account(tenant),
                envelope.id,
                message.requisite_id,
                message.inn,
                {name: value for name, value in message.values.items() if value},
                message.status,
                message.responsible_id,
            )
            return (Routed(f"{company.PREFIX}-{message.company_id}", fill),)
        case counterparty.CompanyAppeared():
            return (_newcomer(message, envelope),)
    fact = _fact(message)
    deal_id = message.deal.deal_id if isinstance(message, ingest.InvoiceRequested) else getattr(message, "deal_id", "")
    if fact is None or not deal_id:
        return ()
    # What ingest says of a request is not among what invoicing says of its documents.
    sequence = 0 if isinstance(message, ingest.RequestImpossible) else envelope.sequence
    tell = deal.Tell(envelope.tenant_id, crm_account(envelope.tenant_id), envelope.id, fact, sequence)
    return (Routed(f"{deal.PREFIX}-{deal_id}", tell),)


def _newcomer(message: counterparty.CompanyAppeared, envelope: Envelope) -> Routed:
    tell = newcomer.TellNewcomer(
        crm_account(envelope.tenant_id),
        envelope.id,
        message.key,
        message.kind,
        message.inn,
        message.kpp,
        {name: value for name, value in message.values.items() if value},
        envelope.sequence,
    )
    return Routed(f"{newcomer.PREFIX}-{message.inn}{'-' if message.kpp else ''}{message.kpp}", tell)


def _outage(message: operations.OutageBegan | operations.OutageEnded, envelope: Envelope) -> Routed:
    stream = f"{alerts.PREFIX}-{message.vendor}"
    tenant, account = envelope.tenant_id, crm_account(envelope.tenant_id)
    if isinstance(message, operations.OutageBegan):
        reason = _reason(message.reason)
        began = alerts.TellOutage(tenant, account, envelope.id, envelope.source, message.vendor, message.since, reason)
        return Routed(stream, began)
    ended = alerts.TellRecovery(
        tenant, account, envelope.id, envelope.source, message.vendor, message.since, message.ended_at
    )
    return Routed(stream, ended)


def _delay(message: operations.WorkDelayed | operations.WorkResumed, envelope: Envelope) -> Sequence[Routed]:
    """To the stream of the vendor's outages, which tells whether people know why the work waits."""
    if message.kind == deal.CRM_CHAT:
        return ()  # the chat is not told that it cannot be told
    stream, account = f"{alerts.PREFIX}-{message.vendor or OWN}", crm_account(envelope.tenant_id)
    if isinstance(message, operations.WorkDelayed):
        reason = _reason(message.reason)
        began = delays.SeeDelayed(account, message.work_id, message.kind, message.vendor, message.since, reason)
        return (Routed(stream, began),)
    ended = delays.SeeResumed(account, envelope.id, message.work_id, message.kind, message.vendor, envelope.time)
    return (Routed(stream, ended),)


def _letters(message: operations.DeadLettersBegan | operations.DeadLettersEnded, envelope: Envelope) -> Routed:
    """All of a tenant's go to one stream, which tells of them together."""
    account, service, key = crm_account(envelope.tenant_id), envelope.source, message.key
    if isinstance(message, operations.DeadLettersEnded):
        gone = letters.SeeLettersGone(account, envelope.id, service, message.topic, key, envelope.sequence)
        return Routed(f"{alerts.PREFIX}-{LETTERS}", gone)
    # Deals of a portal have numbers, and no other key is one.
    deal_id = key if key.isascii() and key.isdecimal() else ""
    seen = letters.SeeLetters(account, service, message.topic, key, deal_id, message.since, envelope.sequence)
    return Routed(f"{alerts.PREFIX}-{LETTERS}", seen)


def _notice(text: str, values: Mapping[str, str | int], envelope: Envelope) -> Routed:
    notice = alerts.TellNotice(envelope.tenant_id, crm_account(envelope.tenant_id), envelope.id, text, {**values})
    return Routed(f"{alerts.PREFIX}-notice/{envelope.id}", notice)  # a stream of its own: one for all would only grow


def _of_payment(
    text: str,
    message: payments.PaymentUnmatched | payments.PaymentMatched,
    more: Mapping[str, str],
    envelope: Envelope,
) -> Routed:
    """All that is told of one payment goes to one stream, where the newest stands."""
    values: dict[str, str | int] = {
        "amount_kopecks": message.amount_kopecks,
        "date": message.date.isoformat(),
        "order_number": message.order_number,
        **more,
    }
    account, of = crm_account(envelope.tenant_id), deterministic_id("payment", message.account, message.payment_id)
    notice = alerts.TellNotice(envelope.tenant_id, account, envelope.id, text, values, envelope.sequence)
    return Routed(f"{alerts.PREFIX}-payment/{of}", notice)


def _fact(message: Message) -> f.AnyFact | None:
    match message:
        case ingest.InvoiceRequested() if message.deal.order is not None:
            return f.OrderPlaced(number=message.deal.order.number)
        case invoicing.InvoiceIssued():
            return f.InvoiceIssued(
                invoice_id=message.invoice_id,
                number=message.number,
                date=message.date,
                due_date=message.due_date,
                url=message.url,
                total_kopecks=message.total_kopecks,
                buyer_name=message.buyer_name,
                responsible_id=message.responsible_id,
                warnings=_reasons(message.warnings),
            )
        case invoicing.InvoicePendingReview():
            return f.InvoicePendingReview(
                invoice_id=message.invoice_id,
                number=message.number,
                total_kopecks=message.total_kopecks,
                url=message.url,
            )
        case invoicing.InvoiceRejected():
            return _refused("invoice", message.request_id, message.reasons, message.responsible_id)
        case invoicing.ActRejected():
            return _refused("act", message.request_id, message.reasons, message.responsible_id)
        case ingest.RequestImpossible():
            return _refused(message.kind, message.request_id, message.reasons, message.responsible_id)
        case invoicing.InvoiceReentered():
            return f.InvoiceReentered(invoice_id=message.invoice_id, number=message.number)
        case invoicing.InvoiceRevised():
            return f.InvoiceRevised(
                invoice_id=message.invoice_id,
                number=message.number,
                total_before_kopecks=message.total_before_kopecks,
                total_after_kopecks=message.total_after_kopecks,
                responsible_id=message.responsible_id,
            )
        case invoicing.InvoiceCancelled():
            return f.InvoiceCancelled(invoice_id=message.invoice_id, number=message.number)
        case invoicing.ActIssued():
            return f.ActIssued(
                act_id=message.act_id,
                number=message.number,
                date=message.date,
                total_kopecks=message.total_kopecks,
                unpaid=message.unpaid,
                responsible_id=message.responsible_id,
                form=message.form,
                url=message.url,
                warnings=_reasons(message.warnings),
            )
        case invoicing.DocumentRendered():
            return f.DocumentRendered(
                document_id=message.document_id,
                kind=message.kind,
                number=message.number,
                blob=message.blob,
                file_name=message.file_name,
                revision=message.revision,
                form=message.form,
                draft=message.draft,
            )
        case invoicing.EdiStatusChanged():
            return f.EdiMoved(
                document_id=message.document_id,
                number=message.number,
                status=message.status,
                vendor=message.vendor,
                buyer=message.buyer,
                why=message.reason,
                responsible_id=message.responsible_id,
            )
        case invoicing.DocumentSigned():
            return f.EdiSigned(
                document_id=message.document_id,
                number=message.number,
                vendor=message.vendor,
                buyer=message.buyer,
                archive=message.archive,
                archive_name=message.archive_name,
                print_form=message.print_form,
                print_name=message.print_name,
            )
        case counterparty.CounterpartyLinked() if message.conflict_crm_ids:
            return f.BuyerConflict(
                request_id=message.request_id, inn=message.inn, kpp=message.kpp, crm_ids=message.conflict_crm_ids
            )
        case _:
            return _money(message) or _work(message)


def _money(message: Message) -> f.AnyFact | None:
    match message:
        case payments.PaymentReceived():
            return f.PaymentReceived(
                payment_id=message.payment_id,
                invoice_number=message.invoice_number,
                amount_kopecks=message.amount_kopecks,
                date=message.date,
                order_number=message.order_number,
                payer_name=message.payer_name,
                source=message.source,
                responsible_id=message.responsible_id,
            )
        case payments.PaymentReversed():
            return f.PaymentReversed(
                payment_id=message.payment_id,
                kind=message.kind,
                invoice_number=message.invoice_number,
                amount_kopecks=message.amount_kopecks,
                amount_before_kopecks=message.amount_before_kopecks,
                date=message.date,
                order_number=message.order_number,
                responsible_id=message.responsible_id,
            )
        case payments.InvoiceBalanceChanged():
            return f.BalanceChanged(
                invoice_id=message.invoice_id,
                invoice_number=message.invoice_number,
                total_kopecks=message.total_kopecks,
                status=message.status,
                version=message.version,
                deal_paid_kopecks=message.deal_paid_kopecks,
                deal_settled=message.deal_settled,
                surplus_kopecks=message.surplus_kopecks,
                category_id=message.category_id,
            )
        case payments.InvoiceOverdue():
            return f.InvoiceOverdue(
                invoice_id=message.invoice_id,
                invoice_number=message.invoice_number,
                due_date=message.due_date,
                days=message.days_overdue,
                rest_kopecks=message.rest_kopecks,
                remind=message.remind,
                responsible_id=message.responsible_id,
            )
        case payments.InvoiceOverdueEnded():
            return f.OverdueEnded(invoice_id=message.invoice_id)
        case _:
            return None


def _work(message: Message) -> f.AnyFact | None:
    match message:
        case operations.DecisionNeeded():
            return f.CardOpened(
                card_id=message.card_id,
                kind=message.kind,
                choices=message.choices,
                values=message.values,
                responsible_id=message.responsible_id,
            )
        case operations.DecisionTaken():
            return f.CardTaken(card_id=message.card_id, kind=message.kind, choice=message.choice, by=message.by)
        case operations.WorkDelayed():
            return f.WorkDelayed(work_id=message.work_id, vendor=message.vendor, reason=_reason(message.reason))
        case operations.WorkResumed():
            return f.WorkResumed(work_id=message.work_id)
        case _:
            return None


def _refused(
    kind: Literal["invoice", "act"], request_id: str, reasons: Sequence[wire.Reason], responsible_id: str
) -> f.DocumentRefused:
    return f.DocumentRefused(
        kind=kind,
        request_id=request_id,
        reasons=_reasons(reasons),
        responsible_id=responsible_id,
    )


def _reason(reason: wire.Reason) -> f.Reason:
    return f.Reason(code=reason.code, values=reason.values)


def _reasons(reasons: Sequence[wire.Reason]) -> tuple[f.Reason, ...]:
    return tuple(_reason(reason) for reason in reasons)
