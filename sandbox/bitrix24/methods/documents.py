"""crm.documentgenerator.document.*: documents of CRM objects, made by a template or uploaded.

Vendor documentation, "Документы":
https://apidocs.bitrix24.ru/api-reference/crm/document-generator/documents/

Not told by the vendor and chosen here: fields are put where `{Code}` stands whole in the template's text; nothing is
converted, so only an uploaded document has a PDF or an image.
"""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
from typing import Any
from xml.sax.saxutils import escape

from sandbox.bitrix24 import files
from sandbox.bitrix24.call import Call, may, offset_of, universal_id, universal_map
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, missing_parameter, page
from sandbox.bitrix24.filters import Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.doctemplates import (
    browser_link,
    computed,
    described,
    fault,
    machine_link,
    owner_of,
    sent_file,
    template_of,
)
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import moment_text

PATH = "crm.documentgenerator.document"
TABLE = "document"
KINDS = {"id": ("ID", "integer"), "title": ("TITLE", "string"), "number": ("NUMBER", "string"),
         "templateId": ("TEMPLATE_ID", "integer"), "entityTypeId": ("ENTITY_TYPE_ID", "integer"),
         "entityId": ("ENTITY_ID", "integer"), "createTime": ("CREATED", "datetime"),
         "updateTime": ("UPDATED", "datetime"), "createdBy": ("CREATED_BY", "integer"),
         "updatedBy": ("UPDATED_BY", "integer")}  # fmt: skip
BYTES = {"download": "FILE_ID", "getPdf": "PDF_ID", "getImage": "IMAGE_ID"}
URLS = {"download": "downloadUrl", "getPdf": "pdfUrl", "getImage": "imageUrl"}
TEXT = "word/document.xml"


def _document(call: Call) -> Record:
    if call.get("id") is None:
        raise RestError(400, 100, "Bitrix\\DocumentGenerator\\Document constructor must be is public")
    record = call.portal.get(TABLE, universal_id(call))
    if record is None:
        raise fault("Документ не найден")
    return record


def _may(call: Call, action: str) -> None:
    if not may(call.identity, action):
        verb = "view documents" if action == "read" else "modify this document"
        raise RestError(400, "", f"You do not have permissions to {verb}")


def _next_number(call: Call, template: Record) -> str:
    """The next number of the template's numerator, which counts on."""
    numerator = call.portal.get("numerator", template["NUMERATOR_ID"])
    if numerator is None:
        raise fault("Error getting next number")
    sequence = numerator["SEQUENCE"]
    current: int = numerator.get("NEXT", sequence["start"])
    call.portal.patch("numerator", numerator["ID"], {"NEXT": current + sequence["step"]})
    digits = str(current).rjust(sequence["length"], sequence.get("padString") or "0")
    return str(numerator["TEMPLATE"]).replace("{NUMBER}", digits)


def _filled(content: bytes, fields: Record) -> bytes:
    """A template's file with the values in their places; what is no docx comes back as it is."""
    try:
        source = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile:
        return content
    made = io.BytesIO()
    with source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            body = source.read(entry)
            if entry.filename == TEXT:
                text = body.decode("utf-8", "replace")
                for code, value in fields.items():
                    text = text.replace("{" + code + "}", escape(str(value)))
                body = text.encode()
            target.writestr(entry.filename, body)
    return made.getvalue()


def _given_values(call: Call) -> Record:
    values = call.get("values")
    told = dict(values) if isinstance(values, dict) else {}
    descriptors = call.get("fields")
    for code, one in descriptors.items() if isinstance(descriptors, dict) else ():
        if isinstance(one, dict) and "VALUE" in one and code not in ("SOURCE", "DOCUMENT"):
            told[code] = one["VALUE"]
    return told


def _stamps(call: Call) -> bool:
    return str(call.get("stampsEnabled", 0)).lower() in ("1", "true", "y")


def _raise(call: Call, what: str, record: Record) -> None:
    data = {"ID": str(record["ID"]), "ENTITY_TYPE_ID": str(record["ENTITY_TYPE_ID"]),
            "ENTITY_ID": str(record["ENTITY_ID"])}  # fmt: skip
    call.portal.raise_event(f"ONCRMDOCUMENTGENERATORDOCUMENT{what}", {"FIELDS": data})


def _make_file(call: Call, template: Record, owner: Record, values: Record, number: str, title: str) -> int:
    held = call.portal.table("file").records[template["FILE_ID"]]
    fields = {**computed(call, owner, number, title), **values}
    content = _filled(call.portal.ground.bytes_of(held["SHA256"]), fields)
    return files.keep(call.portal, f"{title}.docx", content, TABLE, call.user_id)


@method(f"{PATH}.add", writes=True)
def document_add(call: Call) -> Any:
    template = template_of(call, "templateId")
    _may(call, "add")
    family, owner = owner_of(call, call.get("entityTypeId"), call.get("entityId"))
    if template["DELETED"] == "Y":
        raise fault("Cannot create document on deleted template")
    values = _given_values(call)
    number = str(values.get("DocumentNumber") or _next_number(call, template))
    title = str(values.get("DocumentTitle") or f"{template['NAME']} {number}")
    now = call.portal.now()
    made = call.portal.put(TABLE, {
        "TITLE": title, "NUMBER": number, "TEMPLATE_ID": template["ID"], "ENTITY_TYPE_ID": family.entity_type_id,
        "ENTITY_ID": owner["ID"], "VALUES": values, "STAMPS": _stamps(call), "CREATED": now, "UPDATED": now,
        "CREATED_BY": call.user_id, "FILE_ID": _make_file(call, template, owner, values, number, title),
    })  # fmt: skip
    record = call.portal.table(TABLE).records[made]
    _raise(call, "ADD", record)
    shown = _shown(call, record)
    return {"document": {**shown, "id": made, "createdBy": call.user_id}}


@method(f"{PATH}.update", writes=True)
def document_update(call: Call) -> Any:
    record = _document(call)
    _may(call, "update")
    values = {**record["VALUES"], **_given_values(call)}
    number, title = str(values.get("DocumentNumber") or record["NUMBER"]), str(values.get("DocumentTitle")
                                                                               or record["TITLE"])  # fmt: skip
    changes: Record = {"VALUES": values, "NUMBER": number, "TITLE": title, "UPDATED": call.portal.now(),
                       "UPDATED_BY": call.user_id}  # fmt: skip
    if "stampsEnabled" in call.params:
        changes["STAMPS"] = _stamps(call)
    template = call.portal.get("doctemplate", record.get("TEMPLATE_ID") or 0)
    if template is not None:
        _, owner = owner_of(call, record["ENTITY_TYPE_ID"], record["ENTITY_ID"])
        changes["FILE_ID"] = _make_file(call, template, owner, values, number, title)
    call.portal.patch(TABLE, record["ID"], changes)
    _raise(call, "UPDATE", record)
    return {"document": {**_shown(call, record), "updatedBy": call.user_id}}


@method(f"{PATH}.upload", writes=True)
def document_upload(call: Call) -> Any:
    """A file made elsewhere, tied to the object; its hidden template has no number here."""
    fields = universal_map(call, "fields")
    _may(call, "add")
    missing = [name for name in ("entityTypeId", "fileContent", "region", "entityId") if not fields.get(name)]
    if missing:
        raise fault(f"Empty required fields: {', '.join(missing)}")
    family, owner = owner_of(call, fields["entityTypeId"], fields["entityId"])
    title, now = str(fields.get("title") or "Документ"), call.portal.now()
    values: Record = {
        "TITLE": title, "NUMBER": str(fields.get("number") or ""), "ENTITY_TYPE_ID": family.entity_type_id,
        "ENTITY_ID": owner["ID"], "VALUES": {}, "STAMPS": False, "CREATED": now, "UPDATED": now,
        "CREATED_BY": call.user_id,
    }  # fmt: skip
    for name, stored, ending in (("fileContent", "FILE_ID", "docx"), ("pdfContent", "PDF_ID", "pdf"),
                                 ("imageContent", "IMAGE_ID", "jpg")):  # fmt: skip
        if fields.get(name):
            values[stored] = files.keep(call.portal, f"{title}.{ending}", _bytes(fields[name]), TABLE, call.user_id)
    made = call.portal.put(TABLE, values)
    record = call.portal.table(TABLE).records[made]
    _raise(call, "ADD", record)
    return {"document": _shown(call, record)}


def _bytes(text: Any) -> bytes:
    try:
        return base64.b64decode("".join(str(text).split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise fault("Missing file content") from error


# -- reading


def _links(call: Call, record: Record) -> Record:
    """Addresses of what is there: the document always, a PDF and an image where they were uploaded."""
    told: Record = {}
    for action, stored in BYTES.items():
        if record.get(stored):
            path = f"{PATH}.{action}"
            told[URLS[action]] = browser_link(call, path, record["ID"])
            told[f"{URLS[action]}Machine"] = machine_link(call, path, record["ID"])
    return told


def _listed(call: Call, record: Record) -> Record:
    zone = call.portal.zone
    texts: Record = {name: None if record.get(stored) is None else str(record[stored])
                     for name, (stored, kind) in KINDS.items() if kind != "datetime"}  # fmt: skip
    values = {"_creationMethod": "rest", "stampsEnabled": record["STAMPS"], **record["VALUES"]}
    return {**texts, "createTime": moment_text(record["CREATED"], zone),
            "updateTime": moment_text(record["UPDATED"], zone), "values": values,
            "stampsEnabled": record["STAMPS"], **_links(call, record)}  # fmt: skip


def _shown(call: Call, record: Record) -> Record:
    family = call.portal.family(record["ENTITY_TYPE_ID"])
    owner = {} if family is None else call.portal.get(family.name, record["ENTITY_ID"]) or {}
    rows = [one for one in call.portal.table("productrow").find("OWNER_ID", record["ENTITY_ID"])
            if family is not None and one.get("OWNER_TYPE") == family.short]  # fmt: skip
    return {
        "changeStampsEnabled": False, "changeStampsDisabledReason": "В шаблоне нет печатей и подписей",
        "changeQrCodeEnabled": False, "qrCodeEnabled": False, "changeQrCodeDisabledReason": "В шаблоне нет QR-кода",
        "products": {"currencyId": owner.get("CURRENCY_ID", "RUB"),
                     "totalSum": str(owner.get("OPPORTUNITY") or "0.00"), "totalRows": len(rows)},
        "publicUrl": record.get("PUBLIC_URL"), "isTransformationError": False,
        "pullTag": f"TRANSFORMDOCUMENT{record['ID']}", **_listed(call, record),
    }  # fmt: skip


@method(f"{PATH}.get")
def document_get(call: Call) -> Any:
    _may(call, "read")
    return {"document": _shown(call, _document(call))}


@method(f"{PATH}.list")
def document_list(call: Call) -> Any:
    _may(call, "read")

    def resolve(name: str) -> Column | None:
        return Column(*KINDS[name]) if name in KINDS else None

    query = compile_filter(call.get("filter"), resolve, call.portal.zone, strict=False)
    order = compile_order(call.get("order"), resolve, strict=False)
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table(TABLE), query, order, offset=offset, limit=PAGE_SIZE)
    select = call.get("select")
    names = {str(name) for name in select} if isinstance(select, list) and select and "*" not in select else None
    shown = [{name: value for name, value in _listed(call, one).items()
              if names is None or name in names or name == "id" or name.startswith("download")}
             for one in found]  # fmt: skip
    return page({"documents": shown}, total=total, offset=offset, shown=len(shown))


@method(f"{PATH}.delete", writes=True)
def document_delete(call: Call) -> Any:
    record = _document(call)
    _may(call, "delete")
    call.portal.drop(TABLE, record["ID"])
    _raise(call, "DELETE", record)


@method(f"{PATH}.enablepublicurl", writes=True)
def document_public(call: Call) -> Any:
    record = _document(call)
    _may(call, "update")
    on = str(call.get("status", 1)).lower() in ("1", "true", "y")
    mark = call.portal.sign(f"document{record['ID']}")[:5]
    url = f"{call.identity.links.base_url}/~{mark}" if on else None
    call.portal.patch(TABLE, record["ID"], {"PUBLIC_URL": url})
    return {"publicUrl": url}


@method(f"{PATH}.getfields")
def document_fields(call: Call) -> Any:
    record = _document(call)
    _may(call, "update")
    _, owner = owner_of(call, record["ENTITY_TYPE_ID"], record["ENTITY_ID"])
    base = computed(call, owner, record["NUMBER"], record["TITLE"])
    held = {code: record["VALUES"].get(code, value) for code, value in base.items()}
    return {"documentFields": described(held, call.get("values"))}


for _action, _field in BYTES.items():

    @method(f"{PATH}.{_action}", batch=False)
    def document_file(call: Call, action: str = _action, field: str = _field) -> Any:
        if call.get("token") is None:
            raise missing_parameter("token")
        return sent_file(call, f"{PATH}.{action}", TABLE, field)
