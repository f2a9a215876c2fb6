"""From public messages to commands on a deal's stream; pure, no SQL, no network."""

from collections.abc import Sequence

from chassis import tenants
from chassis.messaging.routing import Routed
from chassis.values.inn import InnRefused, clean_inn, clean_kpp, is_person_inn
from contracts.envelope import Envelope, Message
from contracts.messages import counterparty, ingest, payments
from contracts.messages import values as wire
from services.invoicing.domain import DEAL_PREFIX
from services.invoicing.domain import commands as c
from services.invoicing.domain.values import Deal, EdiTerms, Kind, Link, Reason, Row, Tax, Terms


def route(message: Message, envelope: Envelope) -> Sequence[Routed]:
    """The commands of one message, by stream; none for what does not concern documents."""
    match message:
        case ingest.TenantState():
            seen = tenants.SeeTenant(message.status, message.version, message.settings.model_dump(mode="json"))
            return (Routed(tenants.STREAM, seen),)
        case ingest.InvoiceRequested():
            return (_to(message.deal.deal_id, _request(message, "invoice", envelope)),)
        case ingest.ActRequested():
            return (_to(message.deal.deal_id, _request(message, "act", envelope)),)
        case ingest.DealChanged():
            deal = None if message.deleted or message.deal is None else _deal(message.deal)
            return (_to(message.deal_id, c.SeeDeal(deal, envelope.sequence)),)
        case counterparty.CounterpartyLinked():
            link = Link(
                counterparty_id=message.counterparty_id,
                remote_id=message.remote_id,
                kind=message.kind,
                inn=message.inn,
                kpp=message.kpp,
                name=message.name,
                subject_ref=message.subject_ref,
                warnings=_reasons(message.warnings),
                party=message.party,
            )
            return (_to(message.deal_id, c.KnowBuyer(message.request_id, link, envelope.sequence)),)
        case counterparty.CounterpartyRejected():
            refused = c.RefuseBuyer(message.request_id, _reasons(message.reasons), envelope.sequence)
            return (_to(message.deal_id, refused),)
        case payments.InvoiceBalanceChanged():
            settled = message.status in ("paid", "overpaid")
            return (_to(message.deal_id, c.SeeBalance(message.invoice_id, message.version, settled, message.status)),)
        case payments.InvoiceGone():
            return (_to(message.deal_id, c.SeeVoid(message.invoice_id, message.by, message.replace)),)
        case _:
            return ()


def _to(deal_id: str, command: c.Command) -> Routed:
    return Routed(f"{DEAL_PREFIX}-{deal_id}", command)


def _request(message: ingest.InvoiceRequested | ingest.ActRequested, kind: Kind, envelope: Envelope) -> c.Request:
    return c.Request(
        tenant=envelope.tenant_id,
        request_id=message.request_id,
        kind=kind,
        deal=_deal(message.deal),
        terms=_terms(message.settings),
        triggered_at=message.triggered_at,
        sequence=envelope.sequence,
    )


def _deal(deal: wire.DealSnapshot) -> Deal:
    buyer = deal.buyer
    return Deal(
        deal_id=deal.deal_id,
        title=deal.title,
        category_id=deal.category_id,
        currency=deal.currency,
        opportunity_kopecks=deal.opportunity_kopecks,
        responsible_id=deal.responsible_id,
        has_buyer=buyer is not None,
        buyer_kind=buyer.kind if buyer else "company",
        buyer_name=buyer.name if buyer else "",
        buyer_address=buyer.address if buyer else "",
        buyer_party=_party(buyer) if buyer else "",
        rows=tuple(_row(line) for line in deal.lines),
        content_hash=deal.content_hash,
        order_number=deal.order.number if deal.order else "",
        gifts=deal.order.gifts if deal.order else 0,
        lost=deal.lost,
    )


def _party(buyer: wire.Buyer) -> str:
    """The buyer as its link will name it: by INN and KPP, or by the contact where people have no INN. A card that lacks
    the KPP, which the state register may know, names the INN alone."""
    if not buyer.inn.strip():
        return f"c{buyer.crm_id}" if (buyer.kind, buyer.crm_kind) == ("person", "contact") else ""
    found = clean_inn(buyer.inn)
    if isinstance(found, InnRefused):
        return ""
    if is_person_inn(found.inn):
        return found.inn
    written = found.kpp or buyer.kpp
    kpp = clean_kpp(written)
    if kpp is None and written.strip():
        return ""
    return f"{found.inn}-{kpp}" if kpp else found.inn


def _row(line: wire.DealLine) -> Row:
    return Row(
        name=line.name,
        quantity=line.quantity,
        price=line.price,
        price_exclusive=line.price_exclusive,
        vat=line.vat,
        tax_included=line.tax_included,
        unit_code=line.unit_code,
        unit_name=line.unit_name,
        product_id=line.product_id,
        is_service=line.is_service,
        external_code=line.external_code,
    )


def _terms(settings: wire.EffectiveSettings) -> Terms:
    return Terms(
        seller_id=settings.seller_id,
        seller_inn=settings.seller_inn,
        account=settings.connection.account,
        vendor=settings.connection.vendor,
        tax=tuple(Tax(valid_from=tax.valid_from, regime=tax.regime, vat=tax.vat) for tax in settings.tax),
        due_days=settings.due.days,
        due_calendar=settings.due.calendar,
        number_template=settings.number_template,
        act_requires_paid=settings.policies.act_requires_paid,
        invoice_on=settings.steps.invoice,
        act_on=settings.steps.act,
        timezone=settings.timezone,
        language=settings.language,
        edi=EdiTerms(account=settings.edi.account, function=settings.edi.function) if settings.edi else None,
        goods=settings.connection.goods,
    )


def _reasons(reasons: Sequence[wire.Reason]) -> tuple[Reason, ...]:
    return tuple(Reason(code=reason.code, values=reason.values) for reason in reasons)
