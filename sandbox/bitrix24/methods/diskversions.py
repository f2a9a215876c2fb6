"""disk.version.*, disk.attachedObject.* and the versions of a file: what was in it, and what it is attached to.

Vendor documentation, "Диск": https://apidocs.bitrix24.ru/api-reference/disk/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.bitrix24 import drive, files
from sandbox.bitrix24.call import Call, as_number
from sandbox.bitrix24.drive import FILE
from sandbox.bitrix24.envelope import RestError, missing_parameter, page, wrong_parameter
from sandbox.bitrix24.methods.disk import SCOPE, TAKE, UPLOAD, absent, link_to, missing, node_of, number_of, shown, take
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.methods.tasks import task_of
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import moment_text


def _version(call: Call, record: Record) -> Record:
    held = call.portal.table("file").records[record["FILE_ID"]]
    return {
        "ID": str(record["ID"]), "OBJECT_ID": str(record["OBJECT_ID"]), "SIZE": str(held["SIZE"]),
        "NAME": held["NAME"], "GLOBAL_CONTENT_VERSION": str(record["VERSION"]),
        "CREATE_TIME": moment_text(held["DATE"], call.portal.zone), "CREATED_BY": str(held["AUTHOR_ID"]),
        "DOWNLOAD_URL": link_to(call, record, record["FILE_ID"]),
    }  # fmt: skip


@method("disk.file.getVersions", SCOPE)
def file_versions(call: Call) -> Any:
    node = node_of(call, FILE)
    found = [one for one in call.portal.table("diskversion") if one["OBJECT_ID"] == node["ID"]]
    shown_versions = [_version(call, one) for one in reversed(found)]
    return page(shown_versions, total=len(found), offset=0, shown=len(found))


@method("disk.version.get", SCOPE)
def version_get(call: Call) -> Any:
    number = number_of(call, "id")
    record = call.portal.get("diskversion", number)
    if record is None:
        raise absent(number)
    return _version(call, record)


@method("disk.file.uploadVersion", SCOPE, writes=True)
def file_upload_version(call: Call) -> Any:
    node = node_of(call, FILE)
    given = call.get(TAKE)
    pair = files.decode_pair(given) or files.decode_pair([node["NAME"], given])
    if pair is None:
        raise missing(1)
    return shown(call, drive.new_version(call.portal, node, pair[0] or node["NAME"], pair[1], call.user_id))


@method("disk.file.restoreFromVersion", SCOPE, writes=True)
def file_restore_version(call: Call) -> Any:
    node, number = node_of(call, FILE), number_of(call, "versionId", 1)
    record = call.portal.get("diskversion", number)
    if record is None:
        raise absent(number)
    if record["OBJECT_ID"] != node["ID"]:
        raise RestError(400, "DISK_FILE_22004", "Невозможно восстановить версию из другого файла")
    held = call.portal.table("file").records[record["FILE_ID"]]
    content = call.portal.ground.bytes_of(held["SHA256"])
    return shown(call, drive.new_version(call.portal, node, node["NAME"], content, call.user_id))


# -- attached to tasks


@method("tasks.task.files.attach", "task", writes=True)
def attach_to_task(call: Call) -> Any:
    task = task_of(call)
    if call.get("fileId") is None:
        raise missing_parameter("fileId")
    number = call.number("fileId")
    if number is None:
        raise wrong_parameter("fileId", call.get("fileId"), "int")
    made = drive.attach(call.portal, number, task["ID"], call.user_id)
    if made is None:
        raise RestError(400, "ERROR_CORE", "Недостаточно прав.<br>")
    call.portal.patch("task", task["ID"], {"UF_TASK_WEBDAV_FILES": [*task.get("UF_TASK_WEBDAV_FILES", []), str(made)]})
    return {"attachmentId": made}


@method("disk.attachedObject.get", SCOPE)
def attached_get(call: Call) -> Any:
    number = number_of(call, "id")
    record = call.portal.get("attachment", number)
    node = None if record is None else call.portal.get("diskobject", record["OBJECT_ID"])
    if record is None or node is None:
        raise absent(number)
    return {
        "ID": str(record["ID"]), "OBJECT_ID": str(record["OBJECT_ID"]), "MODULE_ID": record["MODULE_ID"],
        "ENTITY_TYPE": record["ENTITY_TYPE"], "ENTITY_ID": str(record["ENTITY_ID"]),
        "CREATE_TIME": moment_text(record["CREATE_TIME"], call.portal.zone), "CREATED_BY": str(record["CREATED_BY"]),
        "DOWNLOAD_URL": link_to(call, node, node["FILE_ID"]), "NAME": node["NAME"],
        "SIZE": str(call.portal.table("file").records[node["FILE_ID"]]["SIZE"]),
    }  # fmt: skip


# -- what a form posts to an address that was given out

Taker = Callable[[Call, dict[str, str], str, bytes], Any]
"""(call, what the address says, the file's name, its content)."""


def _invalid() -> RestError:
    return RestError(403, "INVALID_TOKEN", "Invalid token")


def _into_folder(call: Call, query: dict[str, str], name: str, content: bytes) -> Any:
    parent = call.portal.get("diskobject", as_number(query.get("id")) or 0)
    if parent is None:
        raise _invalid()
    return take(call, parent, name, content, unique=query.get("unique") == "1")


UPLOADS: dict[str, Taker] = {SCOPE: _into_folder}
"""By the scope that stands first in the address's token; its signature is the right to post."""


@method(UPLOAD, "", batch=False, writes=True)
def upload(call: Call) -> Any:
    token = call.text("token")
    query = files.read_token(call.portal, UPLOAD, token)
    taker = UPLOADS.get(token.partition(files.TOKEN_SEPARATOR)[0])
    if query is None or taker is None:
        raise _invalid()
    pair = files.decode_pair(call.get("file"))
    if pair is None:
        raise missing(0)
    return taker(call, query, *pair)
