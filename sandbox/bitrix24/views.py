"""A portal and a deal as one JSON document, for verdicts and for the pages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.bitrix24 import rows
from sandbox.bitrix24.families import BY_NAME, Family
from sandbox.bitrix24.files import Links
from sandbox.bitrix24.methods.productrows import typed_row
from sandbox.bitrix24.methods.timeline import bound
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.render import typed_record
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import moment_text

NO_LINKS = Links("", 0, "")


def kopecks(amount: str | None) -> int:
    return int(Decimal(amount or "0") * 100)


def item_view(portal: Portal, family: Family, record: Record) -> Record:
    """The universal form with original names of user fields; a file shows its name, size, SHA-256 and path."""
    shown = typed_record(portal, portal.schema(family), record, NO_LINKS, original=True)
    for field in portal.schema(family).fields:
        value = record.get(field.stored)
        if field.kind == "file" and field.dynamic and value is not None:
            name = field.classic
            shown[name] = [file_view(portal, n) for n in value] if field.multiple else file_view(portal, value)
    return shown


def file_view(portal: Portal, number: int) -> Record | None:
    record = portal.get("file", number)
    if record is None:
        return None
    return {
        "id": number, "name": record["NAME"], "size": record["SIZE"], "type": record["TYPE"],
        "sha256": record["SHA256"], "path": f"/control/bitrix24/portals/{portal.slug}/files/{number}",
    }  # fmt: skip


def deal_view(portal: Portal, number: int) -> dict[str, Any]:
    """Everything a person sees of a deal. KeyError when there is none."""
    family = BY_NAME["deal"]
    record = portal.table("deal").records[number]
    owner = bound(family, number)
    zone = portal.zone
    return {
        "deal": item_view(portal, family, record),
        "opportunity_kopecks": kopecks(record.get("OPPORTUNITY")),
        "rows": [typed_row(row) for row in rows.of_owner(portal, family.short, number)],
        "history": [
            {"id": entry["ID"], "type": entry["TYPE_ID"], "category": entry.get("CATEGORY_ID"),
             "stage": entry["STAGE_ID"], "semantics": entry["STAGE_SEMANTIC_ID"],
             "at": moment_text(entry["CREATED_TIME"], zone)}
            for entry in portal.table("stagehistory").find("OWNER_ID", number)
            if entry["ENTITY_TYPE_ID"] == family.entity_type_id
        ],
        "comments": [
            {"id": comment["ID"], "at": moment_text(comment["CREATED"], zone), "author": comment["AUTHOR_ID"],
             "text": comment["COMMENT"], "files": [file_view(portal, n) for n in comment.get("FILES", ())]}
            for comment in portal.table("comment").find("BOUND", owner)
        ],
        "log_messages": [
            {"id": entry["ID"], "at": moment_text(entry["CREATED"], zone), "title": entry["TITLE"],
             "text": entry["TEXT"]}
            for entry in portal.table("logmessage").find("BOUND", owner)
        ],
        "activities": [
            {"id": entry["ID"], "subject": entry.get("SUBJECT"), "completed": entry.get("COMPLETED"),
             "deadline": None if entry.get("DEADLINE") is None else moment_text(entry["DEADLINE"], zone),
             "responsible": entry.get("RESPONSIBLE_ID"), "mail_sent_to": entry.get("MAIL_SENT_TO")}
            for entry in portal.table("activity").find("OWNER_ID", number)
            if entry["OWNER_TYPE_ID"] == family.entity_type_id
        ],
    }  # fmt: skip


def company_view(portal: Portal, number: int) -> dict[str, Any]:
    """A company with its requisites, their bank details and addresses. KeyError when there is none."""
    family = BY_NAME["company"]
    record = portal.table("company").records[number]
    requisites = []
    for requisite in portal.table("requisite").find("ENTITY_ID", number):
        if requisite["ENTITY_TYPE_ID"] == family.entity_type_id:
            banks = portal.table("bankdetail").find("ENTITY_ID", requisite["ID"])
            addresses = portal.table("address").find("ENTITY_ID", requisite["ID"])
            requisites.append({**requisite, "bank_details": banks, "addresses": addresses})
    return {"company": item_view(portal, family, record), "requisites": requisites}


def notifications_view(portal: Portal) -> list[Record]:
    return [
        {"id": record["ID"], "user": record["USER_ID"], "at": moment_text(record["DATE"], portal.zone),
         "text": record["MESSAGE"], "tag": record.get("TAG")}
        for record in portal.table("notification")
    ]  # fmt: skip


def chats_view(portal: Portal) -> list[Record]:
    """Chats with their messages, oldest first."""
    return [
        {"id": chat["ID"], "dialog": f"chat{chat['ID']}", "title": chat["TITLE"], "users": chat["USERS"],
         "messages": [
             {"id": message["ID"], "at": moment_text(message["DATE"], portal.zone), "author": message["AUTHOR_ID"],
              "text": message["TEXT"]}
             for message in portal.table("message").find("CHAT_ID", chat["ID"])
         ]}
        for chat in portal.table("chat")
    ]  # fmt: skip


def portal_state(portal: Portal) -> dict[str, Any]:
    """All records of the families that have any, as they are stored, without the portal's secret."""
    tables = {name: list(table) for name, table in sorted(portal.store.tables.items()) if len(table)}
    tables["portal"] = [{key: value for key, value in record.items() if key != "secret"} for record in tables["portal"]]
    return {"portal": portal.slug, "families": tables}
