"""Files: decoding what comes in, the two shapes of a reference to them, and signed links for downloading."""

from __future__ import annotations

import base64
import binascii
import mimetypes
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, quote_plus, urlencode

from sandbox.bitrix24.families import Family, Field
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record

TOKEN_SEPARATOR = "|"  # noqa: S105 - a delimiter, no secret


@dataclass(frozen=True, slots=True)
class Links:
    """Where the caller sees the portal: base address without a slash, and whose rights a link carries: those of a
    webhook's `code`, or of the access token `auth`."""

    base_url: str
    user_id: int
    code: str
    auth: str = ""

    def rest(self, method: str, query: str) -> str:
        if self.auth:
            return f"{self.base_url}/rest/{method}.json?auth={self.auth}&{query}"
        return f"{self.base_url}/rest/{self.user_id}/{self.code}/{method}.json?{query}"


def decode_pair(value: Any) -> tuple[str, bytes] | None:
    """`[name, base64]` to name and bytes; None for anything else (a wrong format raises no error at the vendor)."""
    if isinstance(value, dict) and "fileData" in value:
        value = value["fileData"]
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(part, str) for part in value):
        return None
    try:
        content = base64.b64decode(value[1], validate=False)
    except (binascii.Error, ValueError):
        return None
    return value[0], content


def keep(portal: Portal, name: str, content: bytes, owner: str, author_id: int) -> int:
    """Stores a file and returns its id."""
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    values: Record = {
        "NAME": name,
        "SIZE": len(content),
        "TYPE": kind,
        "SHA256": portal.ground.keep_bytes(content),
        "OWNER": owner,
        "AUTHOR_ID": author_id,
        "DATE": portal.now(),
    }
    return portal.put("file", values)


def take_field(portal: Portal, field: Field, value: Any, current: Any, owner: str, author_id: int) -> Any:
    """A file field's new stored value.

    Universal: `[name, base64]`, several of them with `{"id"}` for those to keep, "" or [] to clear; the whole is
    replaced. Classic: `{"fileData": [...]}`, `{"id", "remove": "Y"}`, a list of such for a multiple field.
    """
    if field.multiple:
        return _take_many(portal, value, current or [], owner, author_id)
    if isinstance(value, dict) and "fileData" not in value:
        if value.get("remove") == "Y":
            return None
        return current if str(value.get("id", "")) == str(current) else None
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list | dict):
        value = value[0]
    pair = decode_pair(value)
    return None if pair is None else keep(portal, pair[0], pair[1], owner, author_id)


def _take_many(portal: Portal, value: Any, current: list[int], owner: str, author_id: int) -> list[int]:
    if isinstance(value, dict):
        value = [value] if {"fileData", "id"} & set(value) else list(value.values())
    if not isinstance(value, list):
        return []
    if decode_pair(value) is not None:
        value = [value]
    if any(isinstance(item, dict) and item.get("remove") == "Y" for item in value):
        gone = {str(item.get("id")) for item in value if isinstance(item, dict) and item.get("remove") == "Y"}
        kept = [number for number in current if str(number) not in gone]
    else:
        listed = {str(item.get("id")) for item in value if isinstance(item, dict)}
        kept = [number for number in current if str(number) in listed]
    pairs = [pair for pair in map(decode_pair, value) if pair is not None]
    return kept + [keep(portal, name, content, owner, author_id) for name, content in pairs]


def typed_reference(portal: Portal, family: Family, owner_id: int, field: Field, number: int, links: Links) -> Record:
    """`{"id", "url", "urlMachine"}`: the first needs a browser session, the second carries its own token."""
    query = {
        "action": "crm.controller.item.getFile", "SITE_ID": "s1", "entityTypeId": family.entity_type_id,
        "id": owner_id, "fieldName": field.stored, "fileId": number,
    }  # fmt: skip
    token = make_token(portal, "crm", "crm.controller.item.getFile", query | {"_": portal.sign(str(number))[:8]})
    return {
        "id": number,
        "url": f"{links.base_url}/bitrix/services/main/ajax.php?{urlencode(query)}",
        "urlMachine": links.rest("crm.controller.item.getFile", f"token={quote_plus(token)}"),
    }


def classic_reference(portal: Portal, family: Family, owner_id: int, field: Field, number: int) -> Record:
    """`{"id", "showUrl", "downloadUrl"}`, both relative; the second has a signature in `auth`."""
    page = f"/bitrix/components/bitrix/crm.{family.name}.show/show_file.php"
    tail = f"ownerId={owner_id}&fieldName={field.stored}&dynamic=Y&fileId={number}"
    return {
        "id": number,
        "showUrl": f"{page}?{tail}",
        "downloadUrl": f"{page}?auth={portal.sign(f'show_file|{number}')}&{tail}",
    }


def timeline_reference(portal: Portal, record: Record, links: Links, when: str) -> Record:
    """A file of a timeline comment."""
    number = record["ID"]
    name = quote(record["NAME"])
    entry: Record = {
        "id": number,
        "date": when,
        "type": "image" if record["TYPE"].startswith("image/") else "file",
        "name": record["NAME"],
        "size": record["SIZE"],
        "authorId": record["AUTHOR_ID"],
        "authorName": portal.user_name(record["AUTHOR_ID"]),
        "urlShow": f"{links.base_url}/disk/showFile/{number}/?&ncc=1&ts={record['DATE']}&filename={name}",
        "urlDownload": f"{links.base_url}/disk/downloadFile/{number}/?&ncc=1&filename={name}",
    }
    return entry


def make_token(portal: Portal, scope: str, method: str, query: Record) -> str:
    body = base64.b64encode(urlencode(query).encode()).decode()
    return TOKEN_SEPARATOR.join((scope, body, portal.sign(f"{method}{TOKEN_SEPARATOR}{body}")))


def read_token(portal: Portal, method: str, token: str) -> dict[str, str] | None:
    """What a signed link asks for; None when the signature is not ours."""
    parts = token.split(TOKEN_SEPARATOR)
    if len(parts) != 3 or parts[2] != portal.sign(f"{method}{TOKEN_SEPARATOR}{parts[1]}"):
        return None
    try:
        query = base64.b64decode(parts[1]).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return {name: values[-1] for name, values in parse_qs(query).items()}


@dataclass(frozen=True, slots=True)
class Download:
    """A file as the answer of a method."""

    name: str
    kind: str
    content: bytes
