"""Reads what a portal posts to us: outgoing webhooks and the stock "Webhook" robot, within limits.

Source: the vendor's pages "Events" and "Safe event handlers". The body is PHP's http_build_query; every scalar is
text, and an outgoing webhook's ``auth`` holds as little as the application token.
"""

import re
from typing import Any, Final
from urllib.parse import unquote_plus

from chassis.domain import Problem
from connectors.ports.crm import CrmEvent
from connectors.wire import read_json

ROBOT: Final = "ROBOT"
"""The name of what a robot posts, which names no event."""
BODY_BYTES_MAX: Final = 64 * 1024
FIELDS_MAX: Final = 200
DEPTH_MAX: Final = 5
_TEXT_LENGTH_MAX: Final = 255
_ID: Final = re.compile(r"[1-9][0-9]{0,17}")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,99}")
_DOCUMENT: Final = re.compile(r"([A-Z_]+?)_(?:[0-9]+_)?([1-9][0-9]{0,17})")

_PREFIXES: Final = (
    ("ONCRMDEAL", "deal"),
    ("ONCRMCOMPANY", "company"),
    ("ONCRMCONTACT", "contact"),
    ("ONCRMREQUISITE", "requisite"),
    ("ONCRMBANKDETAIL", "bank_detail"),
    ("ONCRMDYNAMICITEM", "item"),
    ("ONCRMTIMELINECOMMENT", "comment"),
)
_DOCUMENTS: Final = {"DEAL": "deal", "COMPANY": "company", "CONTACT": "contact"}


class _Unfit(ValueError):  # noqa: N818 - a verdict on a body, not a fault
    """The body cannot be taken; the text is the problem's code."""


def parse_webhook(body: bytes, content_type: str) -> CrmEvent | Problem:
    """The event in a body. Problems: ``webhook_too_large``, ``webhook_content_type``, ``webhook_unreadable``,
    ``webhook_too_many_fields``, ``webhook_too_deep``, ``webhook_event_missing``, ``webhook_object_id``."""
    try:
        return _event(_tree(body, content_type))
    except _Unfit as unfit:
        return Problem(str(unfit))


def read_tree(body: bytes, content_type: str) -> dict[str, Any] | Problem:
    """The fields of a body within the limits, nested as PHP nests them. Problems as of ``parse_webhook``."""
    try:
        return _tree(body, content_type)
    except _Unfit as unfit:
        return Problem(str(unfit))


def _tree(body: bytes, content_type: str) -> dict[str, Any]:
    if len(body) > BODY_BYTES_MAX:
        raise _Unfit("webhook_too_large")
    kind = content_type.partition(";")[0].strip().lower()
    if kind in ("", "application/x-www-form-urlencoded"):
        return _form(body)
    if kind == "application/json":
        return _json(body)
    raise _Unfit("webhook_content_type")


def _form(body: bytes) -> dict[str, Any]:
    try:
        pairs = body.decode().split("&")
    except UnicodeDecodeError as error:
        raise _Unfit("webhook_unreadable") from error
    if len(pairs) > FIELDS_MAX:
        raise _Unfit("webhook_too_many_fields")
    root: dict[str, Any] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        if name:
            _place(root, _decoded(name), _decoded(value))
    return root


def _decoded(text: str) -> str:
    if "%" not in text and "+" not in text:
        return text
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError as error:
        raise _Unfit("webhook_unreadable") from error


def _place(root: dict[str, Any], name: str, value: str) -> None:
    head, *steps = name.replace("]", "").split("[")
    if len(steps) >= DEPTH_MAX:
        raise _Unfit("webhook_too_deep")
    node = root
    for key, following in zip([head, *steps], steps, strict=False):
        inner = node.get(key)
        if not isinstance(inner, dict):
            inner = node[key] = {}
        node = inner
        head = following
    node[head] = value


def _json(body: bytes) -> dict[str, Any]:
    try:
        document = read_json(body)
    except ValueError as error:
        raise _Unfit("webhook_unreadable") from error
    if not isinstance(document, dict):
        raise _Unfit("webhook_unreadable")
    _bound(document)
    return document


def _bound(document: dict[str, Any]) -> None:
    count = 0
    level: list[dict[str, Any] | list[Any]] = [document]
    for _ in range(DEPTH_MAX):
        values = [value for node in level for value in (node.values() if isinstance(node, dict) else node)]
        count += len(values)
        if count > FIELDS_MAX:
            raise _Unfit("webhook_too_many_fields")
        level = [value for value in values if isinstance(value, dict | list)]
    if level:
        raise _Unfit("webhook_too_deep")


def _event(tree: dict[str, Any]) -> CrmEvent:
    auth, data = _node(tree.get("auth")), _node(tree.get("data"))
    fields = _node(data.get("FIELDS")) or data  # events of timeline comments have no level FIELDS
    name = _text(tree.get("event")).upper()
    if name:
        if not _NAME.fullmatch(name):
            raise _Unfit("webhook_event_missing")
        entity = next((entity for prefix, entity in _PREFIXES if name.startswith(prefix)), "other")
        object_id = _text(fields.get("ID") or fields.get("id"))
        if "USERFIELD" in name:
            entity = "other"
        if (entity != "other" or object_id) and not _ID.fullmatch(object_id):
            raise _Unfit("webhook_object_id")
    elif "document_id" in tree:
        name = ROBOT
        entity, object_id = _document(tree["document_id"])
    else:
        raise _Unfit("webhook_event_missing")
    entity_type = _text(fields.get("ENTITY_TYPE_ID"))
    sent_at = _text(tree.get("ts"))
    return CrmEvent(
        name=name,
        entity=entity,
        object_id=object_id,
        entity_type_id=int(entity_type) if _ID.fullmatch(entity_type) else None,
        application_token=_text(auth.get("application_token")),
        domain=_text(auth.get("domain")).lower(),
        member_id=_text(auth.get("member_id")),
        handler_id=_text(tree.get("event_handler_id")),
        sent_at_unix=int(sent_at) if _ID.fullmatch(sent_at) else None,
    )


def _document(value: Any) -> tuple[str, str]:
    """``[crm, CCrmDocumentDeal, DEAL_1734]`` → ("deal", "1734")."""
    told = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    parts = [_text(part) for part in told]
    match = _DOCUMENT.fullmatch(parts[2]) if len(parts) == 3 and parts[0] == "crm" else None
    if match is None:
        raise _Unfit("webhook_object_id")
    return _DOCUMENTS.get(match[1], "other"), match[2]


def _node(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value[:_TEXT_LENGTH_MAX] if isinstance(value, str) else ""
