"""bizproc.robot.* and bizproc.event.send: automation robots of applications, and their answers.

Vendor documentation, "Роботы": https://apidocs.bitrix24.ru/api-reference/bizproc/bizproc-robot/
"""

from __future__ import annotations

import secrets
from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.methods.applications import check_handler
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record

SCOPE = "bizproc"
DOCUMENTS = {"deal": ("CCrmDocumentDeal", "DEAL"), "company": ("CCrmDocumentCompany", "COMPANY"),
             "contact": ("CCrmDocumentContact", "CONTACT")}  # fmt: skip


def document_of(kind: str, number: int) -> tuple[list[str], list[str]]:
    """The id and the type of a document as robots name them."""
    name, prefix = DOCUMENTS[kind]
    return ["crm", name, f"{prefix}_{number}"], ["crm", name, prefix]


def robots_of(portal: Portal, app_id: int) -> list[Record]:
    return [record for record in portal.table("robot") if record["APP_ID"] == app_id]


def new_run(portal: Portal, robot: Record, document: list[str]) -> Record:
    """A robot that begins: its workflow, and the token by which its handler answers."""
    workflow = f"{secrets.token_hex(7)}.{secrets.randbelow(10**8):08d}"
    token = f"{workflow}|A{secrets.randbelow(10**5):05d}_{secrets.randbelow(10**5):05d}|{secrets.token_urlsafe(24)}"
    values: Record = {"ROBOT_ID": robot["ID"], "WORKFLOW": workflow, "TOKEN": token, "DOCUMENT": document, "OPEN": "Y"}
    return portal.table("robotrun").records[portal.put("robotrun", values)]


def _admin(call: Call) -> None:
    if not is_admin(call):
        raise RestError(403, "ACCESS_DENIED", "Access denied!")


def _known(call: Call) -> Record:
    code = call.text("CODE")
    found = next((record for record in robots_of(call.portal, call.identity.app_id) if record["CODE"] == code), None)
    if found is None:
        raise RestError(400, "ERROR_ACTIVITY_NOT_FOUND", "Activity or Robot not found!")
    return found


def _values(call: Call) -> Record:
    values: Record = {}
    if url := call.text("HANDLER"):
        check_handler(call.portal, url)
        values["URL"] = url
    for name in ("NAME", "PROPERTIES", "RETURN_PROPERTIES", "DOCUMENT_TYPE", "FILTER"):
        if call.get(name):
            values[name] = call.get(name)
    if "USE_SUBSCRIPTION" in call.params:
        values["USE_SUBSCRIPTION"] = call.text("USE_SUBSCRIPTION")
    if (user := as_number(call.get("AUTH_USER_ID"))) is not None:
        values["AUTH_USER_ID"] = user
    return values


@method("bizproc.robot.add", SCOPE, app_only=True, writes=True)
def robot_add(call: Call) -> Any:
    _admin(call)
    code = call.text("CODE")
    if not code:
        raise RestError(400, "ERROR_ACTIVITY_VALIDATION_FAILURE", "Empty activity code!")
    if not call.text("HANDLER"):
        raise RestError(400, "ERROR_ACTIVITY_VALIDATION_FAILURE", "Empty handler URL!")
    if not call.get("NAME"):
        raise RestError(400, "ERROR_ACTIVITY_VALIDATION_FAILURE", "Empty activity NAME!")
    values = _values(call)
    if any(record["CODE"] == code for record in robots_of(call.portal, call.identity.app_id)):
        raise RestError(400, "ERROR_ACTIVITY_ALREADY_INSTALLED", "Activity or Robot already installed!")
    call.portal.put("robot", {"APP_ID": call.identity.app_id, "CODE": code, **values})
    return True


@method("bizproc.robot.update", SCOPE, app_only=True, writes=True)
def robot_update(call: Call) -> Any:
    _admin(call)
    fields = call.get("FIELDS")
    given = Call(call.portal, call.identity, type(call.params)(fields if isinstance(fields, dict) else {}))
    call.portal.patch("robot", _known(call)["ID"], _values(given))
    return True


@method("bizproc.robot.delete", SCOPE, app_only=True, writes=True)
def robot_delete(call: Call) -> Any:
    _admin(call)
    call.portal.drop("robot", _known(call)["ID"])
    return True


@method("bizproc.robot.list", SCOPE, app_only=True)
def robot_list(call: Call) -> Any:
    _admin(call)
    return [record["CODE"] for record in robots_of(call.portal, call.identity.app_id)]


@method("bizproc.event.send", SCOPE, app_only=True, writes=True)
def event_send(call: Call) -> Any:
    """The answer of a robot that waits; a token that is spent or a stranger's is refused."""
    token = call.text("EVENT_TOKEN")
    for run in call.portal.table("robotrun"):
        robot = call.portal.get("robot", run["ROBOT_ID"])
        mine = robot is not None and robot["APP_ID"] == call.identity.app_id
        if run["TOKEN"] == token and run["OPEN"] == "Y" and mine:
            values = call.get("RETURN_VALUES")
            answer = {"OPEN": "N", "VALUES": values if isinstance(values, dict) else {},
                      "LOG": call.text("LOG_MESSAGE")}  # fmt: skip
            call.portal.patch("robotrun", run["ID"], answer)
            return True
    raise RestError(403, "ACCESS_DENIED", "Access denied!")
