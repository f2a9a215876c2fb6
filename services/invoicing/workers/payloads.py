"""Documents as plans carry them and effects settle with them, and as connectors know them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from chassis.values.lines import DocumentLine
from chassis.values.money import decimal_from_kopecks
from chassis.values.units import Unit
from connectors.ports.accounting import ActCard, InvoiceCard, InvoiceStatus
from connectors.ports.products import UsedItem
from services.invoicing.domain.values import Issued


def lines_of(
    lines: Sequence[Mapping[str, Any]], mapped: Mapping[str, str] = MappingProxyType({})
) -> tuple[DocumentLine, ...]:
    """The lines of a plan; ``mapped`` are the accounting's items by the CRM's products."""
    return tuple(
        DocumentLine(
            name=line["name"],
            quantity=Decimal(line["quantity"]),
            unit=Unit(line["unit_code"], line["unit_name"]),
            price=decimal_from_kopecks(line["price_kopecks"]),
            vat_rate=line["vat"],
            vat_included=True,
            amount_kopecks=line["amount_kopecks"],
            vat_kopecks=line["vat_kopecks"],
            product_id=line.get("product_id") or None,
            is_service=line.get("is_service", False),
            external_code=line.get("external_code", ""),
            item_id=mapped.get(line.get("product_id", ""), ""),
        )
        for line in lines
    )


def without_marker(comment: str, marker: str) -> str:
    return comment.replace(marker, "").strip()


def invoice_result(card: InvoiceCard, ordered_vat_kopecks: int = 0) -> Mapping[str, Any]:
    """What became of an invoice; its VAT is what was ordered where the vendor tells none."""
    return {
        "remote_id": card.invoice_id,
        "number": card.number,
        "date": card.issued_on.isoformat(),
        "url": card.url,
        "total_kopecks": card.total_kopecks,
        "vat_kopecks": ordered_vat_kopecks if card.vat_kopecks is None else card.vat_kopecks,
        "counterparty_remote_id": card.counterparty_id,
        "unposted": card.status is InvoiceStatus.DRAFT,
        **_goods(card.goods),
    }


def act_result(act: ActCard, request: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "remote_id": act.act_id,
        "number": act.number,
        "date": act.issued_on.isoformat(),
        "total_kopecks": act.total_kopecks,
        "vat_kopecks": request["vat_kopecks"],
        "counterparty_remote_id": act.counterparty_id,
        "form": act.form,
        "url": act.url,
        **_goods(act.goods),
    }


def _goods(used: Sequence[UsedItem]) -> Mapping[str, Any]:
    """What documents refer to, where that is a nomenclature."""
    return {"goods": [asdict(one) for one in used]} if used else {}


def issued_of(result: Mapping[str, Any]) -> Issued:
    return Issued.model_validate(result)
