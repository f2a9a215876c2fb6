"""The portal's drive: storages, folders, files with their versions, both ways of uploading."""

from __future__ import annotations

import base64
from typing import Any

from tests.sandbox.bitrix24.application import Application
from tests.sandbox.bitrix24.client import PDF, PortalClient

CONTENT = base64.b64encode(PDF).decode()


async def _root(crm: PortalClient) -> dict[str, Any]:
    storages = await crm.result("disk.storage.getList", {"filter": {"ENTITY_TYPE": "common"}})
    (storage,) = storages
    found: dict[str, Any] = storage
    return found


async def _folder(crm: PortalClient, name: str = "Счета") -> dict[str, Any]:
    params = {"id": (await _root(crm))["ID"], "data": {"NAME": name}}
    made: dict[str, Any] = await crm.result("disk.storage.addFolder", params)
    return made


async def test_each_employee_has_a_storage_and_the_company_one(crm: PortalClient) -> None:
    storages = await crm.result("disk.storage.getlist")
    assert [(one["ENTITY_TYPE"], one["ENTITY_ID"]) for one in storages] == [
        ("common", "shared_files_s1"), ("user", "1"), ("user", "7"), ("user", "9"),
    ]  # fmt: skip
    assert (await crm.result("disk.storage.get", {"id": storages[0]["ID"]}))["MODULE_ID"] == "disk"
    refused = await crm.refused("disk.storage.get", {"id": 999})
    assert refused == (400, "ERROR_NOT_FOUND", "Could not find entity with id `999`")
    assert (await crm.refused("disk.storage.get"))[1] == "ERROR_ARGUMENT"


async def test_an_application_has_a_storage_of_its_own(app: Application, crm: PortalClient) -> None:
    own = await app.result("disk.storage.getforapp")
    assert own["ENTITY_TYPE"] == "restapp"
    assert (await app.result("disk.storage.rename", {"id": own["ID"], "newName": "Бухгалтерия"}))[
        "NAME"
    ] == "Бухгалтерия"
    assert (await crm.refused("disk.storage.getforapp"))[:2] == (403, "ACCESS_DENIED")


async def test_a_file_is_put_into_a_folder_and_fetched(crm: PortalClient) -> None:
    folder = await _folder(crm)
    params = {"id": folder["ID"], "data": {"NAME": "счёт.pdf"}, "fileContent": ["x.pdf", CONTENT]}
    file = await crm.result("disk.folder.uploadFile", params)
    assert (file["NAME"], file["SIZE"], file["PARENT_ID"]) == ("счёт.pdf", str(len(PDF)), folder["ID"])
    assert (await crm.sandbox.client.get(file["DOWNLOAD_URL"])).content == PDF
    assert (await crm.refused("disk.folder.uploadFile", params))[1] == "DISK_OBJ_22000"
    again = await crm.result("disk.folder.uploadFile", {**params, "generateUniqueName": True})
    assert again["NAME"] == "счёт (1).pdf"
    children = await crm.call("disk.folder.getChildren", {"id": folder["ID"], "filter": {"TYPE": "file"}})
    assert ([one["ID"] for one in children["result"]], children["total"]) == ([file["ID"], again["ID"]], 2)


async def test_a_file_is_posted_as_a_form_to_the_address_that_was_given(crm: PortalClient) -> None:
    folder = await _folder(crm)
    given = await crm.result("disk.folder.uploadFile", {"id": folder["ID"]})
    form = {given["field"]: ("акт.pdf", PDF)}
    answer = (await crm.sandbox.client.post(given["uploadUrl"], files=form)).json()["result"]
    assert (answer["NAME"], answer["PARENT_ID"]) == ("акт.pdf", folder["ID"])
    assert (await crm.sandbox.client.get(answer["DOWNLOAD_URL"])).content == PDF
    strange = given["uploadUrl"].rpartition("token=")[0] + "token=disk%7Cx%7Cy"
    assert (await crm.sandbox.client.post(strange, files=form)).status_code == 403


async def test_files_have_versions(crm: PortalClient) -> None:
    folder = await _folder(crm)
    params = {"id": folder["ID"], "data": {"NAME": "a.txt"}, "fileContent": ["a.txt", CONTENT]}
    file = await crm.result("disk.folder.uploadFile", params)
    newer = {"id": file["ID"], "fileContent": ["a.txt", base64.b64encode(b"second").decode()]}
    assert (await crm.result("disk.file.uploadVersion", newer))["GLOBAL_CONTENT_VERSION"] == "2"
    versions = await crm.result("disk.file.getVersions", {"id": file["ID"]})
    assert [one["SIZE"] for one in versions] == ["6", str(len(PDF))]
    back = {"id": file["ID"], "versionId": versions[1]["ID"]}
    assert (await crm.result("disk.file.restoreFromVersion", back))["SIZE"] == str(len(PDF))


async def test_folders_are_copied_moved_trashed_and_deleted_with_all_below(crm: PortalClient) -> None:
    folder, other = await _folder(crm), await _folder(crm, "Архив")
    await crm.result("disk.folder.addSubFolder", {"id": folder["ID"], "data": {"NAME": "Май"}})
    copied = await crm.result("disk.folder.copyTo", {"id": folder["ID"], "targetFolderId": other["ID"]})
    (below,) = await crm.result("disk.folder.getChildren", {"id": copied["ID"]})
    assert below["NAME"] == "Май"
    gone = await crm.result("disk.folder.markDeleted", {"id": below["ID"]})
    assert (gone["DELETED_TYPE"], gone["DELETED_BY"]) == ("3", "1")
    assert await crm.result("disk.folder.getChildren", {"id": copied["ID"]}) == []
    assert (await crm.result("disk.folder.restore", {"id": below["ID"]}))["DELETED_TYPE"] == "0"
    assert await crm.result("disk.folder.deleteTree", {"id": other["ID"]}) is True
    assert (await crm.refused("disk.folder.get", {"id": below["ID"]}))[1] == "ERROR_NOT_FOUND"
    root = (await _root(crm))["ROOT_OBJECT_ID"]
    assert (await crm.refused("disk.folder.deleteTree", {"id": root}))[1] == "DISK_OBJ_22000"
    (below,) = await crm.result("disk.folder.getChildren", {"id": folder["ID"]})
    for moved in (root, folder["ID"]):
        into = {"id": moved, "targetFolderId": below["ID"]}
        assert (await crm.refused("disk.folder.moveTo", into))[:2] == (400, "DISK_OBJ_22000")
        assert (await crm.refused("disk.folder.copyTo", into))[:2] == (400, "DISK_OBJ_22000")


async def test_a_file_of_the_drive_is_attached_to_a_task(crm: PortalClient) -> None:
    folder = await _folder(crm)
    file = await crm.result("disk.folder.uploadFile", {"id": folder["ID"], "fileContent": ["a.pdf", CONTENT]})
    task = (await crm.result("tasks.task.add", {"fields": {"TITLE": "Счёт", "RESPONSIBLE_ID": 1}}))["task"]["id"]
    made = await crm.result("tasks.task.files.attach", {"taskId": task, "fileId": file["ID"]})
    attached = await crm.result("disk.attachedObject.get", {"id": made["attachmentId"]})
    assert (attached["ENTITY_ID"], attached["NAME"]) == (task, "a.pdf")


async def test_a_task_is_made_with_files_of_the_drive(crm: PortalClient) -> None:
    folder = await _folder(crm)
    file = await crm.result("disk.folder.uploadFile", {"id": folder["ID"], "fileContent": ["b.pdf", CONTENT]})
    fields = {"TITLE": "Счёт", "RESPONSIBLE_ID": 1, "UF_TASK_WEBDAV_FILES": [f"n{file['ID']}", "n999999", "ns"]}
    task = (await crm.result("tasks.task.add", {"fields": fields}))["task"]["id"]
    asked = {"taskId": task, "select": ["ID", "UF_TASK_WEBDAV_FILES"]}
    (tie,) = (await crm.result("tasks.task.get", asked))["task"]["ufTaskWebdavFiles"]
    assert (await crm.result("disk.attachedObject.get", {"id": tie}))["OBJECT_ID"] == str(file["ID"])
    changes = {"taskId": task, "fields": {"UF_TASK_WEBDAV_FILES": [str(tie), f"n{file['ID']}"]}}
    assert await crm.result("tasks.task.update", changes)
    ties = (await crm.result("tasks.task.get", asked))["task"]["ufTaskWebdavFiles"]
    assert (len(ties), str(ties[0])) == (2, str(tie))
