"""crm.automation.trigger.*: triggers of applications. That a deal moves by one is nobody's wish here: none is set up.

Vendor documentation, "Триггеры": https://apidocs.bitrix24.ru/api-reference/crm/automation/triggers/
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin
from sandbox.bitrix24.envelope import RestError, classic
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record

CODE = re.compile(r"[a-z0-9.\-_]+", re.IGNORECASE)


def _admin(call: Call) -> None:
    if not is_admin(call):
        raise RestError(403, "ACCESS_DENIED", "Access denied! Admin permissions required")


def _code(call: Call) -> str:
    code = call.text("CODE")
    if not code:
        raise classic("Empty trigger code!")
    if not CODE.fullmatch(code):
        raise classic("Wrong trigger code!")
    return code


def _mine(call: Call) -> list[Record]:
    return [record for record in call.portal.table("trigger") if record["APP_ID"] == call.identity.app_id]


def _known(call: Call) -> Record:
    code = _code(call)
    for record in _mine(call):
        if record["CODE"] == code:
            return record
    raise classic("Trigger not found")


@method("crm.automation.trigger.add", app_only=True, writes=True)
def trigger_add(call: Call) -> Any:
    """A code that is there already gets the new name."""
    _admin(call)
    code, name = _code(call), call.text("NAME")
    if not name:
        raise classic("Empty trigger name!")
    known = next((record["ID"] for record in _mine(call) if record["CODE"] == code), None)
    call.portal.put("trigger", {"APP_ID": call.identity.app_id, "CODE": code, "NAME": name}, known)
    return True


@method("crm.automation.trigger.list", app_only=True)
def trigger_list(call: Call) -> Any:
    _admin(call)
    return [{"NAME": record["NAME"], "CODE": record["CODE"]} for record in _mine(call)]


@method("crm.automation.trigger.delete", app_only=True, writes=True)
def trigger_delete(call: Call) -> Any:
    _admin(call)
    call.portal.drop("trigger", _known(call)["ID"])
    return True


@method("crm.automation.trigger.execute", app_only=True, writes=True)
def trigger_execute(call: Call) -> Any:
    _known(call)
    family = call.portal.family(as_number(call.get("OWNER_TYPE_ID")) or 0)
    if family is None:
        raise classic("Incorrect parameter OWNER_TYPE_ID.")
    if call.portal.get(family.name, as_number(call.get("OWNER_ID")) or 0) is None:
        raise classic("Incorrect parameter OWNER_ID.")
    return True
