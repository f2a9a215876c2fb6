"""crm.*.details.configuration.*: which sections and fields an object's card shows, to one user or to all.

Vendor documentation, "Настройка карточки сделки" and its neighbours.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin, universal_family
from sandbox.bitrix24.envelope import RestError, classic, item_denied
from sandbox.bitrix24.families import BY_NAME, Family
from sandbox.bitrix24.methods.registry import Method, add
from sandbox.bitrix24.store import Record

COMMON, PERSONAL = "C", "P"


def _family(call: Call, name: str) -> Family:
    return universal_family(call) if name == "item" else BY_NAME[name]


def _key(call: Call, name: str, scope: str | None = None, user: int | None = None) -> str:
    """What a configuration is of: the family, its funnel or kind, and whose it is."""
    family = _family(call, name)
    given = call.get("extras")
    extras = {key.lower(): value for key, value in given.items()} if isinstance(given, dict) else {}
    part = next((extras[key] for key in extras if key.endswith(("categoryid", "customertype"))), 0)
    scope = scope or call.text("scope").upper() or PERSONAL
    owner = 0 if scope == COMMON else user or call.number("userId") or call.user_id
    return f"{family.entity_type_id}:{as_number(part) or 0}:{owner}"


def _known(call: Call, key: str) -> Record | None:
    return next((record for record in call.portal.table("card") if record["KEY"] == key), None)


def _get(call: Call, name: str) -> Any:
    """The sections, null where nobody ever arranged them."""
    record = _known(call, _key(call, name))
    return None if record is None else record["DATA"]


def _may(call: Call, name: str, *, common: bool) -> None:
    other = call.number("userId") not in (None, call.user_id)
    if (common or other) and not is_admin(call):
        raise item_denied() if name == "item" else classic("Access denied.")


def _set(call: Call, name: str) -> Any:
    _may(call, name, common=call.text("scope").upper() == COMMON)
    data = call.get("data")
    if not isinstance(data, dict | list):
        raise _wrong(name, "Parameter 'data' must be array.")
    if not data:
        raise _wrong(name, "There are no data to write.")
    if isinstance(data, dict):
        raise _wrong(name, "The data must be indexed array.")
    sections = [_section(name, place, section) for place, section in enumerate(data)]
    key = _key(call, name)
    known = _known(call, key)
    call.portal.put("card", {"KEY": key, "DATA": sections}, None if known is None else known["ID"])
    return True


def _section(name: str, place: int, section: Any) -> Record:
    given = section if isinstance(section, dict) else {}
    if given.get("type") != "section":
        raise _wrong(name, f"Section at index {place} have type {given.get('type')}. The expected type is 'section'.")
    for key in ("name", "title"):
        if not given.get(key):
            raise _wrong(name, f"Section at index {place} does not have {key}.")
    elements = given.get("elements")
    kept = []
    for index, element in enumerate(elements if isinstance(elements, list) else []):
        if not isinstance(element, dict) or not element.get("name"):
            raise _wrong(name, f"Element at index {index} in section at index {place} does not have name.")
        flags = {"optionFlags": str(element["optionFlags"])} if element.get("optionFlags") else {}
        kept.append({"name": element["name"], **flags})
    return {"name": given["name"], "title": given["title"], "type": "section", "elements": kept}


def _wrong(name: str, text: str) -> RestError:
    return RestError(400, 0, text) if name == "item" else classic(text)


def _reset(call: Call, name: str) -> Any:
    _may(call, name, common=call.text("scope").upper() == COMMON)
    known = _known(call, _key(call, name))
    if known is not None:
        call.portal.drop("card", known["ID"])
    return True


def _force(call: Call, name: str) -> Any:
    """Everybody's own arrangement goes; the common one is left."""
    _may(call, name, common=True)
    own = _key(call, name, PERSONAL, call.user_id).rpartition(":")[0]
    for record in list(call.portal.table("card")):
        part, _, owner = record["KEY"].rpartition(":")
        if part == own and owner != "0":
            call.portal.drop("card", record["ID"])
    return True


for _name in ("deal", "lead", "contact", "company", "item"):
    for _action, _handler in (("get", _get), ("set", _set), ("reset", _reset), ("forceCommonScopeForAll", _force)):
        add(Method(f"crm.{_name}.details.configuration.{_action}", "crm", partial(_handler, name=_name),
                   writes=_action != "get"))  # fmt: skip
