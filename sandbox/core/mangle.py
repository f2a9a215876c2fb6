"""Distortions of finished replies: what a broken vendor or a proxy in between would send."""

from __future__ import annotations

import copy
from typing import Any

from sandbox.core.faults import Fault
from sandbox.core.wire import Reply

HTML_PAGE = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"


def mangle(reply: Reply, fault: Fault) -> Reply:
    """The reply as the fault leaves it; kinds that do not touch the reply return it unchanged."""
    params = fault.params
    match fault.kind:
        case "timeout_after":
            reply.manner, reply.manner_params = "hang", params
        case "slow_bytes":
            reply.manner, reply.manner_params = "slow", params
        case "truncated" | "reset":
            reply.manner, reply.manner_params = ("truncated" if fault.kind == "truncated" else "reset"), params
        case "html_200" | "pdf_html":
            reply.status, reply.body, reply.content_type = 200, HTML_PAGE, "text/html"
        case "empty" | "pdf_empty":
            reply.body = b""
        case "field_added" | "field_missing" | "field_retyped":
            payload = copy.deepcopy(reply.payload)
            _change_field(payload, fault)
            reply.payload = payload
        case _:
            pass
    return reply


def _change_field(payload: Any, fault: Fault) -> None:
    """Changes `params.field` (a dotted path, numbers for list places), or the first member where none is named."""
    if isinstance(payload, list) and "field" not in fault.params:
        payload = payload[0] if payload else {}
    if fault.kind == "field_added":
        holder, name = _locate(payload, str(fault.params.get("field", "someNewField")))
        if isinstance(holder, dict):
            holder[name] = fault.params.get("value", {"added": True})
        return
    path = fault.params.get("field") or (next(iter(payload), "") if isinstance(payload, dict) else "")
    holder, name = _locate(payload, str(path))
    if isinstance(holder, dict) and name in holder:
        if fault.kind == "field_missing":
            del holder[name]
        else:
            value = holder[name]
            holder[name] = fault.params.get("value", [value] if isinstance(value, str | dict) else str(value))


def _locate(payload: Any, path: str) -> tuple[Any, str]:
    *steps, name = path.split(".")
    for step in steps:
        if isinstance(payload, list) and step.isdigit() and int(step) < len(payload):
            payload = payload[int(step)]
        elif isinstance(payload, dict):
            payload = payload.get(step)
    return payload, name
