"""The portal's drive: storages with a tree of folders and files each, contents as versions."""

from __future__ import annotations

from typing import Any

from sandbox.bitrix24 import files
from sandbox.bitrix24.envelope import RestError
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record

Node = Record
FOLDER, FILE = "folder", "file"
STAYS = "shared_files_s1"


def open_storages(portal: Portal) -> None:
    """The common storage and one for each employee are there as soon as anyone looks."""
    if not portal.table("storage"):
        storage_of(portal, "common", STAYS, "Общий диск")
    have = {one["ENTITY_ID"] for one in portal.table("storage") if one["ENTITY_TYPE"] == "user"}
    for user in list(portal.table("user")):
        if str(user["ID"]) not in have:
            storage_of(portal, "user", str(user["ID"]), portal.user_name(user["ID"]))


def storage_of(portal: Portal, kind: str, owner: str, name: str) -> Record:
    """The storage of an owner, made where there is none."""
    for one in portal.table("storage"):
        if (one["ENTITY_TYPE"], one["ENTITY_ID"]) == (kind, owner):
            return one
    number = portal.table("storage").last_id + 1
    root = portal.put("diskobject", {**_stamps(portal, 0), "NAME": name, "TYPE": FOLDER, "STORAGE_ID": number,
                                     "PARENT_ID": 0})  # fmt: skip
    portal.put("storage", {"NAME": name, "ENTITY_TYPE": kind, "ENTITY_ID": owner, "ROOT_OBJECT_ID": root}, number)
    return portal.table("storage").records[number]


def _stamps(portal: Portal, user: int) -> Record:
    now = portal.now()
    return {"CREATE_TIME": now, "UPDATE_TIME": now, "CREATED_BY": user, "UPDATED_BY": user, "DELETED_TYPE": 0}


def children(portal: Portal, parent: int) -> list[Node]:
    return portal.table("diskobject").find("PARENT_ID", parent)


def way(portal: Portal, node: Node) -> list[int]:
    """Ids from a folder up to the root of its storage."""
    ids = [int(node["ID"])]
    while parent := portal.table("diskobject").records[ids[-1]]["PARENT_ID"]:
        ids.append(int(parent))
    return ids


def check_free(portal: Portal, parent: int, name: str, kind: str) -> None:
    """A folder has each name once."""
    for node in children(portal, parent):
        if node["NAME"].casefold() == name.casefold() and not node["DELETED_TYPE"]:
            noun = "Папка" if kind == FOLDER else "Файл"
            raise RestError(400, "DISK_OBJ_22000", f"{noun} с таким именем уже есть. (DISK_OBJ_22000)")


def free_name(portal: Portal, parent: int, name: str) -> str:
    """The name with a number where it is taken: `отчёт (1).txt`."""
    taken = {node["NAME"].casefold() for node in children(portal, parent)}
    stem, dot, ending = name.rpartition(".")
    stem, ending = (stem, dot + ending) if dot else (name, "")
    number, tried = 0, name
    while tried.casefold() in taken:
        number += 1
        tried = f"{stem} ({number}){ending}"
    return tried


def _made(portal: Portal, values: Record) -> Node:
    return portal.table("diskobject").records[portal.put("diskobject", values)]


def add_folder(portal: Portal, parent: Node, name: str, user: int) -> Node:
    return _made(portal, {**_stamps(portal, user), "NAME": name, "TYPE": FOLDER, "STORAGE_ID": parent["STORAGE_ID"],
                          "PARENT_ID": parent["ID"]})  # fmt: skip


def add_file(portal: Portal, parent: Node, name: str, content: bytes, user: int) -> Node:
    """A file with its first version."""
    number = portal.table("diskobject").last_id + 1
    held = files.keep(portal, name, content, f"disk:{number}", user)
    node = _made(portal, {**_stamps(portal, user), "NAME": name, "TYPE": FILE, "STORAGE_ID": parent["STORAGE_ID"],
                          "PARENT_ID": parent["ID"], "FILE_ID": held, "VERSION": 1})  # fmt: skip
    portal.put("diskversion", {"OBJECT_ID": node["ID"], "FILE_ID": held, "VERSION": 1})
    return node


def new_version(portal: Portal, node: Node, name: str, content: bytes, user: int) -> Node:
    held = files.keep(portal, name, content, f"disk:{node['ID']}", user)
    version = node["VERSION"] + 1
    portal.put("diskversion", {"OBJECT_ID": node["ID"], "FILE_ID": held, "VERSION": version})
    return change(portal, node, user, FILE_ID=held, VERSION=version)


def change(portal: Portal, node: Node, user: int, **values: Any) -> Node:
    stamped = {**values, "UPDATE_TIME": portal.now(), "UPDATED_BY": user}
    portal.patch("diskobject", node["ID"], stamped)
    if "STORAGE_ID" in values:
        for below in children(portal, node["ID"]):
            change(portal, below, user, STORAGE_ID=values["STORAGE_ID"])
    return portal.table("diskobject").records[node["ID"]]


def copy(portal: Portal, node: Node, parent: Node, user: int) -> Node:
    """A copy with all that is below it; of a file only the newest content."""
    if node["TYPE"] == FILE:
        content = portal.ground.bytes_of(portal.table("file").records[node["FILE_ID"]]["SHA256"])
        return add_file(portal, parent, node["NAME"], content, user)
    below = children(portal, node["ID"])
    made = add_folder(portal, parent, node["NAME"], user)
    for one in below:
        copy(portal, one, made, user)
    return made


def drop(portal: Portal, node: Node) -> None:
    for below in children(portal, node["ID"]):
        drop(portal, below)
    for version in [one for one in portal.table("diskversion") if one["OBJECT_ID"] == node["ID"]]:
        if portal.get("file", version["FILE_ID"]) is not None:
            portal.drop("file", version["FILE_ID"])
        portal.drop("diskversion", version["ID"])
    portal.drop("diskobject", node["ID"])


# -- what files are attached to


def attach(
    portal: Portal, number: int, owner: int, user: int, kind: tuple[str, str] = ("tasks_task", "tasks")
) -> int | None:
    """The new tie between a file of the drive and a task, or what else `kind` names with its module; None when there
    is no such file."""
    node = portal.get("diskobject", number)
    if node is None or node["TYPE"] != FILE:
        return None
    values: Record = {"OBJECT_ID": number, "ENTITY_TYPE": kind[0], "ENTITY_ID": owner, "MODULE_ID": kind[1],
                      "CREATED_BY": user, "CREATE_TIME": portal.now()}  # fmt: skip
    return portal.put("attachment", values)


def attachments(portal: Portal, named: list[str], task: int, user: int) -> list[str]:
    """Ids of ties: `n` and the id of a file makes a new one, a bare id keeps one that is there."""
    found: list[str] = []
    for name in named:
        digits = name.removeprefix("n")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
            continue
        made = attach(portal, int(digits), task, user) if name.startswith("n") else int(digits)
        if made is not None and portal.get("attachment", made) is not None:
            found.append(str(made))
    return found
