"""disk.*: storages, folders and files of the portal's drive.

Vendor documentation, "Диск": https://apidocs.bitrix24.ru/api-reference/disk/
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

from sandbox.bitrix24 import drive, files
from sandbox.bitrix24.call import Call, as_number, is_admin, offset_of, upper_keys
from sandbox.bitrix24.drive import FILE, FOLDER, Node
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, page
from sandbox.bitrix24.filters import Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import moment_text

SCOPE = "disk"
STORAGE = {"ID": "integer", "NAME": "string", "CODE": "string", "MODULE_ID": "string", "ENTITY_TYPE": "enum",
           "ENTITY_ID": "string", "ROOT_OBJECT_ID": "integer"}  # fmt: skip
COMMON = {"ID": "integer", "NAME": "string", "TYPE": "enum", "CODE": "string", "STORAGE_ID": "integer"}
STAMPS = {
    "PARENT_ID": "integer", "CREATE_TIME": "datetime", "UPDATE_TIME": "datetime", "DELETE_TIME": "datetime",
    "CREATED_BY": "integer", "UPDATED_BY": "integer", "DELETED_BY": "integer", "DELETED_TYPE": "enum",
}  # fmt: skip
FOLDERS = COMMON | {"REAL_OBJECT_ID": "integer"} | STAMPS
FILES = COMMON | STAMPS | {"GLOBAL_CONTENT_VERSION": "integer", "FILE_ID": "integer", "SIZE": "integer"}
UPLOAD = "upload"
LINK_TOKEN = "disk.download"  # noqa: S105 - the name of a signature, no secret
RIGHTS = ((79, "disk_access_full", "Полный доступ"), (75, "disk_access_edit", "Редактирование"),
          (73, "disk_access_add", "Добавление"), (71, "disk_access_read", "Чтение"))  # fmt: skip
MAKE, TAKE = "data", "fileContent"


def missing(place: int) -> RestError:
    return RestError(400, "ERROR_ARGUMENT", f"Invalid value of parameter {{Parameter #{place}}}",
                     argument=f"Parameter #{place}")  # fmt: skip


def absent(number: Any) -> RestError:
    return RestError(400, "ERROR_NOT_FOUND", f"Could not find entity with id `{number}`")


def number_of(call: Call, name: str, place: int = 0) -> int:
    number = as_number(call.get(name))
    if number is None:
        raise missing(place)
    return number


def node_of(call: Call, kind: str, name: str = "id", place: int = 0) -> Node:
    number = number_of(call, name, place)
    record = call.portal.get("diskobject", number)
    if record is None or record["TYPE"] != kind:
        raise absent(number)
    return record


def _storage(call: Call) -> Record:
    number = number_of(call, "id")
    drive.open_storages(call.portal)
    record = call.portal.get("storage", number)
    if record is None:
        raise absent(number)
    return record


# -- what is shown


def _storage_shown(record: Record) -> Record:
    return {"ID": str(record["ID"]), "NAME": record["NAME"], "CODE": record.get("CODE"), "MODULE_ID": "disk",
            "ENTITY_TYPE": record["ENTITY_TYPE"], "ENTITY_ID": record["ENTITY_ID"],
            "ROOT_OBJECT_ID": str(record["ROOT_OBJECT_ID"])}  # fmt: skip


def link_to(call: Call, node: Node, file_id: int) -> str:
    token = files.make_token(call.portal, SCOPE, LINK_TOKEN, {"id": node["ID"], "fileId": file_id})
    return call.identity.links.rest("download", f"token={quote_plus(token)}")


def shown(call: Call, node: Node) -> Record:
    zone, base = call.portal.zone, call.identity.links.base_url
    result: Record = {
        "ID": str(node["ID"]), "NAME": node["NAME"], "CODE": None, "STORAGE_ID": str(node["STORAGE_ID"]),
        "TYPE": node["TYPE"],
    }  # fmt: skip
    if node["TYPE"] == FOLDER:
        result["REAL_OBJECT_ID"] = str(node["ID"])
    result |= {"PARENT_ID": str(node["PARENT_ID"]) if node["PARENT_ID"] else None,
               "DELETED_TYPE": str(node["DELETED_TYPE"])}  # fmt: skip
    if node["TYPE"] == FILE:
        held = call.portal.table("file").records[node["FILE_ID"]]
        result |= {"GLOBAL_CONTENT_VERSION": str(node["VERSION"]), "FILE_ID": str(node["FILE_ID"]),
                   "SIZE": str(held["SIZE"])}  # fmt: skip
    for name in ("CREATE_TIME", "UPDATE_TIME", "DELETE_TIME"):
        result[name] = moment_text(node[name], zone) if node.get(name) else None
    for name in ("CREATED_BY", "UPDATED_BY", "DELETED_BY"):
        result[name] = str(node.get(name) or 0)
    if node["TYPE"] == FILE:
        result["DOWNLOAD_URL"] = link_to(call, node, node["FILE_ID"])
    result["DETAIL_URL"] = f"{base}/company/personal/disk/{node['TYPE']}/{node['ID']}/"
    return result


def _children(call: Call, parent: int) -> Any:
    kinds = FILES | FOLDERS
    plain = {"enum": "string"}

    def resolve(name: str) -> Column | None:
        kind = kinds.get(name.upper())
        return None if kind is None else Column(name.upper(), plain.get(kind, kind))

    query = compile_filter(call.get("filter"), resolve, call.portal.zone, strict=False)
    asked = call.get("filter")
    trashed = isinstance(asked, dict) and any(key.upper().endswith("DELETED_TYPE") for key in asked)
    query.equal["PARENT_ID"] = [parent]
    query.predicates.append(lambda node: node["PARENT_ID"] == parent and (trashed or not node["DELETED_TYPE"]))
    order = compile_order(call.get("order"), resolve, strict=False)
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table("diskobject"), query, order, offset=offset, limit=PAGE_SIZE)
    return page([shown(call, node) for node in found], total=total, offset=offset, shown=len(found))


def _described(kinds: dict[str, str]) -> Record:
    return {name: {"TYPE": kind, "USE_IN_FILTER": True, "USE_IN_SHOW": True} for name, kind in kinds.items()}


# -- storages


@method("disk.storage.getTypes", SCOPE)
def storage_types(call: Call) -> Any:
    return ["user", "common", "group"]


@method("disk.storage.getFields", SCOPE)
def storage_fields(call: Call) -> Any:
    return _described(STORAGE)


@method("disk.storage.getList", SCOPE)
def storage_list(call: Call) -> Any:
    drive.open_storages(call.portal)

    def resolve(name: str) -> Column | None:
        return Column(name.upper(), "integer" if name.upper().endswith("ID") and name.upper() != "ENTITY_ID"
                      else "string") if name.upper() in STORAGE else None  # fmt: skip

    query = compile_filter(call.get("filter"), resolve, call.portal.zone, strict=False)
    order = compile_order(call.get("order"), resolve, strict=False)
    offset = offset_of(call, paged=True)
    found, total = run(call.portal.table("storage"), query, order, offset=offset, limit=PAGE_SIZE)
    return page([_storage_shown(one) for one in found], total=total, offset=offset, shown=len(found))


@method("disk.storage.get", SCOPE)
def storage_get(call: Call) -> Any:
    return _storage_shown(_storage(call))


@method("disk.storage.getForApp", SCOPE)
def storage_for_app(call: Call) -> Any:
    if call.identity.app is None:
        raise RestError(403, "ACCESS_DENIED", "Access denied! Application context required")
    return _storage_shown(drive.storage_of(call.portal, "restapp", str(call.identity.app_id), "bitrix.restapi"))


@method("disk.storage.rename", SCOPE, writes=True)
def storage_rename(call: Call) -> Any:
    """Only an application's own storage."""
    record = _storage(call)
    if record["ENTITY_TYPE"] != "restapp" or record["ENTITY_ID"] != str(call.identity.app_id):
        raise RestError(403, "ACCESS_DENIED", "Access denied! Only application storage can be renamed")
    if not call.text("newName"):
        raise missing(1)
    call.portal.patch("storage", record["ID"], {"NAME": call.text("newName")})
    return _storage_shown(call.portal.table("storage").records[record["ID"]])


@method("disk.storage.getChildren", SCOPE)
def storage_children(call: Call) -> Any:
    return _children(call, _storage(call)["ROOT_OBJECT_ID"])


def _root(call: Call) -> Node:
    return call.portal.table("diskobject").records[_storage(call)["ROOT_OBJECT_ID"]]


@method("disk.storage.addFolder", SCOPE, writes=True)
def storage_add_folder(call: Call) -> Any:
    return _add_folder(call, _root(call))


@method("disk.storage.uploadFile", SCOPE, writes=True)
def storage_upload(call: Call) -> Any:
    return _upload(call, _root(call))


# -- folders


@method("disk.folder.getFields", SCOPE)
def folder_fields(call: Call) -> Any:
    return _described(FOLDERS)


@method("disk.folder.get", SCOPE)
def folder_get(call: Call) -> Any:
    return shown(call, node_of(call, FOLDER))


@method("disk.folder.getChildren", SCOPE)
def folder_children(call: Call) -> Any:
    return _children(call, node_of(call, FOLDER)["ID"])


def _name(call: Call, given: Any) -> str:
    data = upper_keys(given) if isinstance(given, dict) else {}
    name = str(data.get("NAME") or "").strip()
    if not name:
        raise RestError(400, "DISK_BASE_SERVICE_22001", "Error: required parameter NAME (DISK_BASE_SERVICE_22001)")
    return name


def _add_folder(call: Call, parent: Node) -> Any:
    if not isinstance(call.get(MAKE), dict):
        raise missing(1)
    name = _name(call, call.get(MAKE))
    drive.check_free(call.portal, parent["ID"], name, FOLDER)
    return shown(call, drive.add_folder(call.portal, parent, name, call.user_id))


@method("disk.folder.addSubFolder", SCOPE, writes=True)
def folder_add(call: Call) -> Any:
    return _add_folder(call, node_of(call, FOLDER))


def _upload(call: Call, parent: Node) -> Any:
    """The content at once, or, without one, the address to which it is to be posted as a form's file."""
    given = call.get(TAKE)
    unique = call.get("generateUniqueName") in (True, 1, "1", "Y", "true")
    if given is None:
        token = files.make_token(call.portal, SCOPE, UPLOAD, {"id": parent["ID"], "unique": int(unique)})
        return {"field": "file", "uploadUrl": call.identity.links.rest(UPLOAD, f"token={quote_plus(token)}")}
    pair = files.decode_pair(given) or files.decode_pair(["", given])
    if pair is None:
        raise missing(2)
    name = _name(call, call.get(MAKE)) if isinstance(call.get(MAKE), dict) else pair[0]
    return take(call, parent, name or pair[0], pair[1], unique=unique)


def take(call: Call, parent: Node, name: str, content: bytes, *, unique: bool) -> Any:
    if unique:
        name = drive.free_name(call.portal, parent["ID"], name)
    drive.check_free(call.portal, parent["ID"], name, FILE)
    return shown(call, drive.add_file(call.portal, parent, name, content, call.user_id))


@method("disk.folder.uploadFile", SCOPE, writes=True)
def folder_upload(call: Call) -> Any:
    return _upload(call, node_of(call, FOLDER))


@method("download", SCOPE, batch=False)
def download(call: Call) -> Any:
    """The content behind DOWNLOAD_URL."""
    query = files.read_token(call.portal, LINK_TOKEN, call.text("token"))
    held = call.portal.get("file", as_number((query or {}).get("fileId")) or 0)
    if query is None or held is None:
        raise RestError(403, "INVALID_TOKEN", "Invalid token")
    return files.Download(held["NAME"], held["TYPE"], call.portal.ground.bytes_of(held["SHA256"]))


@method("disk.rights.getTasks", SCOPE)
def rights(call: Call) -> Any:
    return [{"ID": str(number), "NAME": name, "TITLE": title} for number, name, title in RIGHTS]


@method("disk.folder.shareToUser", SCOPE, writes=True)
def folder_share(call: Call) -> Any:
    node_of(call, FOLDER)
    if call.portal.get("user", number_of(call, "userId", 1)) is None:
        raise absent(call.get("userId"))
    if call.text("taskName") not in {name for _, name, _ in RIGHTS}:
        raise RestError(403, "ACCESS_DENIED", "Access denied")
    return True


# -- what folders and files share


def _renamed(call: Call, kind: str) -> Any:
    node, name = node_of(call, kind), call.text("newName")
    if "newName" not in call.params:
        raise missing(1)
    if not name:
        raise RestError(400, "0", "Empty name")
    if name != node["NAME"]:
        drive.check_free(call.portal, node["PARENT_ID"], name, kind)
    return shown(call, drive.change(call.portal, node, call.user_id, NAME=name))


def _target(call: Call, node: Node, kind: str) -> Node:
    """The folder to move or copy to: never the same one or one below it, where neither would have an end."""
    parent = node_of(call, FOLDER, "targetFolderId", 1)
    if node["ID"] in drive.way(call.portal, parent):
        raise RestError(400, "DISK_OBJ_22000", "Could not put folder into itself")
    drive.check_free(call.portal, parent["ID"], node["NAME"], kind)
    return parent


def _moved(call: Call, kind: str) -> Any:
    node = node_of(call, kind)
    _no_root(node, "move")
    parent = _target(call, node, kind)
    return shown(call, drive.change(call.portal, node, call.user_id, PARENT_ID=parent["ID"],
                                    STORAGE_ID=parent["STORAGE_ID"]))  # fmt: skip


def _copied(call: Call, kind: str) -> Any:
    node = node_of(call, kind)
    return shown(call, drive.copy(call.portal, node, _target(call, node, kind), call.user_id))


def _trashed(call: Call, kind: str) -> Any:
    node = node_of(call, kind)
    _no_root(node)
    trash = {"DELETED_TYPE": 3, "DELETE_TIME": call.portal.now(), "DELETED_BY": call.user_id}
    return shown(call, drive.change(call.portal, node, call.user_id, **trash))


def _restored(call: Call, kind: str) -> Any:
    return shown(call, drive.change(call.portal, node_of(call, kind), call.user_id, DELETED_TYPE=0, DELETE_TIME=None))


def _external(call: Call, kind: str) -> Any:
    node = node_of(call, kind)
    return f"{call.identity.links.base_url}/~{call.portal.sign(str(node['ID']))[:5]}"


def _no_root(node: Node, deed: str = "delete") -> None:
    if not node["PARENT_ID"]:
        raise RestError(400, "DISK_OBJ_22000", f"Could not {deed} root folder")


for _kind in (FOLDER, FILE):
    for _action, _handler in (("rename", _renamed), ("moveTo", _moved), ("copyTo", _copied), ("markDeleted", _trashed),
                              ("restore", _restored), ("getExternalLink", _external)):  # fmt: skip

        @method(f"disk.{_kind}.{_action}", SCOPE, writes=_action != "getExternalLink")
        def act(call: Call, handler: Any = _handler, kind: str = _kind) -> Any:
            return handler(call, kind)


@method("disk.folder.deleteTree", SCOPE, writes=True)
def folder_delete(call: Call) -> Any:
    node = node_of(call, FOLDER)
    _no_root(node)
    drive.drop(call.portal, node)
    return True


# -- files


@method("disk.file.getFields", SCOPE)
def file_fields(call: Call) -> Any:
    return _described(FILES)


@method("disk.file.get", SCOPE)
def file_get(call: Call) -> Any:
    return shown(call, node_of(call, FILE))


@method("disk.file.delete", SCOPE, writes=True)
def file_delete(call: Call) -> Any:
    node = node_of(call, FILE)
    if not is_admin(call) and node["CREATED_BY"] != call.user_id:
        raise RestError(403, "ACCESS_DENIED", "Access denied")
    drive.drop(call.portal, node)
    return True
