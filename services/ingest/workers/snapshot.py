"""From what the CRM gives to the deal as ingest knows it; a person's words are parted from the rest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from chassis.values.lines import SourceRow
from connectors.ports.crm import CrmDeal, CrmRequisite, StageEntry
from connectors.ports.crm import DealSnapshot as CrmSnapshot
from services.ingest.domain.deal import Entry
from services.ingest.domain.values import Bank, Buyer, BuyerKind, CrmKind, Line, Snapshot, content_hash

SNAPSHOT_BYTES_MAX: Final = 400 * 1024
"""Of a snapshot as JSON: a message with it must stay within what the bus takes."""
_PERSON_INN_LENGTH = 12


@dataclass(frozen=True, slots=True)
class ReadDeal:
    """A deal without personal data. ``person`` has what must lie behind the buyer's ``subject_ref``, if anything."""

    snapshot: Snapshot
    person: Mapping[str, str] = field(default_factory=dict, repr=False)


def read_deal(found: CrmSnapshot) -> ReadDeal:
    """The deal, with the sum over its content; the buyer's ``subject_ref`` is still to be put in."""
    buyer, person = _buyer(found)
    deal = _deal(found.deal, buyer, tuple(read_line(row) for row in found.rows))
    summed = content_hash(deal, tuple(f"{name}={value}" for name, value in sorted(person.items())))
    return ReadDeal(deal.model_copy(update={"content_hash": summed}), person)


def bounded(snapshot: Snapshot) -> tuple[Snapshot, bool]:
    """The snapshot as a message can carry it, and whether its rows were left out for that."""
    if len(snapshot.model_dump_json().encode()) <= SNAPSHOT_BYTES_MAX:
        return snapshot, False
    return snapshot.model_copy(update={"lines": ()}), True


def read_entry(entry: StageEntry) -> Entry:
    """A row of the stage history."""
    return Entry(
        history_id=str(entry.history_id),
        category_id=str(entry.category_id),
        stage_id=entry.stage_id,
        entered_at=entry.created_at,
    )


def _deal(deal: CrmDeal, buyer: Buyer | None, lines: tuple[Line, ...]) -> Snapshot:
    return Snapshot(
        deal_id=deal.deal_id,
        title=deal.title,
        category_id=str(deal.category_id),
        stage_id=deal.stage_id,
        closed=deal.closed,
        lost=deal.semantics == "failure",
        currency=deal.currency,
        opportunity_kopecks=deal.amount_kopecks,
        responsible_id=deal.assigned_by_id or "",
        buyer=buyer,
        lines=lines,
    )


def read_line(row: SourceRow) -> Line:
    """A row of the deal."""
    return Line(
        name=row.name,
        quantity=row.quantity,
        price=row.price,
        price_exclusive=row.price if row.price_exclusive is None else row.price_exclusive,
        vat=row.rate,
        tax_included=row.vat_included,
        unit_code=row.unit_code or "",
        unit_name=row.unit_name or "",
        product_id=row.product_id or "",
        is_service=row.is_service,
    )


def _buyer(found: CrmSnapshot) -> tuple[Buyer | None, Mapping[str, str]]:
    company, contact, requisite = found.company, found.contact, found.requisite
    # Requisites that somebody linked to the deal say who buys; a company's contact does not stand in for it,
    # nor for one that the deal names and the CRM has no more.
    linked_to_contact = found.requisite_source == "link" and requisite is not None and requisite.owner == "contact"
    if found.deal.company_id is not None and not linked_to_contact:
        if company is None:
            return None, {}
        own = requisite if requisite is not None and requisite.owner == "company" else None
        email = next(iter(company.emails), "") or (own.email if own else "")
        return _built(found, "company", company.company_id, own, company.title, email), {}
    if contact is None:
        return None, {}
    own = requisite if requisite is not None and requisite.owner == "contact" else None
    email = next(iter(contact.emails), "") or (own.email if own else "")
    buyer = _built(found, "contact", contact.contact_id, own, contact.full_name, email)
    if buyer.kind != "person":
        return buyer, {}
    person = {
        "name": contact.full_name or buyer.full_name or buyer.name,
        "email": email,
        "phone": next(iter(contact.phones), "") or (own.phone if own else ""),
        "address": buyer.address,
    }
    hidden = buyer.model_copy(update={"name": "", "full_name": "", "email": "", "address": "", "bank": None})
    return hidden, {name: value for name, value in person.items() if value}


def _built(
    found: CrmSnapshot, crm_kind: CrmKind, crm_id: str, requisite: CrmRequisite | None, title: str, email: str
) -> Buyer:
    bank = found.bank_detail if requisite is not None else None
    return Buyer(
        crm_kind=crm_kind,
        crm_id=crm_id,
        kind=_kind(crm_kind, requisite),
        name=(requisite.name if requisite else "") or title,
        full_name=requisite.full_name if requisite else "",
        inn=requisite.inn if requisite else "",
        kpp=requisite.kpp if requisite else "",
        ogrn=requisite.ogrn if requisite else "",
        address=found.address.text if requisite is not None and found.address is not None else "",
        email=email,
        requisite_id=requisite.requisite_id if requisite else "",
        bank=None
        if bank is None
        else Bank(
            bic=bank.bic,
            account=bank.account,
            correspondent_account=bank.correspondent_account,
            bank_name=bank.bank_name,
        ),
    )


def _kind(crm_kind: CrmKind, requisite: CrmRequisite | None) -> BuyerKind:
    """A company's card with a person's INN is an entrepreneur; a contact is one when it has a registration number."""
    inn = "".join(character for character in requisite.inn if character.isdigit()) if requisite else ""
    if crm_kind == "company":
        return "entrepreneur" if len(inn) == _PERSON_INN_LENGTH else "company"
    if requisite is None or not inn:
        return "person"
    if len(inn) == _PERSON_INN_LENGTH:
        return "entrepreneur" if requisite.ogrn.strip() else "person"
    return "company"
