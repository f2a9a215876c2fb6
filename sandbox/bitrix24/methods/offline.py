"""event.offline.*: what happened, kept for an application that fetches it itself.

Vendor documentation, "Офлайн-события": https://apidocs.bitrix24.ru/api-reference/events/offline-events.html

The queue holds an object once, however often it changed. Taking with a confirmation (`clear` 0) and `auth_connector`
are of larger plans: the dial `offline_extended`. ONOFFLINEEVENT is not raised.
"""

from __future__ import annotations

import secrets
from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin, offset_of
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, page
from sandbox.bitrix24.filters import Column, Query, compile_filter, compile_order, run
from sandbox.bitrix24.methods.applications import check_connector, empty
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import moment_text

TABLE = "offlineevent"
KINDS = {"ID": "integer", "TIMESTAMP_X": "datetime", "EVENT_NAME": "string", "MESSAGE_ID": "string",
         "PROCESS_ID": "string", "ERROR": "integer"}  # fmt: skip
TAKEN_MAX = 50


def _allowed(call: Call) -> None:
    if not is_admin(call):
        raise RestError(403, "ACCESS_DENIED", "Access denied!")


def _column(name: str) -> Column | None:
    upper = name.upper()
    if upper == "MESSAGE_ID":
        return Column("ID", "integer")
    return Column(upper, KINDS[upper]) if upper in KINDS else None


def _query(call: Call, connector: str) -> Query:
    query = compile_filter(call.get("filter"), _column, call.portal.zone, strict=False)
    query.predicates.append(lambda one: (one["APP_ID"], one["CONNECTOR"]) == (call.identity.app_id, connector))
    return query


def _shown(call: Call, record: Record) -> Record:
    return {"ID": str(record["ID"]), "TIMESTAMP_X": moment_text(record["TIMESTAMP_X"], call.portal.zone),
            "EVENT_NAME": record["EVENT_NAME"], "EVENT_DATA": record["EVENT_DATA"] or False,
            "EVENT_ADDITIONAL": False, "MESSAGE_ID": str(record["ID"])}  # fmt: skip


def _yes(call: Call, name: str, default: str) -> bool:
    return str(call.get(name, default)).lower() not in ("0", "false", "n", "")


@method("event.offline.get", "", app_only=True, writes=True)
def offline_get(call: Call) -> Any:
    """Takes the first events away, or with `clear` 0 keeps them for one process until it confirms."""
    _allowed(call)
    connector, clear = check_connector(call), _yes(call, "clear", "1")
    if not clear and not call.portal.settings["offline_extended"]:
        raise RestError(403, "WRONG_LICENSE", "Feature is not available on the current plan")
    process = call.text("process_id") or None
    query = _query(call, connector)
    errors = _yes(call, "error", "0")
    query.predicates.append(lambda one: one.get("PROCESS_ID") == process and (errors or not one["ERROR"]))
    order = compile_order(call.get("order") or {"TIMESTAMP_X": "ASC"}, _column, strict=False)
    limit = as_number(call.get("limit")) or TAKEN_MAX
    found, _ = run(call.portal.table(TABLE), query, order, offset=0, limit=limit)
    if not clear and found and process is None:
        process = secrets.token_hex(16)
    shown = [_shown(call, one) for one in found]
    for one in found:
        if clear:
            call.portal.drop(TABLE, one["ID"])
        else:
            call.portal.patch(TABLE, one["ID"], {"PROCESS_ID": process})
    return {"process_id": None if clear else process, "events": shown}


@method("event.offline.list", "", app_only=True)
def offline_list(call: Call) -> Any:
    """The queue as it is, taken events too."""
    _allowed(call)
    query = _query(call, check_connector(call))
    order = compile_order(call.get("order"), _column, strict=False)
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table(TABLE), query, order, offset=offset, limit=PAGE_SIZE)
    shown = [{**_shown(call, one), "PROCESS_ID": one.get("PROCESS_ID", ""), "ERROR": str(one["ERROR"])}
             for one in found]  # fmt: skip
    return page(shown, total=total, offset=offset, shown=len(shown))


def _of_process(call: Call, *names: str) -> list[Record]:
    """The events of the process that is named, those of the list among them where one is given."""
    _allowed(call)
    process = call.text("process_id")
    if not process:
        raise empty("PROCESS_ID")
    given = next((call.get(name) for name in names if isinstance(call.get(name), list)), None)
    wanted = None if given is None else {as_number(one) for one in given}
    return [
        one
        for one in call.portal.table(TABLE)
        if (one["APP_ID"], one.get("PROCESS_ID")) == (call.identity.app_id, process)
        and (wanted is None or one["ID"] in wanted)
    ]


@method("event.offline.clear", "", app_only=True, writes=True)
def offline_clear(call: Call) -> Any:
    for one in _of_process(call, "id", "message_id"):
        call.portal.drop(TABLE, one["ID"])
    return True


@method("event.offline.error", "", app_only=True, writes=True)
def offline_error(call: Call) -> Any:
    for one in _of_process(call, "message_id"):
        call.portal.patch(TABLE, one["ID"], {"ERROR": 1, "PROCESS_ID": None})
    return True
