"""bizproc.robot.*, bizproc.activity.* and bizproc.event.send: what applications add to automation, and the answers.

Vendor documentation, "Роботы": https://apidocs.bitrix24.ru/api-reference/bizproc/bizproc-robot/
"""

from __future__ import annotations

import re
import secrets
from functools import partial
from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.methods.applications import check_handler
from sandbox.bitrix24.methods.registry import Method, add, method
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record

SCOPE = "bizproc"
ROBOT, ACTIVITY = "robot", "activity"
CODE = re.compile(r"[A-Za-z0-9.\-_]+")
DOCUMENTS = {"deal": ("CCrmDocumentDeal", "DEAL"), "company": ("CCrmDocumentCompany", "COMPANY"),
             "contact": ("CCrmDocumentContact", "CONTACT")}  # fmt: skip


def document_of(kind: str, number: int) -> tuple[list[str], list[str]]:
    """The id and the type of a document as robots name them."""
    name, prefix = DOCUMENTS[kind]
    return ["crm", name, f"{prefix}_{number}"], ["crm", name, prefix]


def robots_of(portal: Portal, app_id: int, kind: str = ROBOT) -> list[Record]:
    """An application's robots, or its activities of business processes."""
    found = (record for record in portal.table("robot") if record["APP_ID"] == app_id)
    return [record for record in found if record.get("KIND", ROBOT) == kind]


def new_run(portal: Portal, robot: Record, document: list[str]) -> Record:
    """A robot that begins: its workflow, and the token by which its handler answers."""
    workflow = f"{secrets.token_hex(7)}.{secrets.randbelow(10**8):08d}"
    token = f"{workflow}|A{secrets.randbelow(10**5):05d}_{secrets.randbelow(10**5):05d}|{secrets.token_urlsafe(24)}"
    values: Record = {"ROBOT_ID": robot["ID"], "WORKFLOW": workflow, "TOKEN": token, "DOCUMENT": document, "OPEN": "Y"}
    return portal.table("robotrun").records[portal.put("robotrun", values)]


def _admin(call: Call) -> None:
    if not is_admin(call):
        raise RestError(403, "ACCESS_DENIED", "Access denied!")


def _code(call: Call) -> str:
    code = call.text("CODE")
    if not code:
        raise RestError(400, "ERROR_ACTIVITY_VALIDATION_FAILURE", "Empty activity code!")
    if not CODE.fullmatch(code):
        raise RestError(400, "ERROR_ACTIVITY_VALIDATION_FAILURE", "Wrong activity code!")
    return code


def _known(call: Call, kind: str) -> Record:
    code = _code(call)
    mine = robots_of(call.portal, call.identity.app_id, kind)
    found = next((record for record in mine if record["CODE"] == code), None)
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


def _add(call: Call, kind: str) -> Any:
    _admin(call)
    code = _code(call)
    if not call.text("HANDLER"):
        raise RestError(400, "ERROR_WRONG_HANDLER_URL", "Wrong handler URL")
    if not call.get("NAME"):
        raise RestError(400, "ERROR_ACTIVITY_VALIDATION_FAILURE", "Empty activity NAME!")
    values = _values(call)
    if any(record["CODE"] == code for record in robots_of(call.portal, call.identity.app_id, kind)):
        raise RestError(400, "ERROR_ACTIVITY_ALREADY_INSTALLED", "Activity or Robot already installed!")
    call.portal.put("robot", {"APP_ID": call.identity.app_id, "CODE": code, "KIND": kind, **values})
    return True


def _update(call: Call, kind: str) -> Any:
    _admin(call)
    fields = call.get("FIELDS")
    given = Call(call.portal, call.identity, type(call.params)(fields if isinstance(fields, dict) else {}))
    call.portal.patch("robot", _known(call, kind)["ID"], _values(given))
    return True


def _delete(call: Call, kind: str) -> Any:
    _admin(call)
    call.portal.drop("robot", _known(call, kind)["ID"])
    return True


def _list(call: Call, kind: str) -> Any:
    _admin(call)
    return [record["CODE"] for record in robots_of(call.portal, call.identity.app_id, kind)]


for _kind in (ROBOT, ACTIVITY):
    for _action, _handler in (("add", _add), ("update", _update), ("delete", _delete), ("list", _list)):
        add(Method(f"bizproc.{_kind}.{_action}", SCOPE, partial(_handler, kind=_kind), app_only=True,
                   writes=_action != "list"))  # fmt: skip


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
