"""Single records of Bitrix24 → canonical DTOs.

Source: the vendor's documentation of crm.item.*, crm.item.productrow.list, crm.requisite.*, crm.address.list,
crm.stagehistory.list, crm.status.list. Universal methods answer with typed values, classic ones with text.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

from chassis.values.lines import SourceRow
from chassis.values.vat import rate_text
from connectors import wire
from connectors.bitrix24.schema import COMPANY, CONTACT, Success
from connectors.ports.crm import (
    CrmAddress,
    CrmBankDetail,
    CrmCompany,
    CrmContact,
    CrmDeal,
    CrmRequisite,
    DealStage,
    Entity,
    FieldInfo,
    ModifiedDeal,
    Semantics,
    StageEntry,
)
from connectors.wire import ShapeError

_NO: Final = ("N", "n", "0", 0, False, None, "")
_YES: Final = ("Y", "y", "1", 1, True)
_SERVICE_TYPE: Final = 7
_PERSON_INN_LENGTH: Final = 12
_ALWAYS_ASKED: Final = frozenset({"RQ_OGRN", "RQ_COMPANY_NAME", "RQ_NAME"})
"""Columns that every look at requisites names; of one buyer some of them are always empty."""
_SEMANTICS: Final[dict[str, Semantics]] = {
    "S": "success",
    "SUCCESS": "success",
    "F": "failure",
    "FAILURE": "failure",
    "APOLOGY": "failure",
}

_T = TypeVar("_T")


def semantics(value: Any) -> Semantics:
    """The portal's letter or word: S success, F failure, else in progress."""
    return _SEMANTICS.get(wire.text(value).upper(), "process")


def flag(value: Any, name: str) -> bool:
    """``Y``/``N`` and their relatives. Raises ShapeError for anything else."""
    if isinstance(value, str | int) or value is None:
        if value in _YES:
            return True
        if value in _NO:
            return False
    raise ShapeError(name)


def read_deal(item: Mapping[str, Any]) -> CrmDeal:
    """``crm.item.get`` of a deal. Raises ShapeError where a wrong document could come of a missing field."""
    company_id, contact_id = wire.identity(item.get("companyId")), wire.identity(item.get("contactId"))
    if "companyId" not in item and contact_id is not None:
        raise ShapeError("companyId")  # else the contact would silently become the buyer
    return CrmDeal(
        deal_id=own_id(item, "id"),
        title=wire.text(item.get("title")),
        category_id=wire.whole(wire.required(item, "categoryId") or 0, "categoryId"),
        stage_id=_filled(item, "stageId"),
        semantics=semantics(item.get("stageSemanticId")),
        closed=flag(item.get("closed"), "closed"),
        company_id=company_id,
        contact_id=contact_id,
        contact_ids=_ids(item.get("contactIds")) or ((contact_id,) if contact_id is not None else ()),
        my_company_id=wire.identity(item.get("mycompanyId")),
        amount_kopecks=wire.rounded_kopecks(wire.required(item, "opportunity") or 0, "opportunity"),
        amount_is_manual=flag(item.get("isManualOpportunity"), "isManualOpportunity"),
        currency=_filled(item, "currencyId"),
        assigned_by_id=wire.identity(item.get("assignedById")),
        created_at=wire.moment(item.get("createdTime"), "createdTime"),
        updated_at=wire.moment(item.get("updatedTime"), "updatedTime"),
        user_fields={name: value for name, value in item.items() if name.startswith("UF_")},
    )


def read_row(row: Mapping[str, Any]) -> SourceRow:
    """A product row. ``taxRate`` null is "without VAT", 0 is a rate of zero; a row without the field is refused."""
    tax = wire.required(row, "taxRate")
    exclusive = row.get("priceExclusive")
    return SourceRow(
        name=wire.text(wire.required(row, "productName")),
        quantity=wire.decimal(wire.required(row, "quantity"), "quantity"),
        price=wire.decimal(wire.required(row, "price"), "price"),
        price_exclusive=None if exclusive in (None, "") else wire.decimal(exclusive, "priceExclusive"),
        rate=rate_text(None if tax in (None, "") else wire.decimal(tax, "taxRate")),
        vat_included=flag(wire.required(row, "taxIncluded"), "taxIncluded"),
        unit_code=wire.identity(row.get("measureCode")),
        unit_name=wire.text(row.get("measureName")) or None,
        is_service=wire.text(row.get("type")) == str(_SERVICE_TYPE),
        product_id=wire.identity(row.get("productId")),
    )


def read_stage_entry(record: Mapping[str, Any]) -> StageEntry:
    """A record of ``crm.stagehistory.list``."""
    return StageEntry(
        history_id=wire.whole(wire.required(record, "ID"), "ID"),
        deal_id=own_id(record, "OWNER_ID"),
        type_id=wire.whole(wire.required(record, "TYPE_ID"), "TYPE_ID"),
        category_id=wire.whole(record.get("CATEGORY_ID") or 0, "CATEGORY_ID"),
        stage_id=_filled(record, "STAGE_ID"),
        semantics=semantics(record.get("STAGE_SEMANTIC_ID")),
        created_at=wire.moment(record.get("CREATED_TIME"), "CREATED_TIME"),
    )


def read_requisite(record: Mapping[str, Any]) -> CrmRequisite:
    """A requisite of a company or a contact; what people typed stays as they typed it."""
    owner_type = wire.whole(wire.required(record, "ENTITY_TYPE_ID"), "ENTITY_TYPE_ID")
    if owner_type not in (COMPANY, CONTACT):
        raise ShapeError("ENTITY_TYPE_ID")
    owner: Entity = "company" if owner_type == COMPANY else "contact"
    inn, kpp = _numbers(record, owner)
    return CrmRequisite(
        requisite_id=own_id(record, "ID"),
        owner=owner,
        owner_id=own_id(record, "ENTITY_ID"),
        active=flag(record.get("ACTIVE", "Y"), "ACTIVE"),
        sort=wire.whole(record.get("SORT") or 0, "SORT"),
        title=wire.text(record.get("NAME")),
        name=wire.text(record.get("RQ_COMPANY_NAME")) or wire.text(record.get("RQ_NAME")),
        full_name=wire.text(record.get("RQ_COMPANY_FULL_NAME")),
        inn=inn,
        kpp=kpp,
        ogrn=wire.text(record.get("RQ_OGRN")) or wire.text(record.get("RQ_OGRNIP")),
        first_name=wire.text(record.get("RQ_FIRST_NAME")),
        second_name=wire.text(record.get("RQ_SECOND_NAME")),
        last_name=wire.text(record.get("RQ_LAST_NAME")),
        email=wire.text(record.get("RQ_EMAIL")),
        phone=wire.text(record.get("RQ_PHONE")),
        updated_at=wire.optional_moment(record.get("DATE_MODIFY"), "DATE_MODIFY"),
    )


def _numbers(record: Mapping[str, Any], owner: Entity) -> tuple[str, str]:
    """INN and KPP. A portal gives empty columns as null, or leaves all of them out; where the others are there, a
    missing number was lost, and another buyer would come of it. Raises ShapeError."""
    whole = record.keys() >= _ALWAYS_ASKED
    inn = wire.text(wire.required(record, "RQ_INN") if whole else record.get("RQ_INN"))
    has_kpp = owner == "company" and sum(map(str.isdigit, inn)) != _PERSON_INN_LENGTH
    return inn, wire.text(wire.required(record, "RQ_KPP") if whole and has_kpp else record.get("RQ_KPP"))


def read_bank_detail(record: Mapping[str, Any]) -> CrmBankDetail:
    """A bank account of a requisite."""
    return CrmBankDetail(
        bank_detail_id=own_id(record, "ID"),
        requisite_id=own_id(record, "ENTITY_ID"),
        account=wire.text(record.get("RQ_ACC_NUM")),
        bic=wire.text(record.get("RQ_BIK")),
        bank_name=wire.text(record.get("RQ_BANK_NAME")),
        correspondent_account=wire.text(record.get("RQ_COR_ACC_NUM")),
        currency=wire.text(record.get("RQ_ACC_CURRENCY")),
    )


def read_address(record: Mapping[str, Any]) -> CrmAddress:
    """An address of a requisite."""
    return CrmAddress(
        type_id=wire.whole(wire.required(record, "TYPE_ID"), "TYPE_ID"),
        postal_code=wire.text(record.get("POSTAL_CODE")),
        country=wire.text(record.get("COUNTRY")),
        province=wire.text(record.get("PROVINCE")),
        region=wire.text(record.get("REGION")),
        city=wire.text(record.get("CITY")),
        line_1=wire.text(record.get("ADDRESS_1")),
        line_2=wire.text(record.get("ADDRESS_2")),
    )


def read_company(item: Mapping[str, Any]) -> CrmCompany:
    """``crm.item.get`` of a company."""
    return CrmCompany(
        company_id=own_id(item, "id"),
        title=wire.text(item.get("title")),
        emails=_multifield(item, "EMAIL"),
        phones=_multifield(item, "PHONE"),
        assigned_by_id=wire.identity(item.get("assignedById")),
    )


def read_contact(item: Mapping[str, Any]) -> CrmContact:
    """``crm.item.get`` of a contact."""
    return CrmContact(
        contact_id=own_id(item, "id"),
        first_name=wire.text(item.get("name")),
        second_name=wire.text(item.get("secondName")),
        last_name=wire.text(item.get("lastName")),
        emails=_multifield(item, "EMAIL"),
        phones=_multifield(item, "PHONE"),
    )


def read_modified_deal(item: Mapping[str, Any]) -> ModifiedDeal:
    """A row of ``crm.item.list`` with id, updatedTime, categoryId, stageId."""
    return ModifiedDeal(
        deal_id=own_id(item, "id"),
        updated_at=wire.moment(item.get("updatedTime"), "updatedTime"),
        category_id=wire.whole(item.get("categoryId") or 0, "categoryId"),
        stage_id=wire.text(item.get("stageId")),
    )


def changed_at(record: Mapping[str, Any]) -> datetime | None:
    """When a record was changed last; one that was never changed says only when it was created."""
    names = ("updatedTime", "createdTime", "DATE_MODIFY", "DATE_CREATE")
    found = (wire.optional_moment(record.get(name), name) for name in names)
    return max((at for at in found if at is not None), default=None)


def read_stage(record: Mapping[str, Any], category_id: int) -> DealStage:
    """A row of ``crm.status.list``."""
    extra = wire.mapping(record.get("EXTRA"), "EXTRA")
    return DealStage(
        category_id=category_id,
        stage_id=_filled(record, "STATUS_ID"),
        name=wire.text(record.get("NAME")),
        semantics=semantics(record.get("SEMANTICS") or extra.get("SEMANTICS")),
        sort=wire.whole(record.get("SORT") or 0, "SORT"),
    )


def read_fields(result: Any) -> dict[str, FieldInfo]:
    """``crm.item.fields``: by the original name of the field."""
    described = wire.mapping(wire.mapping(result, "fields").get("fields"), "fields")
    found = {}
    for key, about in described.items():
        info = wire.mapping(about, key)
        name = key if key.startswith("UF_") else wire.text(info.get("upperName")) or key
        found[name] = FieldInfo(
            name, wire.text(info.get("type")), info.get("isMultiple") is True, info.get("isReadOnly") is True
        )
    return found


def read_items(success: Success, key: str, read: Callable[[Mapping[str, Any]], _T]) -> list[_T]:
    """The rows of a list method that stand under ``result.<key>``."""
    return [read(record) for record in wire.records(wire.mapping(success.result, key).get(key), key)]


def stage_dictionary(category_id: int) -> str:
    """The name of a funnel's stages among the portal's dictionaries."""
    return "DEAL_STAGE" if category_id == 0 else f"DEAL_STAGE_{category_id}"


def _ids(value: Any) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else []
    return tuple(found for one in listed if (found := wire.identity(one)) is not None)


def _multifield(item: Mapping[str, Any], type_id: str) -> tuple[str, ...]:
    found = (record for record in wire.records(item.get("fm"), "fm") if record.get("typeId") == type_id)
    return tuple(value for record in found if (value := wire.text(record.get("value"))))


def own_id(record: Mapping[str, Any], name: str) -> str:
    """An id that must be there. Raises ShapeError."""
    found = wire.identity(record.get(name))
    if found is None:
        raise ShapeError(name)
    return found


def _filled(record: Mapping[str, Any], name: str) -> str:
    found = wire.text(record.get(name))
    if not found:
        raise ShapeError(name)
    return found


def iso(at: datetime) -> str:
    """A moment as filters take it."""
    return at.isoformat(timespec="seconds")
