"""placement.*: where an application's pages stand in the portal.

Vendor documentation, "Виджеты": https://apidocs.bitrix24.ru/api-reference/widgets/
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.bitrix24.call import Call, is_admin
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.methods.applications import check_handler
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record

FAMILIES = ("LEAD", "DEAL", "CONTACT", "COMPANY", "QUOTE", "SMART_INVOICE", "ORDER")
PLACES = (
    "DETAIL_TAB", "DETAIL_TOOLBAR", "DETAIL_ACTIVITY", "LIST_MENU", "LIST_TOOLBAR", "DOCUMENTGENERATOR_BUTTON",
    "ACTIVITY_TIMELINE_MENU", "ROBOT_DESIGNER_TOOLBAR",
)  # fmt: skip
OTHERS = (
    "CRM_REQUISITE_AUTOCOMPLETE", "CRM_BANK_DETAIL_AUTOCOMPLETE", "CRM_DETAIL_SEARCH", "CRM_FUNNELS_TOOLBAR",
    "CRM_ANALYTICS_MENU", "LEFT_MENU", "REST_APP_URI", "PAGE_BACKGROUND_WORKER", "IM_TEXTAREA", "IM_SIDEBAR",
    "IM_CONTEXT_MENU", "TASK_VIEW_TAB", "USER_PROFILE_MENU",
)  # fmt: skip
SINGLE = ("PAGE_BACKGROUND_WORKER", "REST_APP_URI")
CODES = (*(f"CRM_{family}_{place}" for family in FAMILIES for place in PLACES), *OTHERS)
DYNAMIC = re.compile(rf"CRM_DYNAMIC_\d+_({'|'.join(PLACES)})")


def _refused(code: str, text: str, **extra: Any) -> RestError:
    """These methods put an error under status 200, as their pages print it."""
    return RestError(200, code, text, **extra)


def _code(call: Call) -> str:
    code = call.text("PLACEMENT").upper()
    if not code:
        raise _refused("ERROR_ARGUMENT", "Argument 'PLACEMENT' is null or empty", argument="PLACEMENT")
    if code not in CODES and not DYNAMIC.fullmatch(code):
        raise _refused("ERROR_PLACEMENT_NOT_FOUND", "Placement not found")
    return code


def _admin(call: Call) -> None:
    if not is_admin(call):
        raise RestError(403, "ACCESS_DENIED", "Access denied!")


@method("placement.list", "placement", app_only=True)
def placement_list(call: Call) -> Any:
    """Those of one scope where one is named; a code begins with its scope."""
    wanted = call.text("SCOPE").upper()
    return [code for code in CODES if not wanted or code.startswith(f"{wanted}_")]


@method("placement.bind", "placement", app_only=True, writes=True)
def placement_bind(call: Call) -> Any:
    """A page at a place; the same handler there again replaces its title."""
    _admin(call)
    code, url = _code(call), call.text("HANDLER")
    if not url:
        raise _refused("EMPTY_ERROR_HANDLER_URL", "Empty handler URL")
    check_handler(call.portal, url)
    mine = [record for record in call.portal.table("placement") if record["APP_ID"] == call.identity.app_id]
    same = [record for record in mine if record["PLACEMENT"] == code]
    if code in SINGLE and any(record["URL"] != url for record in same):
        raise _refused("ERROR_PLACEMENT_MAX_COUNT", "Placement max count exceeded")
    langs, options = call.get("LANG_ALL"), call.get("OPTIONS")
    values: Record = {
        "APP_ID": call.identity.app_id, "PLACEMENT": code, "URL": url, "TITLE": call.text("TITLE"),
        "USER_ID": call.number("USER_ID") or 0,
        "DESCRIPTION": call.text("DESCRIPTION"), "GROUP_NAME": call.text("GROUP_NAME"),
        "LANG_ALL": langs if isinstance(langs, dict) else {}, "OPTIONS": options if isinstance(options, dict) else {},
    }  # fmt: skip
    known = next((record["ID"] for record in same if record["URL"] == url), None)
    call.portal.put("placement", values, known)
    return True


@method("placement.get", "placement", app_only=True)
def placement_get(call: Call) -> Any:
    return [_shown(call, record) for record in call.portal.table("placement")
            if record["APP_ID"] == call.identity.app_id]  # fmt: skip


def _shown(call: Call, record: Record) -> Record:
    own = {"TITLE": record.get("TITLE", ""), "DESCRIPTION": record.get("DESCRIPTION", ""),
           "GROUP_NAME": record.get("GROUP_NAME", "")}  # fmt: skip
    return {
        "placement": record["PLACEMENT"], "userId": record.get("USER_ID", 0), "handler": record["URL"],
        "options": record["OPTIONS"] or [],
        "title": record.get("TITLE", ""), "description": record.get("DESCRIPTION", ""),
        "langAll": record["LANG_ALL"] or {call.portal.settings["language"]: own},
    }  # fmt: skip


@method("placement.unbind", "placement", app_only=True, writes=True)
def placement_unbind(call: Call) -> Any:
    _admin(call)
    code, url = _code(call), call.text("HANDLER")
    gone = [
        record["ID"]
        for record in call.portal.table("placement")
        if record["APP_ID"] == call.identity.app_id and record["PLACEMENT"] == code and url in ("", record["URL"])
    ]
    for number in gone:
        call.portal.drop("placement", number)
    return {"count": len(gone)}
