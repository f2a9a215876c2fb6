"""Requisites, bank details, their links to objects, and addresses: columns, shapes and the rules of writing them."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24.call import upper_keys
from sandbox.bitrix24.envelope import classic
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.schema import USER_FIELD_KINDS
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import BadValueError, classic_encoder, parse

INTEGERS = frozenset(
    {"ID", "ENTITY_TYPE_ID", "ENTITY_ID", "PRESET_ID", "COUNTRY_ID", "SORT", "CREATED_BY_ID", "MODIFY_BY_ID",
     "REQUISITE_ID", "BANK_DETAIL_ID", "MC_REQUISITE_ID", "MC_BANK_DETAIL_ID", "TYPE_ID", "ANCHOR_TYPE_ID",
     "ANCHOR_ID", "LOC_ADDR_ID"}
)  # fmt: skip


def _columns(text: str) -> tuple[str, ...]:
    return tuple(text.split())


REQUISITE = _columns("""
    ID ENTITY_TYPE_ID ENTITY_ID PRESET_ID DATE_CREATE DATE_MODIFY CREATED_BY_ID MODIFY_BY_ID NAME CODE XML_ID
    ORIGINATOR_ID ACTIVE ADDRESS_ONLY SORT RQ_NAME RQ_FIRST_NAME RQ_LAST_NAME RQ_SECOND_NAME RQ_COMPANY_ID
    RQ_COMPANY_NAME RQ_COMPANY_FULL_NAME RQ_COMPANY_REG_DATE RQ_DIRECTOR RQ_ACCOUNTANT RQ_CEO_NAME RQ_CEO_WORK_POS
    RQ_CONTACT RQ_EMAIL RQ_PHONE RQ_FAX RQ_IDENT_TYPE RQ_IDENT_DOC RQ_IDENT_DOC_SER RQ_IDENT_DOC_NUM
    RQ_IDENT_DOC_PERS_NUM RQ_IDENT_DOC_DATE RQ_IDENT_DOC_ISSUED_BY RQ_IDENT_DOC_DEP_CODE RQ_INN RQ_KPP RQ_USRLE
    RQ_IFNS RQ_OGRN RQ_OGRNIP RQ_OKPO RQ_OKTMO RQ_OKVED RQ_EDRPOU RQ_DRFO RQ_KBE RQ_IIN RQ_BIN RQ_ST_CERT_SER
    RQ_ST_CERT_NUM RQ_ST_CERT_DATE RQ_VAT_PAYER RQ_VAT_ID RQ_VAT_CERT_SER RQ_VAT_CERT_NUM RQ_VAT_CERT_DATE
    RQ_RESIDENCE_COUNTRY RQ_BASE_DOC RQ_REGON RQ_KRS RQ_PESEL RQ_LEGAL_FORM RQ_SIRET RQ_SIREN RQ_CAPITAL RQ_RCS
    RQ_CNPJ RQ_STATE_REG RQ_MNPL_REG RQ_CPF
""")
BANK_DETAIL = _columns("""
    ID ENTITY_ID COUNTRY_ID DATE_CREATE DATE_MODIFY CREATED_BY_ID MODIFY_BY_ID NAME CODE XML_ID ORIGINATOR_ID
    ACTIVE SORT RQ_BANK_NAME RQ_BANK_CODE RQ_BANK_ADDR RQ_BANK_ROUTE_NUM RQ_BIK RQ_MFO RQ_ACC_NAME RQ_ACC_NUM
    RQ_ACC_TYPE RQ_IIK RQ_ACC_CURRENCY RQ_COR_ACC_NUM RQ_IBAN RQ_SWIFT RQ_BIC RQ_CODEB RQ_CODEG RQ_RIB
    RQ_AGENCY_NAME COMMENTS
""")
LINK = _columns("""
    ENTITY_TYPE_ID ENTITY_ID REQUISITE_ID BANK_DETAIL_ID MC_REQUISITE_ID MC_BANK_DETAIL_ID
""")
PRESET = _columns("""
    ID ENTITY_TYPE_ID COUNTRY_ID DATE_CREATE DATE_MODIFY CREATED_BY_ID MODIFY_BY_ID NAME XML_ID ACTIVE SORT
""")
ADDRESS = _columns("""
    TYPE_ID ENTITY_TYPE_ID ENTITY_ID ADDRESS_1 ADDRESS_2 CITY POSTAL_CODE REGION PROVINCE COUNTRY COUNTRY_CODE
    LOC_ADDR_ID ANCHOR_TYPE_ID ANCHOR_ID
""")
ADDRESS_TEXTS = ("ADDRESS_1", "ADDRESS_2", "CITY", "POSTAL_CODE", "REGION", "PROVINCE", "COUNTRY")
LINK_PARENTS = (2, 7, 14, 5, 31)
COUNTRIES = ((1, "RU", "Россия"), (4, "BY", "Беларусь"), (6, "KZ", "Казахстан"), (14, "UA", "Украина"),
             (34, "BR", "Бразилия"), (46, "DE", "Германия"), (77, "CO", "Колумбия"), (110, "PL", "Польша"),
             (122, "US", "США"), (132, "FR", "Франция"))  # fmt: skip
"""For which countries there are sets of requisite fields."""


def kind_of(portal: Portal, name: str) -> str:
    if name.startswith("UF_"):
        for record in portal.table("userfield").find("ENTITY_ID", "CRM_REQUISITE"):
            if record["FIELD_NAME"] == name:
                return USER_FIELD_KINDS.get(record["USER_TYPE_ID"], "string")
    return "integer" if name in INTEGERS else "datetime" if name.startswith("DATE_") else "string"


def columns_of(portal: Portal, columns: tuple[str, ...]) -> tuple[str, ...]:
    if columns is not REQUISITE:
        return columns
    extra = (record["FIELD_NAME"] for record in portal.table("userfield").find("ENTITY_ID", "CRM_REQUISITE"))
    return (*columns, *extra)


def shown(portal: Portal, record: Record, columns: tuple[str, ...], select: Any = None) -> Record:
    """All columns as strings or null (addresses: empty texts are "")."""
    names = [str(name).upper() for name in select] if isinstance(select, list) and select else None
    result: Record = {}
    for name in columns_of(portal, columns):
        if names is not None and "*" not in names and name not in names and name != "ID":
            continue
        value = classic_encoder(kind_of(portal, name), portal.zone)(record.get(name))
        result[name] = "" if value is None and columns is ADDRESS and name in ADDRESS_TEXTS else value
    return result


def taken(portal: Portal, fields: dict[str, Any], columns: tuple[str, ...]) -> Record:
    """Known fields in stored form; RQ_INN and the like stay the free text that was typed."""
    values: Record = {}
    for name, value in upper_keys(fields).items():
        if name in ("ID", "DATE_CREATE", "DATE_MODIFY", "CREATED_BY_ID", "MODIFY_BY_ID"):
            continue
        if name in columns_of(portal, columns) and not isinstance(value, dict | list):
            try:
                values[name] = parse(kind_of(portal, name), value, portal.zone)
            except BadValueError:
                values[name] = None
    return values


def add_requisite(portal: Portal, values: Record, user_id: int) -> int:
    """A requisite of a company (4) or contact (3); raises RestError when its owner or preset is unknown."""
    owner = {3: "contact", 4: "company"}.get(values["ENTITY_TYPE_ID"])
    if owner is None or portal.get(owner, values["ENTITY_ID"]) is None:
        raise classic("Entity not found.")
    if portal.get("preset", values["PRESET_ID"]) is None:
        raise classic(f"The Preset with ID '{values['PRESET_ID']}' is not found")
    stamped = {"ACTIVE": "Y", "ADDRESS_ONLY": "N", "SORT": 500, "RQ_VAT_PAYER": "N"}
    stamped |= {name: value for name, value in values.items() if value is not None}
    number = portal.put("requisite", {**stamped, "CREATED_BY_ID": user_id, "DATE_CREATE": portal.now()})
    portal.raise_event("ONCRMREQUISITEADD", {"FIELDS": {"ID": str(number)}})
    return number


def update_requisite(portal: Portal, number: int, values: Record, user_id: int) -> None:
    portal.patch("requisite", number, {**values, "MODIFY_BY_ID": user_id, "DATE_MODIFY": portal.now()})
    portal.raise_event("ONCRMREQUISITEUPDATE", {"FIELDS": {"ID": str(number)}})


def add_bank_detail(portal: Portal, values: Record, user_id: int) -> int:
    if portal.get("requisite", values["ENTITY_ID"]) is None:
        raise classic(f"The Requisite with ID '{values['ENTITY_ID']}' is not found")
    stamped = {"ACTIVE": "Y", "SORT": 500, "COUNTRY_ID": 1}
    stamped |= {name: value for name, value in values.items() if value is not None}
    number = portal.put("bankdetail", {**stamped, "CREATED_BY_ID": user_id, "DATE_CREATE": portal.now()})
    portal.raise_event("ONCRMBANKDETAILADD", {"FIELDS": {"ID": str(number)}})
    return number


def link_of(portal: Portal, entity_type: int, entity: int) -> Record | None:
    for record in portal.table("link").find("ENTITY_ID", entity):
        if record["ENTITY_TYPE_ID"] == entity_type:
            return record
    return None


def register_link(portal: Portal, values: Record) -> None:
    """Sets the link of an object; every id must exist and belong together, 0 means none."""
    family = portal.family(values["ENTITY_TYPE_ID"])
    if values["ENTITY_TYPE_ID"] not in LINK_PARENTS or family is None:
        raise classic("Entity type is not supported")
    if portal.get(family.name, values["ENTITY_ID"]) is None:
        raise classic("Entity is not found")
    _check_link(portal, values["REQUISITE_ID"], values["BANK_DETAIL_ID"], "")
    _check_link(portal, values["MC_REQUISITE_ID"], values["MC_BANK_DETAIL_ID"], " of your company")
    known = link_of(portal, values["ENTITY_TYPE_ID"], values["ENTITY_ID"])
    if known is None:
        portal.put("link", values)
    else:
        portal.patch("link", known["ID"], values)


def _check_link(portal: Portal, requisite: int, bank: int, whose: str) -> None:
    if requisite and portal.get("requisite", requisite) is None:
        raise classic(f"The Requisite{whose} with ID '{requisite}' is not found")
    if not bank:
        return
    detail = portal.get("bankdetail", bank)
    if detail is None:
        raise classic(f"The BankDetail{whose} with ID '{bank}' is not found")
    if detail["ENTITY_ID"] != requisite:
        text = f"The BankDetail{whose} with ID '{bank}' is not assigned to Requisite{whose} with ID '{requisite}'"
        raise classic(text)


def check_payer(portal: Portal, values: Record) -> None:
    """REST links an object to the requisite of its company, or of its contact where there is no company."""
    family, requisite = portal.family(values["ENTITY_TYPE_ID"]), values["REQUISITE_ID"]
    record = None if family is None else portal.get(family.name, values["ENTITY_ID"])
    if record is None or portal.get("requisite", requisite) is None:
        return
    company, contact = record.get("COMPANY_ID"), (record.get("CONTACT_IDS") or [None])[0]
    payer = (4, company, "Company") if company else (3, contact, "Contact")
    if not payer[1]:
        return
    held = portal.table("requisite").records[requisite]
    if (held["ENTITY_TYPE_ID"], held["ENTITY_ID"]) != payer[:2]:
        raise classic(f"The Requisite with ID '{requisite}' is not assigned to {payer[2]} with ID '{payer[1]}'")


def address_of(portal: Portal, values: Record) -> Record | None:
    for record in portal.table("address").find("ENTITY_ID", values.get("ENTITY_ID")):
        if all(record[name] == values.get(name) for name in ("TYPE_ID", "ENTITY_TYPE_ID")):
            return record
    return None


def add_address(portal: Portal, values: Record) -> None:
    """An address of a requisite (8) or directly of a company or contact; it remembers whose card it hangs on."""
    anchor = {"ANCHOR_TYPE_ID": values["ENTITY_TYPE_ID"], "ANCHOR_ID": values["ENTITY_ID"]}
    if values["ENTITY_TYPE_ID"] == 8:
        requisite = portal.get("requisite", values["ENTITY_ID"])
        if requisite is None:
            raise classic(f"The Requisite with ID '{values['ENTITY_ID']}' is not found")
        anchor = {"ANCHOR_TYPE_ID": requisite["ENTITY_TYPE_ID"], "ANCHOR_ID": requisite["ENTITY_ID"]}
    portal.put("address", {**values, **anchor, "LOC_ADDR_ID": portal.table("address").last_id + 1})
    address_event(portal, "ONCRMADDRESSREGISTER", {**values, **anchor})


def address_event(portal: Portal, name: str, values: Record) -> None:
    keys = ("TYPE_ID", "ENTITY_TYPE_ID", "ENTITY_ID", "ANCHOR_ID", "ANCHOR_TYPE_ID")
    portal.raise_event(name, {"FIELDS": {key: str(values[key]) for key in keys}})
