"""What happens when a CRM object is created, changed or deleted: stages, history, amounts, relations and events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sandbox.bitrix24 import rows, stages
from sandbox.bitrix24.families import BY_NAME, Family
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record

CREATED, MOVED, FINISHED, FUNNEL_CHANGED = 1, 2, 3, 5


class FieldError(ValueError):
    """A field's value cannot be taken; `code` is that of the universal methods."""

    def __init__(self, field: str, text: str, code: str = "CRM_FIELD_ERROR_VALUE_NOT_VALID") -> None:
        super().__init__(text)
        self.field = field
        self.code = code


def create(
    portal: Portal,
    family: Family,
    values: Record,
    user_id: int,
    *,
    product_rows: list[dict[str, Any]] | None = None,
    check: Callable[[Record], None] | None = None,
    before_event: Callable[[int], None] | None = None,
) -> int:
    """A new object with the portal's defaults; returns its id. Raises FieldError before anything is changed."""
    now = portal.now()
    number = portal.table(family.name).last_id + 1
    record = _defaults(portal, family, number, user_id, now) | {k: v for k, v in values.items() if v is not None}
    _settle_contacts(family, record, values)
    stage = _first_stage(portal, family, record) if family.stages else None
    if check is not None:
        check(record)
    portal.put(family.name, record, number)
    if stage is not None:
        _remember(portal, family, number, record, CREATED, now)
    if product_rows:
        rows.replace_all(portal, family, number, product_rows, strict=False)
        settle_amount(portal, family, number)
    if before_event is not None:
        before_event(number)
    raise_event(portal, family, "ADD", number)
    return number


def _defaults(portal: Portal, family: Family, number: int, user_id: int, now: int) -> Record:
    names = {field.stored for field in family.fields}
    day = datetime.fromtimestamp(now, portal.zone).date()
    today, in_a_week = day.isoformat(), (day + timedelta(days=7)).isoformat()
    record: Record = {
        "ASSIGNED_BY_ID": user_id, "CREATED_BY_ID": user_id, "MODIFY_BY_ID": user_id, "DATE_CREATE": now,
        "DATE_MODIFY": now, "OPENED": "Y", "LAST_ACTIVITY_BY": user_id, "LAST_ACTIVITY_TIME": now,
    }  # fmt: skip
    optional: Record = {
        "CURRENCY_ID": "RUB", "OPPORTUNITY": "0.00", "IS_MANUAL_OPPORTUNITY": "N", "TAX_VALUE": "0.00",
        "BEGINDATE": today, "CLOSEDATE": in_a_week, "CLOSED": "N", "IS_RECURRING": "N", "IS_RETURN_CUSTOMER": "N",
        "IS_REPEATED_APPROACH": "N", "MOVED_BY_ID": user_id, "MOVED_TIME": now, "HAS_PHONE": "N", "HAS_EMAIL": "N",
        "HAS_IMOL": "N", "IS_MY_COMPANY": "N", "EXPORT": "Y",
    }  # fmt: skip
    record |= {name: value for name, value in optional.items() if name in names}
    if family.title_template:
        record["TITLE"] = family.title_template.format(id=number)
    if family.name == "deal":
        record["TYPE_ID"] = "SALE"
    if family.name == "quote":
        record["QUOTE_NUMBER"] = str(number)
    if family.name == "invoice":
        record["ACCOUNT_NUMBER"] = str(number)
    return record


def _first_stage(portal: Portal, family: Family, record: Record) -> Record:
    if family.categories:
        category = record.get("CATEGORY_ID")
        if category is None:
            category = stages.default_category(portal, family)
        if category is None or not stages.has_category(portal, family, category):
            raise FieldError("CATEGORY_ID", 'Неверное значение поля "Воронка"')
        record["CATEGORY_ID"] = category
    code = record.get("STAGE_ID")
    if code is None:
        code = stages.stages_of(portal, family, record.get("CATEGORY_ID"))[0]["STATUS_ID"]
    stage = stages.stage(portal, family, record.get("CATEGORY_ID"), code)
    if stage is None:
        raise FieldError("STAGE_ID", 'Неверное значение поля "Стадия"')
    record |= {"STAGE_ID": code, "STAGE_SEMANTIC_ID": stages.semantic(stage)}
    _close(family, record, stages.semantic(stage), record["DATE_CREATE"], portal)
    if family.name == "deal":
        first = stages.stages_of(portal, family, record["CATEGORY_ID"])[0]
        record["IS_NEW"] = "Y" if first["STATUS_ID"] == code else "N"
    return stage


def _close(family: Family, record: Record, semantic: str, now: int, portal: Portal) -> None:
    """Final stages close the object; leaving one opens it again."""
    final = semantic in ("S", "F")
    if family.name in ("deal", "quote"):
        record["CLOSED"] = "Y" if final else "N"
    if final and family.name != "lead":
        record["CLOSEDATE"] = datetime.fromtimestamp(now, portal.zone).date().isoformat()
    if family.name == "lead":
        record["DATE_CLOSED"] = now if final else None


def _settle_contacts(family: Family, record: Record, values: Record) -> None:
    """The first of several contacts (or companies of a contact) is the primary one, and the other way round."""
    for one, many in (("CONTACT_ID", "CONTACT_IDS"), ("COMPANY_ID", "COMPANY_IDS")):
        told = one in values or values.get(many) is not None
        if not told or not any(field.stored == many for field in family.fields):
            continue
        if values.get(many) is not None:
            record[many] = values[many]
            record[one] = values[many][0] if values[many] else 0
        else:
            primary = values[one]
            rest = [number for number in record.get(many, []) if number != primary]
            record[many] = [primary, *rest[1:]] if primary else []


def update(
    portal: Portal,
    family: Family,
    number: int,
    values: Record,
    user_id: int,
    *,
    skip_unchanged: bool,
    check: Callable[[Record, Record], None] | None = None,
) -> bool:
    """Changes fields; True when something was saved.

    With `skip_unchanged` nothing is saved and no event is raised when every value is already there. `check` gets
    (before, after) and may raise. Raises FieldError before anything is changed.
    """
    before = portal.table(family.name).records[number]
    before_files = _files_of(portal, family, before)
    after = dict(before)
    for name, value in values.items():
        if value is None:
            after.pop(name, None)
        else:
            after[name] = value
    _settle_contacts(family, after, values)
    now = portal.now()
    history = _move(portal, family, before, after, values, user_id, now) if family.stages else None
    if family.rows:
        _keep_amount(portal, family, number, after)
    changed = _difference(before, after)
    if not changed and skip_unchanged:
        return False
    if check is not None:
        check(before, after)
    changed |= {"DATE_MODIFY": now, "MODIFY_BY_ID": user_id}
    portal.patch(family.name, number, changed)
    _forget_files(portal, family, before_files, number)
    if history is not None:
        _remember(portal, family, number, after, history, now)
    if history == FUNNEL_CHANGED and family.name == "deal":
        data = {"FIELDS": {"ID": str(number), "CATEGORY_ID": str(after["CATEGORY_ID"]), "STAGE_ID": after["STAGE_ID"]}}
        portal.raise_event("ONCRMDEALMOVETOCATEGORY", data)
    else:
        raise_event(portal, family, "UPDATE", number)
    return True


def _files_of(portal: Portal, family: Family, record: Record) -> set[int]:
    """Ids of all files in the fields of a record."""
    held: set[int] = set()
    for field in portal.schema(family).fields:
        value = record.get(field.stored) if field.kind == "file" else None
        if value is not None:
            held.update(value if isinstance(value, list) else [value])
    return held


def _forget_files(portal: Portal, family: Family, before: set[int], number: int) -> None:
    """A file that no field names any more is gone from the portal."""
    for lost in before - _files_of(portal, family, portal.table(family.name).records[number]):
        if portal.get("file", lost) is not None:
            portal.drop("file", lost)


def _difference(before: Record, after: Record) -> Record:
    changed: Record = {name: value for name, value in after.items() if value is not None and before.get(name) != value}
    for name in before:
        if after.get(name) is None:
            changed[name] = None
    return changed


def _move(
    portal: Portal, family: Family, before: Record, after: Record, values: Record, user_id: int, now: int
) -> int | None:
    """Puts stage, semantics and closing in order; returns the kind of history entry, if one is due."""
    category_before, category = before.get("CATEGORY_ID"), after.get("CATEGORY_ID")
    funnel_changed = family.categories and category != category_before
    if funnel_changed:
        if category is None or not stages.has_category(portal, family, category):
            raise FieldError("CATEGORY_ID", 'Неверное значение поля "Воронка"')
        if "STAGE_ID" not in values or stages.stage(portal, family, category, after["STAGE_ID"]) is None:
            after["STAGE_ID"] = stages.stages_of(portal, family, category)[0]["STATUS_ID"]
    if after.get("STAGE_ID") == before.get("STAGE_ID") and not funnel_changed:
        return None
    stage = stages.stage(portal, family, category, after.get("STAGE_ID") or "")
    if stage is None:
        raise FieldError("STAGE_ID", 'Неверное значение поля "Стадия"')
    semantic = stages.semantic(stage)
    after |= {"STAGE_SEMANTIC_ID": semantic, "MOVED_BY_ID": user_id, "MOVED_TIME": now}
    if family.name == "deal":
        after["IS_NEW"] = "N"
    if not family.classic:
        after["PREVIOUS_STAGE_ID"] = before["STAGE_ID"]
    _close(family, after, semantic, now, portal)
    if funnel_changed:
        return FUNNEL_CHANGED
    return FINISHED if semantic in ("S", "F") else MOVED


def _remember(portal: Portal, family: Family, number: int, record: Record, kind: int, now: int) -> None:
    portal.put(
        "stagehistory",
        {
            "ENTITY_TYPE_ID": family.entity_type_id,
            "TYPE_ID": kind,
            "OWNER_ID": number,
            "CREATED_TIME": now,
            "CATEGORY_ID": record.get("CATEGORY_ID"),
            "STAGE_SEMANTIC_ID": record["STAGE_SEMANTIC_ID"],
            "STAGE_ID": record["STAGE_ID"],
        },
    )


def _keep_amount(portal: Portal, family: Family, number: int, record: Record) -> None:
    """With rows and without the manual mode the amount is that of the rows, whatever is written."""
    if record.get("IS_MANUAL_OPPORTUNITY") == "Y":
        return
    found = rows.of_owner(portal, family.short, number)
    if found:
        amount, tax = rows.totals(found)
        record["OPPORTUNITY"] = str(amount)
        if "TAX_VALUE" in record:
            record["TAX_VALUE"] = str(tax)


def settle_amount(portal: Portal, family: Family, number: int) -> bool:
    """Recomputes the amount after its rows changed (no rows: zero); True when it differs now."""
    record = portal.table(family.name).records[number]
    if record.get("IS_MANUAL_OPPORTUNITY") == "Y":
        return False
    amount, tax = rows.totals(rows.of_owner(portal, family.short, number))
    changed: Record = {"OPPORTUNITY": str(amount), "TAX_VALUE": str(tax)}
    changed = {name: value for name, value in changed.items() if name in record and record[name] != value}
    portal.patch(family.name, number, changed)
    return bool(changed)


def rows_changed(portal: Portal, family: Family, number: int, user_id: int) -> None:
    """What follows a write of product rows: the amount, the time of change and, where the dial says so, an event."""
    amount_changed = settle_amount(portal, family, number)
    portal.patch(family.name, number, {"DATE_MODIFY": portal.now(), "MODIFY_BY_ID": user_id})
    if amount_changed or portal.settings["rows_raise_update"]:
        raise_event(portal, family, "UPDATE", number)


def set_contacts(portal: Portal, company: int, wanted: list[int], user_id: int) -> None:
    """A company's contacts are kept with the contacts."""
    family = BY_NAME["contact"]
    for contact in list(portal.table("contact").find("COMPANY_IDS", company)):
        if contact["ID"] not in wanted:
            rest = [number for number in contact["COMPANY_IDS"] if number != company]
            update(portal, family, contact["ID"], {"COMPANY_IDS": rest}, user_id, skip_unchanged=True)
    for number in wanted:
        contact = portal.get("contact", number) or {}
        if contact and company not in contact.get("COMPANY_IDS", ()):
            values = {"COMPANY_IDS": [*contact.get("COMPANY_IDS", ()), company]}
            update(portal, family, number, values, user_id, skip_unchanged=True)


def delete(portal: Portal, family: Family, number: int) -> None:
    """Removes the object with what hangs on it; requisites of a client go with their own events."""
    for row in rows.of_owner(portal, family.short, number):
        portal.drop("productrow", row["ID"])
    for family_name in ("stagehistory", "activity"):
        type_field = "ENTITY_TYPE_ID" if family_name == "stagehistory" else "OWNER_TYPE_ID"
        for entry in portal.table(family_name).find("OWNER_ID", number):
            if entry[type_field] == family.entity_type_id:
                portal.drop(family_name, entry["ID"])
    for link in portal.table("link").find("ENTITY_ID", number):
        if link["ENTITY_TYPE_ID"] == family.entity_type_id:
            portal.drop("link", link["ID"])
    for requisite in portal.table("requisite").find("ENTITY_ID", number):
        if requisite["ENTITY_TYPE_ID"] == family.entity_type_id:
            delete_requisite(portal, requisite["ID"])
    for field in portal.table("multifield").find("OWNER", f"{family.name}:{number}"):
        portal.drop("multifield", field["ID"])
    portal.drop(family.name, number)
    raise_event(portal, family, "DELETE", number)


def delete_requisite(portal: Portal, number: int) -> None:
    for bank in portal.table("bankdetail").find("ENTITY_ID", number):
        portal.drop("bankdetail", bank["ID"])
    for address in portal.table("address").find("ENTITY_ID", number):
        if address["ENTITY_TYPE_ID"] == 8:
            portal.drop("address", address["ID"])
    portal.drop("requisite", number)
    portal.raise_event("ONCRMREQUISITEDELETE", {"FIELDS": {"ID": str(number)}})


def raise_event(portal: Portal, family: Family, what: str, number: int) -> None:
    """ONCRM<FAMILY>ADD, UPDATE or DELETE; smart objects carry their type and have a second, typed name."""
    name = f"ONCRM{family.event}{what}"
    if family.event != "DYNAMICITEM":
        portal.raise_event(name, {"FIELDS": {"ID": str(number)}})
        return
    data = {"FIELDS": {"ID": str(number), "ENTITY_TYPE_ID": str(family.entity_type_id)}}
    portal.raise_event(name, data)
    portal.raise_event(f"{name}_{family.entity_type_id}", data)
