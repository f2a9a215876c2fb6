"""Which closing document an account wants for these lines: an act, a waybill or a universal transfer document."""

from collections.abc import Sequence
from typing import Final

from chassis.values.lines import DocumentLine
from connectors.ports.accounting import ClosingForm

CLOSING: Final = "closing"
"""The connection's setting: ``act`` for everything, ``waybill`` for goods, ``upd`` for everything."""


def closing_form(wanted: str, lines: Sequence[DocumentLine]) -> ClosingForm:
    """Goods go by waybill where that is wanted, services by act; both in one document need a УПД."""
    if wanted == "upd":
        return "upd"
    if wanted != "waybill" or all(line.is_service for line in lines):
        return "act"
    return "upd" if any(line.is_service for line in lines) else "waybill"


def document_id(vendor_id: str, form: ClosingForm) -> str:
    """Our id of a closing document where each form has a place of its own: the vendor's, with its form unless it is an
    act."""
    return vendor_id if form == "act" else f"{form}:{vendor_id}"


def form_of(act_id: str) -> tuple[ClosingForm, str]:
    """The form that an id tells, and the vendor's own id."""
    form, _, vendor_id = act_id.partition(":")
    if form == "waybill":
        return "waybill", vendor_id
    return ("upd", vendor_id) if form == "upd" else ("act", act_id)
