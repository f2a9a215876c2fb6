"""crm.documentgenerator.template.*: files by which documents of CRM objects are made.

Vendor documentation, "Шаблоны":
https://apidocs.bitrix24.ru/api-reference/crm/document-generator/templates/

Not told by the vendor and chosen here: a fresh portal has no templates; the fields that a template can have are five.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

from sandbox.bitrix24 import files
from sandbox.bitrix24.call import Call, as_number, is_admin, offset_of, universal_id, universal_map
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, page
from sandbox.bitrix24.families import Family
from sandbox.bitrix24.filters import Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import moment_text

PATH = "crm.documentgenerator.template"
KINDS = {"id": ("ID", "integer"), "name": ("NAME", "string"), "region": ("REGION", "string"),
         "code": ("CODE", "string"), "active": ("ACTIVE", "string"), "moduleId": ("MODULE_ID", "string"),
         "numeratorId": ("NUMERATOR_ID", "integer"), "withStamps": ("WITH_STAMPS", "string"),
         "isDeleted": ("DELETED", "string"), "sort": ("SORT", "integer"), "createTime": ("CREATED", "datetime"),
         "updateTime": ("UPDATED", "datetime"), "entityTypeId": ("ENTITY_TYPES", "string")}  # fmt: skip
TITLES = {"DocumentNumber": ("Номер", "DOCUMENT_NUMBER"), "DocumentTitle": ("Название документа", "DOCUMENT_TITLE"),
          "DocumentCreateTime": ("Дата генерации", "DOCUMENT_CREATE_TIME"), "ClientName": ("Клиент", "CLIENT_NAME"),
          "TotalSum": ("Общая сумма", "TOTAL_SUM")}  # fmt: skip


def fault(text: str) -> RestError:
    return RestError(400, 0, text)


def may_modify(call: Call) -> None:
    if not is_admin(call):
        raise RestError(400, "", "You do not have permissions to modify templates")


def template_of(call: Call, name: str = "id") -> Record:
    if call.get(name) is None:
        raise RestError(400, 100, "Bitrix\\DocumentGenerator\\Template constructor must be is public")
    record = call.portal.get("doctemplate", universal_id(call, name))
    if record is None:
        raise fault("Шаблон не найден")
    return record


def machine_link(call: Call, path: str, number: int) -> str:
    """An address that carries its own right to the file."""
    token = files.make_token(call.portal, "crm", path, {"id": number})
    return call.identity.links.rest(path, f"token={quote_plus(token)}")


def browser_link(call: Call, path: str, number: int) -> str:
    """An address for a person who has logged in."""
    return f"{call.identity.links.base_url}/bitrix/services/main/ajax.php?action={path}&SITE_ID=s1&id={number}"


def sent_file(call: Call, path: str, table: str, field: str) -> files.Download:
    """What an address of `machine_link` gives."""
    query = files.read_token(call.portal, path, call.text("token"))
    record = call.portal.get(table, as_number((query or {}).get("id")) or 0)
    held = call.portal.get("file", (record or {}).get(field) or 0)
    if query is None or held is None:
        raise RestError(403, "INVALID_TOKEN", "Invalid token")
    return files.Download(held["NAME"], held["TYPE"], call.portal.ground.bytes_of(held["SHA256"]))


# -- templates


def _values(call: Call, fields: Record) -> Record:
    values: Record = {}
    for name in ("name", "region"):
        if fields.get(name):
            values[KINDS[name][0]] = str(fields[name])
    for name in ("active", "withStamps"):
        if name in fields:
            values[KINDS[name][0]] = "Y" if fields[name] in ("Y", True, 1, "1") else "N"
    for name in ("numeratorId", "sort"):
        if as_number(fields.get(name)) is not None:
            values[KINDS[name][0]] = as_number(fields[name])
    for name, stored in (("entityTypeId", "ENTITY_TYPES"), ("users", "USERS")):
        if isinstance(fields.get(name), list):
            values[stored] = [str(one) for one in fields[name]]
    if "file" in fields:
        pair = files.decode_pair(fields["file"])
        if pair is None:
            raise fault("Missing file content")
        values["FILE_ID"] = files.keep(call.portal, pair[0], pair[1], "doctemplate", call.user_id)
    return values


def _shown(call: Call, record: Record, names: set[str] | None = None) -> Record:
    number, zone = record["ID"], call.portal.zone
    shown: Record = {"id": str(number)}
    for name, (stored, kind) in KINDS.items():
        value = record.get(stored)
        if kind == "datetime":
            shown[name] = moment_text(record[stored], zone)
        elif isinstance(value, list):
            shown[name] = value
        else:
            shown[name] = None if value is None else str(value)
    users = record["USERS"]
    shown["users"] = users if names is not None else {one: one for one in users}
    if names is not None:
        shown = {name: value for name, value in shown.items() if name in names or name == "id"}
    path = f"{PATH}.download"
    return {**shown, "download": browser_link(call, path, number), "downloadMachine": machine_link(call, path, number)}


@method(f"{PATH}.add", writes=True)
def template_add(call: Call) -> Any:
    fields = universal_map(call, "fields")
    may_modify(call)
    missing = [name for name in ("name", "numeratorId", "region", "entityTypeId") if not fields.get(name)]
    if missing:
        raise fault(f"Empty required fields: {', '.join(missing)}")
    if "file" not in fields:
        raise fault("Missing file content")
    values = _values(call, fields)
    if not values.get("USERS"):
        values["USERS"] = [f"U{call.user_id}"]
    now = call.portal.now()
    fresh = {"ACTIVE": "Y", "WITH_STAMPS": "N", "SORT": 500, "MODULE_ID": "crm", "DELETED": "N", "ENTITY_TYPES": [],
             "CREATED": now, "UPDATED": now}  # fmt: skip
    made = call.portal.put("doctemplate", {**fresh, **values})
    return {"template": _shown(call, call.portal.table("doctemplate").records[made])}


@method(f"{PATH}.update", writes=True)
def template_update(call: Call) -> Any:
    may_modify(call)
    record, fields = template_of(call), universal_map(call, "fields")
    call.portal.patch("doctemplate", record["ID"], {**_values(call, fields), "UPDATED": call.portal.now()})
    return {"template": _shown(call, record)}


@method(f"{PATH}.get")
def template_get(call: Call) -> Any:
    may_modify(call)
    return {"template": _shown(call, template_of(call))}


@method(f"{PATH}.list")
def template_list(call: Call) -> Any:
    """A map by id; deleted ones are told only where `isDeleted` is asked for."""
    may_modify(call)

    def resolve(name: str) -> Column | None:
        return Column(*KINDS[name]) if name in KINDS else None

    given = call.get("filter")
    tree = given if isinstance(given, dict) else {}
    if not any(name.endswith("isDeleted") for name in tree):
        tree = {**tree, "isDeleted": "N"}
    query = compile_filter(tree, resolve, call.portal.zone, strict=False)
    order = compile_order(call.get("order"), resolve, strict=False)
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table("doctemplate"), query, order, offset=offset, limit=PAGE_SIZE)
    select = call.get("select")
    listed = [str(name) for name in select] if isinstance(select, list) and select else ["*"]
    usual = set(KINDS) - {"entityTypeId"}
    names = usual | set(listed) if "*" in listed else set(listed)
    shown = {str(one["ID"]): _shown(call, one, names) for one in found}
    return page({"templates": shown or []}, total=total, offset=offset, shown=len(found))


@method(f"{PATH}.delete", writes=True)
def template_delete(call: Call) -> Any:
    """It stays as deleted: documents that were made by it keep their template."""
    may_modify(call)
    call.portal.patch("doctemplate", template_of(call)["ID"], {"DELETED": "Y"})


@method(f"{PATH}.download", batch=False)
def template_download(call: Call) -> Any:
    return sent_file(call, f"{PATH}.download", "doctemplate", "FILE_ID")


# -- fields


def owner_of(call: Call, entity_type: Any, number: Any) -> tuple[Family, Record]:
    """The object that a document is of. Raises RestError."""
    family = call.portal.family(as_number(entity_type) or 0)
    if family is None:
        raise fault("No provider for entityTypeId")
    if not as_number(number):
        raise fault('Empty required parameter "value"')
    record = call.portal.get(family.name, as_number(number) or 0)
    if record is None:
        raise RestError(400, "DOCGEN_ACCESS_ERROR", "Access denied")
    return family, record


def computed(call: Call, record: Record, number: str, title: str) -> Record:
    """What an object gives the fields of a document."""
    company = call.portal.get("company", record.get("COMPANY_ID") or 0) or {}
    day = moment_text(call.portal.now(), call.portal.zone)
    return {"DocumentNumber": number, "DocumentTitle": title, "DocumentCreateTime": f"{day[8:10]}.{day[5:7]}.{day[:4]}",
            "ClientName": company.get("TITLE", ""), "TotalSum": str(record.get("OPPORTUNITY") or "0.00")}  # fmt: skip


def described(base: Record, values: Any) -> Record:
    """The fields of a document or a template, with what is put over them for the time of this call."""
    over = values if isinstance(values, dict) else {}
    return {
        code: {"title": TITLES[code][0], "value": str(over.get(code, value)), "group": ["Документ"],
               "chain": f"this.DOCUMENT.{TITLES[code][1]}", "default": str(over.get(code, value)),
               **({"required": "Y"} if code == "DocumentNumber" else {})}
        for code, value in base.items()
    }  # fmt: skip


@method(f"{PATH}.getfields")
def template_fields(call: Call) -> Any:
    may_modify(call)
    template = template_of(call)
    entity = call.get("entityId")
    record: Record = {} if entity is None else owner_of(call, call.get("entityTypeId"), entity)[1]
    return {"templateFields": described(computed(call, record, "", template["NAME"]), call.get("values"))}
