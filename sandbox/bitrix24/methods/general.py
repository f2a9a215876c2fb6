"""Methods about the caller and the portal itself."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24 import files
from sandbox.bitrix24.call import Call, as_number
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.methods.registry import METHODS, find, method
from sandbox.bitrix24.values import moment_text

ALL_SCOPES = (
    "ai_admin", "biconnector", "bizproc", "booking", "calendar", "call", "cashbox", "catalog", "contact_center", "crm",
    "delivery", "department", "disk", "documentgenerator", "entity", "humanresources", "humanresources.hcmlink", "im",
    "imbot", "imconnector", "imopenlines", "intranet", "landing", "lists", "log", "mailservice", "main",
    "messageservice", "mobile", "pay_system", "placement", "pull", "pull_channel", "rating", "rpa", "sale",
    "salescenter", "sign.b2e", "smile",
    "socialnetwork", "sonet_group", "task", "tasks", "tasks_extended", "telephony", "timeman", "user", "user.userfield",
    "user_basic", "user_brief", "userconsent", "userfieldconfig", "vote",
)  # fmt: skip
"""Vendor documentation, "Доступные scope"."""
EVENTS = (
    "ONCRMDEALADD", "ONCRMDEALUPDATE", "ONCRMDEALDELETE", "ONCRMLEADADD", "ONCRMLEADUPDATE", "ONCRMLEADDELETE",
    "ONCRMCOMPANYADD", "ONCRMCOMPANYUPDATE", "ONCRMCOMPANYDELETE", "ONCRMCONTACTADD", "ONCRMCONTACTUPDATE",
    "ONCRMCONTACTDELETE", "ONCRMQUOTEADD", "ONCRMQUOTEUPDATE", "ONCRMQUOTEDELETE", "ONCRMDYNAMICITEMADD",
    "ONCRMDYNAMICITEMUPDATE", "ONCRMDYNAMICITEMDELETE", "ONCRMREQUISITEADD", "ONCRMREQUISITEUPDATE",
    "ONCRMREQUISITEDELETE", "ONCRMBANKDETAILADD", "ONCRMBANKDETAILUPDATE", "ONCRMBANKDETAILDELETE",
    "ONCRMADDRESSREGISTER", "ONCRMADDRESSUNREGISTER", "ONCRMTIMELINECOMMENTADD", "ONCRMTIMELINECOMMENTUPDATE",
    "ONCRMTIMELINECOMMENTDELETE", "ONCRMACTIVITYADD", "ONCRMACTIVITYUPDATE", "ONCRMACTIVITYDELETE",
    "ONCRMDEALUSERFIELDADD", "ONCRMDEALUSERFIELDUPDATE", "ONCRMDEALUSERFIELDDELETE", "ONCRMDEALUSERFIELDSETENUMVALUES",
    "ONCRMCOMPANYUSERFIELDADD", "ONCRMCOMPANYUSERFIELDUPDATE", "ONCRMCOMPANYUSERFIELDDELETE", "ONSALEORDERSAVED",
    "ONCRMDOCUMENTGENERATORDOCUMENTADD", "ONCRMDOCUMENTGENERATORDOCUMENTUPDATE",
    "ONCRMDOCUMENTGENERATORDOCUMENTDELETE",
    "ONSALEBEFOREORDERDELETE", "ONPAYMENTENTITYSAVED", "ONPAYMENTDELETED", "ONSHIPMENTENTITYSAVED",
    "ONSHIPMENTDELETED",
)  # fmt: skip
"""What an outgoing webhook may be subscribed to; ONCRMDEALMOVETOCATEGORY is for applications alone."""


@method("profile", "")
def profile(call: Call) -> Any:
    user = call.identity.user
    return {
        "ID": str(user["ID"]), "ADMIN": user.get("ADMIN") == "Y", "NAME": user.get("NAME", ""),
        "LAST_NAME": user.get("LAST_NAME", ""), "PERSONAL_GENDER": "", "TIME_ZONE": "", "TIME_ZONE_OFFSET": 0,
    }  # fmt: skip


@method("scope", "")
def scope(call: Call) -> Any:
    if str(call.get("full", "")).lower() in ("true", "1", "y"):
        return list(ALL_SCOPES)
    return sorted(call.identity.scopes)


@method("methods", "")
def methods(call: Call) -> Any:
    wanted = call.text("scope")
    full = str(call.get("full", "")).lower() in ("true", "1", "y")
    return [
        entry.name
        for entry in METHODS.values()
        if (entry.scope == wanted if wanted else full or not entry.scope or entry.scope in call.identity.scopes)
    ]


@method("method.get", "")
def method_get(call: Call) -> Any:
    entry = find(call.text("name"))
    available = entry is not None and (not entry.scope or entry.scope in call.identity.scopes)
    webhook = entry is not None and entry.app_only and call.identity.app is None
    return {"isExisting": entry is not None, "isAvailable": available and not webhook}


@method("server.time", "")
def server_time(call: Call) -> Any:
    return moment_text(call.portal.now(), call.portal.zone)


@method("feature.get", "")
def feature_get(call: Call) -> Any:
    code = call.text("CODE")
    if not code:
        raise RestError(400, "CODE_EMPTY", "CODE can't be empty")
    extended = code in ("rest_offline_extended", "rest_auth_connector")
    return {"value": "N" if extended and not call.portal.settings["offline_extended"] else "Y"}


@method("crm.settings.mode.get")
def settings_mode(call: Call) -> Any:
    return 1


@method("crm.controller.item.getFile", batch=False)
def get_file(call: Call) -> Any:
    """A download by a signed link; what comes back is the file itself, not JSON."""
    query = files.read_token(call.portal, "crm.controller.item.getFile", call.text("token"))
    if query is None:
        raise RestError(403, "INVALID_TOKEN", "Invalid token")
    record = call.portal.get("file", as_number(query.get("fileId")) or 0)
    if record is None:
        raise RestError(404, "NOT_FOUND", "File not found")
    return files.Download(record["NAME"], record["TYPE"], call.portal.ground.bytes_of(record["SHA256"]))
