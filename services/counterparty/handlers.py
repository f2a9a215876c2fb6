"""From public messages to commands on a deal's requests and on an INN's cards; pure, no SQL, no network."""

from collections.abc import Iterator, Sequence

from chassis import tenants
from chassis.messaging.routing import Routed
from chassis.values.inn import InnFound, clean_inn
from contracts.envelope import Envelope, Message
from contracts.messages import ingest, invoicing
from contracts.messages import values as wire
from services.counterparty.domain import card, deal
from services.counterparty.domain.values import Buyer, Register, Rules


def route(message: Message, envelope: Envelope) -> Sequence[Routed]:
    """The commands of one message, by stream; none for what does not concern buyers."""
    match message:
        case ingest.TenantState():
            seen = tenants.SeeTenant(message.status, message.version, message.settings.model_dump(mode="json"))
            return (Routed(tenants.STREAM, seen),)
        case ingest.InvoiceRequested() | ingest.ActRequested():
            ask = deal.AskLink(
                tenant=envelope.tenant_id,
                request_id=message.request_id,
                deal_id=message.deal.deal_id,
                account=message.settings.connection.account,
                buyer=_buyer(message.deal.buyer),
                rules=Rules(
                    registers=tuple(
                        Register(account=one.account, vendor=one.vendor, per_day=one.per_day)
                        for one in message.settings.registers
                    ),
                    people_without_inn=message.settings.policies.buyers_without_inn == "individuals",
                ),
                content_hash=message.deal.content_hash,
                responsible_id=message.deal.responsible_id,
                sequence=envelope.sequence,
            )
            return (Routed(f"{deal.PREFIX}-{message.deal.deal_id}", ask),)
        case ingest.DealChanged() if message.deal is not None:
            buyer = _buyer(message.deal.buyer)
            changed = deal.SeeBuyer(message.deal_id, buyer, message.deal.content_hash, envelope.sequence)
            return (Routed(f"{deal.PREFIX}-{message.deal_id}", changed),)
        case invoicing.BuyerRecordGone():
            gone = deal.SeeRecordGone(message.request_id, message.account, message.remote_id)
            return (Routed(f"{deal.PREFIX}-{message.deal_id}", gone),)
        case ingest.CompanyChanged():
            return tuple(_cards(message, envelope.sequence))
        case _:
            return ()


def _cards(message: ingest.CompanyChanged, sequence: int) -> Iterator[Routed]:
    """The INN that requisites show, and the one that they do not show any more."""
    now, before = clean_inn(message.inn), clean_inn(message.previous_inn)
    if isinstance(before, InnFound) and not (isinstance(now, InnFound) and now.inn == before.inn):
        yield Routed(f"{card.PREFIX}-{before.inn}", card.LeaveCard(message.requisite_id, sequence))
    if isinstance(now, InnFound):
        requisite = card.Requisite(
            company_id=message.company_id,
            requisite_id=message.requisite_id,
            kpp=message.kpp,
            ogrn=message.ogrn,
            name=message.name,
            full_name=message.full_name,
            address=message.address,
            responsible_id=message.responsible_id,
        )
        registers = tuple(
            Register(account=one.account, vendor=one.vendor, per_day=one.per_day) for one in message.registers
        )
        yield Routed(f"{card.PREFIX}-{now.inn}", card.SeeCard(requisite, message.fill, registers, sequence))


def _buyer(buyer: wire.Buyer | None) -> Buyer | None:
    if buyer is None:
        return None
    return Buyer(
        crm_kind=buyer.crm_kind,
        crm_id=buyer.crm_id,
        kind=buyer.kind,
        name=buyer.name,
        full_name=buyer.full_name,
        inn=buyer.inn,
        kpp=buyer.kpp,
        ogrn=buyer.ogrn,
        address=buyer.address,
        email=buyer.email,
        subject_ref=buyer.subject_ref,
        same_inn_crm_ids=buyer.same_inn_crm_ids,
    )
