"""A company's card in one batch, and writes to its requisites.

Source: the vendor's documentation of crm.item.get, crm.requisite.*, crm.address.*. An address has no id of its own: it
is named by its type and its owner, and adding one that is there is refused.
"""

from collections.abc import Mapping
from typing import Any, Final

from connectors import wire
from connectors.bitrix24.mapping.deal import get_item, requisites_of
from connectors.bitrix24.mapping.records import flag, own_id, read_address, read_company, read_requisite
from connectors.bitrix24.schema import COMPANY, REQUISITE, Command, Success, item_of
from connectors.ports.crm.cards import CrmCard, PutAddress, PutRequisite
from connectors.wire import ShapeError

LEGAL_ADDRESS: Final = 6
_FIELDS: Final = {
    "name": "RQ_COMPANY_NAME", "full_name": "RQ_COMPANY_FULL_NAME", "inn": "RQ_INN", "kpp": "RQ_KPP",
    "email": "RQ_EMAIL", "phone": "RQ_PHONE",
}  # fmt: skip
_OGRNIP_LENGTH: Final = 15
_ADDRESS_PARTS: Final = ("ADDRESS_2", "CITY", "POSTAL_CODE", "REGION", "PROVINCE", "COUNTRY")


def owner_of(requisite: Success) -> str | None:
    """The company that requisites belong to; None for a contact's. Raises ShapeError."""
    record = wire.mapping(requisite.result, "requisite")
    owner = wire.whole(wire.required(record, "ENTITY_TYPE_ID"), "ENTITY_TYPE_ID")
    return own_id(record, "ENTITY_ID") if owner == COMPANY else None


def card_commands(company_id: str) -> dict[str, Command]:
    """The company, its requisites, and the addresses of all of them."""
    anchored = {"ENTITY_TYPE_ID": REQUISITE, "ANCHOR_TYPE_ID": COMPANY, "ANCHOR_ID": company_id}
    return {
        "company": get_item(COMPANY, company_id),
        "requisites": requisites_of(COMPANY, company_id),
        "addresses": Command("crm.address.list", {"filter": {**anchored, "TYPE_ID": LEGAL_ADDRESS}}),
    }


def read_card(present: Mapping[str, Success | None]) -> CrmCard | None:
    """The card; None where the company is not there. Raises ShapeError."""
    company = present["company"]
    if company is None:
        return None
    requisites, addresses = present["requisites"], present["addresses"]
    if requisites is None or addresses is None:
        raise ShapeError("requisites")
    rows = wire.records(requisites.result, "requisites")
    found = [read_requisite(row) for row in rows if not flag(row.get("ADDRESS_ONLY", "N"), "ADDRESS_ONLY")]
    legal = {}
    for row in wire.records(addresses.result, "addresses"):
        address = read_address(row)
        if address.type_id == LEGAL_ADDRESS:
            legal[own_id(row, "ENTITY_ID")] = address
    return CrmCard(read_company(wire.mapping(item_of(company.result), "item")), tuple(found), legal)


def requisite_columns(values: Mapping[str, str]) -> dict[str, str]:
    """Our names as the portal's columns; an OGRN of 15 digits is an entrepreneur's."""
    columns = {_FIELDS[name]: value for name, value in values.items() if name in _FIELDS}
    if "ogrn" in values:
        columns["RQ_OGRNIP" if len(values["ogrn"]) == _OGRNIP_LENGTH else "RQ_OGRN"] = values["ogrn"]
    return columns


def put_requisite(command: PutRequisite) -> Command:
    """``crm.requisite.update`` of the named columns alone."""
    return Command("crm.requisite.update", {"id": command.requisite_id, "fields": requisite_columns(command.values)})


def put_address(command: PutAddress) -> Command:
    """The whole address in its first line, the other parts emptied, so that it reads as one line again."""
    fields: dict[str, Any] = {
        "TYPE_ID": LEGAL_ADDRESS,
        "ENTITY_TYPE_ID": REQUISITE,
        "ENTITY_ID": command.requisite_id,
        "ADDRESS_1": command.text,
    }
    if command.known:
        fields |= dict.fromkeys(_ADDRESS_PARTS, "")
    return Command("crm.address.update" if command.known else "crm.address.add", {"fields": fields})
