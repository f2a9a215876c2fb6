"""Contacts of deals and companies, companies of contacts, and the search for duplicates by phone or e-mail."""

from __future__ import annotations

from functools import partial
from typing import Any

from sandbox.bitrix24 import items
from sandbox.bitrix24.call import Call, as_number
from sandbox.bitrix24.envelope import classic
from sandbox.bitrix24.families import BY_NAME, Family
from sandbox.bitrix24.methods.classic import found
from sandbox.bitrix24.methods.registry import Method, add, method
from sandbox.bitrix24.store import Record


def _numbers(record: Record, family: Family, key: str, call: Call) -> list[int]:
    if family.name == "company":
        return [contact["ID"] for contact in call.portal.table("contact").find("COMPANY_IDS", record["ID"])]
    numbers: list[int] = record.get(f"{key}_IDS", [])
    return numbers


def _owner(call: Call, family: Family, action: str, *, quoted: bool = False) -> Record:
    """The object whose relations are meant, its absence in the words of these methods."""
    number = as_number(call.get("id"))
    if number is None or number <= 0:
        name = "'ownerEntityID'" if quoted else "ownerEntityID"
        raise classic(f"The parameter {name} is invalid or not defined.")
    return found(call, family, number, action, ("NOT_FOUND" if family.name == "lead" else "", "Not found."))


def _other(call: Call, key: str) -> int:
    """The id of the other side in `fields`."""
    fields = call.get("fields")
    if not isinstance(fields, dict):
        raise classic("The parameter 'fields' must be array.")
    number = as_number(fields.get(f"{key}_ID"))
    if number is None or number <= 0:
        raise classic("The parameter 'fields' is not valid.")
    return number


def _get(call: Call, family: Family, key: str) -> Any:
    record = _owner(call, family, "read")
    return [
        {f"{key}_ID": number, "SORT": place * 10, "ROLE_ID": 0, "IS_PRIMARY": "Y" if place == 1 else "N"}
        for place, number in enumerate(_numbers(record, family, key, call), 1)
    ]


def _set(call: Call, family: Family, key: str) -> Any:
    record = _owner(call, family, "update")
    given = call.get("items")
    if not isinstance(given, list):
        raise classic("The parameter items must be array.")
    _write(call, family, record, key, [as_number(item.get(f"{key}_ID")) for item in given if isinstance(item, dict)])
    return True


def _add(call: Call, family: Family, key: str) -> Any:
    record = _owner(call, family, "update", quoted=True)
    number = _other(call, key)
    present = _numbers(record, family, key, call)
    if number in present:
        return False
    _write(call, family, record, key, [*present, number])
    return True


def _delete(call: Call, family: Family, key: str) -> Any:
    record = _owner(call, family, "update", quoted=True)
    number = _other(call, key)
    present = _numbers(record, family, key, call)
    if number not in present:
        return False
    _write(call, family, record, key, [other for other in present if other != number])
    return True


def _clear(call: Call, family: Family, key: str) -> Any:
    record = _owner(call, family, "update")
    _write(call, family, record, key, [])
    return True


def _fields(call: Call, key: str) -> Any:
    kinds = {"SORT": "integer", "IS_PRIMARY": "char", f"{key}_ID": "integer"}
    return {
        name: {"type": kind, "isRequired": name == f"{key}_ID", "isReadOnly": False, "isImmutable": False,
               "isMultiple": False, "isDynamic": False, "title": name}
        for name, kind in kinds.items()
    }  # fmt: skip


def _write(call: Call, family: Family, record: Record, key: str, numbers: list[int | None]) -> None:
    wanted = [number for number in numbers if number]
    if family.name == "company":
        items.set_contacts(call.portal, record["ID"], wanted, call.user_id)
        return
    values = {f"{key}_IDS": wanted}
    items.update(call.portal, family, record["ID"], values, call.user_id, skip_unchanged=True)


def _register() -> None:
    for name, other, key in (
        ("deal", "contact", "CONTACT"), ("lead", "contact", "CONTACT"), ("company", "contact", "CONTACT"),
        ("contact", "company", "COMPANY"), ("quote", "contact", "CONTACT"),
    ):  # fmt: skip
        family = BY_NAME[name]
        prefix = f"crm.{name}.{other}"
        add(Method(f"{prefix}.items.get", "crm", partial(_get, family=family, key=key)))
        add(Method(f"{prefix}.fields", "crm", partial(_fields, key=key)))
        for action, handler in (("items.set", _set), ("add", _add), ("delete", _delete), ("items.delete", _clear)):
            add(Method(f"{prefix}.{action}", "crm", partial(handler, family=family, key=key), writes=True))


_register()


@method("crm.duplicate.findbycomm")
def find_by_communication(call: Call) -> Any:
    """Objects that share a phone or an e-mail; nothing found prints []."""
    kind = call.text("type").upper()
    values = call.get("values")
    if kind not in ("EMAIL", "PHONE"):
        raise classic(
            f"Communication type '{kind}' is not supported in current context"
            if kind
            else "Communication type is not defined"
        )
    if not isinstance(values, list) or not values:
        raise classic("Communication values is not defined")
    wanted = call.text("entity_type").lower()
    found_ids: dict[str, list[int]] = {}
    for value in values[:20]:
        for name, number in owners_of(call, kind, str(value)):
            if not wanted or name == wanted:
                numbers = found_ids.setdefault(name.upper(), [])
                if number not in numbers:
                    numbers.append(number)
    return found_ids or []


def owners_of(call: Call, kind: str, value: str) -> list[tuple[str, int]]:
    """(family, id) of the objects with this PHONE or EMAIL."""
    key = _key(kind, value)
    owners = []
    for record in call.portal.table("multifield"):
        if record["TYPE_ID"] == kind and _key(kind, record["VALUE"]) == key:
            name, _, number = record["OWNER"].partition(":")
            owners.append((name, int(number)))
    return owners


def _key(kind: str, value: str) -> str:
    """Phones are compared by their last ten digits, e-mails without regard to case."""
    if kind == "PHONE":
        return "".join(letter for letter in value if letter.isdigit())[-10:]
    return value.strip().casefold()
