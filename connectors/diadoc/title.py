"""A closing document as the user data that Diadoc makes the seller's title of.

Source: https://developer.kontur.ru/doc/diadoc-api, pages GenerateTitleXml and `howto/utd970`; the vendor's
`UserContract` schema of version 05_03_01 in its SDK. Parties are named by their boxes alone: the service fills in the
rest. Which block of signers it takes for a title that a person signs later is stated nowhere; this is its sample's.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from xml.etree import ElementTree

from chassis.values.lines import DocumentLine
from chassis.values.money import decimal_from_kopecks
from chassis.values.vat import VatRate
from connectors.diadoc.schema import DOCUMENT_TYPE, WITH_VAT, WITHOUT_VAT
from connectors.ports.edi import ClosingDraft

TAX_RATES: Final[dict[VatRate, str]] = {
    "none": "NoVat",
    "0": "ZeroPercent",
    "5": "FivePercent",
    "7": "SevenPercent",
    "10": "TenPercent",
    "18": "EighteenPercent",
    "20": "TwentyPercent",
    "22": "TwentyTwoPercent",
}
ROUBLES: Final = "643"
OPERATION: Final = "Услуги оказаны (товары переданы) в полном объёме"
PRICE_STEP: Final = Decimal("0.00000000001")
"""A price without VAT has at most 11 decimals in the format."""


def function_of(draft: ClosingDraft) -> str:
    """The title's kind: sellers without VAT give a document of transfer, the others one that is an invoice too."""
    if draft.function:
        return draft.function
    return WITHOUT_VAT if all(line.vat_rate == "none" for line in draft.lines) else WITH_VAT


def user_data(draft: ClosingDraft, own_box_id: str) -> bytes:
    """The XML that ``GenerateTitleXml`` takes."""
    day = draft.issued_on.strftime("%d.%m.%Y")
    root = ElementTree.Element(
        DOCUMENT_TYPE,
        Function=function_of(draft),
        DocumentDate=day,
        DocumentNumber=draft.number,
        Currency=ROUBLES,
    )
    for group, one, box in (("Sellers", "Seller", own_box_id), ("Buyers", "Buyer", draft.partner_box_id)):
        party = ElementTree.SubElement(ElementTree.SubElement(root, group), one)
        ElementTree.SubElement(party, "OrganizationReference", BoxId=box)
    shipments = ElementTree.SubElement(root, "DocumentShipments")
    ElementTree.SubElement(
        shipments, "DocumentShipment", DocumentName="УПД", DocumentNumber=draft.number, DocumentDate=day
    )
    _table(root, draft.lines)
    ElementTree.SubElement(root, "TransferInfo", OperationInfo=OPERATION, TransferDate=day)
    signer = ElementTree.SubElement(
        ElementTree.SubElement(root, "Signers", BoxId=own_box_id), "Signer", SignerPowersConfirmationMethod="1"
    )
    ElementTree.SubElement(signer, "Position", PositionSource="StorageByTitleTypeId")
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _table(root: ElementTree.Element, lines: tuple[DocumentLine, ...]) -> None:
    total = sum(line.amount_kopecks for line in lines)
    vat = sum(line.vat_kopecks for line in lines)
    without = all(line.vat_rate == "none" for line in lines)
    table = ElementTree.SubElement(root, "Table", TotalWithVatExcluded=_money(total - vat), Total=_money(total))
    table.set(*(("WithoutVat", "true") if without else ("Vat", _money(vat))))
    for line in lines:
        net = line.amount_kopecks - line.vat_kopecks
        item = ElementTree.SubElement(
            table,
            "Item",
            Product=line.name,
            Unit=line.unit.code,
            UnitName=line.unit.symbol,
            Quantity=f"{line.quantity.normalize():f}",
            Price=_price(net, line.quantity),
            TaxRate=TAX_RATES[line.vat_rate],
            SubtotalWithVatExcluded=_money(net),
            Subtotal=_money(line.amount_kopecks),
        )
        item.set(*(("WithoutVat", "true") if line.vat_rate == "none" else ("Vat", _money(line.vat_kopecks))))


def _price(net_kopecks: int, quantity: Decimal) -> str:
    """The price without VAT of one, so exact that it gives the sum of the line."""
    price = (decimal_from_kopecks(net_kopecks) / quantity).quantize(PRICE_STEP, ROUND_HALF_UP)
    whole = price.quantize(Decimal("0.01"))
    return f"{whole:f}" if whole == price else f"{price.normalize():f}"


def _money(kopecks: int) -> str:
    return f"{decimal_from_kopecks(kopecks):.2f}"
