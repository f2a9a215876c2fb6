"""sonet_group.* and socialnetwork.api.workgroup.*: groups and projects of employees.

Vendor documentation, "Рабочие группы и проекты": https://apidocs.bitrix24.ru/api-reference/sonet-group/

Who is added by an administrator is a member at once; an invitation waits for an answer, which nobody gives.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sandbox.bitrix24.call import Call, as_number, is_admin, offset_of
from sandbox.bitrix24.envelope import PAGE_SIZE, RestError, classic, page
from sandbox.bitrix24.filters import Column, compile_filter, compile_order, run
from sandbox.bitrix24.methods.registry import method
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.store import Record
from sandbox.bitrix24.values import moment_text

SCOPE, TABLE = "sonet_group", "workgroup"
OWNER, MODERATOR, MEMBER, INVITED = "A", "E", "K", "Z"
FLAGS = {"VISIBLE": "Y", "OPENED": "N", "CLOSED": "N", "PROJECT": "N", "ACTIVE": "Y"}
KINDS = {"ID": "integer", "NAME": "string", "OWNER_ID": "integer", "DATE_CREATE": "datetime",
         "DATE_UPDATE": "datetime", "DATE_ACTIVITY": "datetime", "KEYWORDS": "string",
         **dict.fromkeys(FLAGS, "string")}  # fmt: skip


def new_group(portal: Portal, name: str, owner: int, **more: Any) -> int:
    now = portal.now()
    fresh = {**FLAGS, "NAME": name, "OWNER_ID": owner, "INITIATE_PERMS": "K", "DATE_CREATE": now, "DATE_UPDATE": now,
             "DATE_ACTIVITY": now, "MEMBERS": {str(owner): OWNER}}  # fmt: skip
    return portal.put(TABLE, {**fresh, **more})


def _named(call: Call, verb: str = "") -> Record:
    """The group of the call; with a verb, when the caller may do that to it."""
    record = call.portal.get(TABLE, as_number(call.get("GROUP_ID")) or 0)
    if record is None:
        raise classic("Wrong group ID" if not as_number(call.get("GROUP_ID")) else "Socialnetwork group not found")
    if verb and record["OWNER_ID"] != call.user_id and not is_admin(call):
        raise classic(f"User has no permissions to {verb} group")
    return record


def _values(call: Call) -> Record:
    values = {name: "Y" if call.text(name) in ("Y", "True", "1") else "N" for name in FLAGS if name in call.params}
    texts = {name: call.text(name) for name in ("NAME", "DESCRIPTION", "KEYWORDS", "INITIATE_PERMS")
             if name in call.params}  # fmt: skip
    return {**values, **texts}


def _roles(record: Record, *roles: str) -> list[int]:
    return [int(user) for user, role in record["MEMBERS"].items() if role in roles]


def _members(record: Record) -> list[int]:
    return _roles(record, OWNER, MODERATOR, MEMBER)


def _seen(call: Call, record: Record) -> bool:
    return record["VISIBLE"] == "Y" or call.user_id in _members(record) or is_admin(call)


@method("sonet_group.create", SCOPE, writes=True)
def group_create(call: Call) -> Any:
    values = _values(call)
    if not values.get("NAME"):
        raise classic("Cannot create group")
    owner = as_number(call.get("OWNER_ID")) if is_admin(call) else None
    if owner and call.portal.get("user", owner) is None:
        raise classic("Cannot create group")
    name = values.pop("NAME")
    return new_group(call.portal, name, owner or call.user_id, **values)


@method("sonet_group.update", SCOPE, writes=True)
def group_update(call: Call) -> Any:
    record = _named(call, "update")
    call.portal.patch(TABLE, record["ID"], {**_values(call), "DATE_UPDATE": call.portal.now()})
    return record["ID"]


@method("sonet_group.delete", SCOPE, writes=True)
def group_delete(call: Call) -> Any:
    call.portal.drop(TABLE, _named(call, "delete")["ID"])
    return True


@method("sonet_group.setowner", SCOPE, writes=True)
def group_set_owner(call: Call) -> Any:
    record = _named(call, "update")
    owner = as_number(call.get("USER_ID")) or 0
    if call.portal.get("user", owner) is None:
        raise classic("User not found")
    members = {**record["MEMBERS"], str(record["OWNER_ID"]): MODERATOR, str(owner): OWNER}
    call.portal.patch(TABLE, record["ID"], {"OWNER_ID": owner, "MEMBERS": members})
    return True


def _column(name: str) -> Column | None:
    return Column(name.upper(), KINDS[name.upper()]) if name.upper() in KINDS else None


def _matching(call: Call, tree: Any, order: Any) -> tuple[list[Record], int, int]:
    query = compile_filter(tree, _column, call.portal.zone, strict=False)
    query.predicates.append(lambda record: _seen(call, record))
    offset = offset_of(call, paged=True)
    sort = compile_order(order, _column, strict=False)
    found, total = run(call.portal.table(TABLE), query, sort, offset=offset, limit=PAGE_SIZE)
    return found, total, offset


@method("sonet_group.get", SCOPE)
def group_get(call: Call) -> Any:
    found, total, offset = _matching(call, call.get("FILTER"), call.get("ORDER"))
    zone = call.portal.zone
    shown = [
        {
            "ID": str(one["ID"]), "SITE_ID": "s1", "NAME": one["NAME"], "DESCRIPTION": one.get("DESCRIPTION"),
            **{name: moment_text(one[name], zone) for name in ("DATE_CREATE", "DATE_UPDATE")},
            **{name: one[name] for name in ("ACTIVE", "VISIBLE", "OPENED", "CLOSED")}, "SUBJECT_ID": "1",
            "OWNER_ID": str(one["OWNER_ID"]), "KEYWORDS": one.get("KEYWORDS"),
            "NUMBER_OF_MEMBERS": str(len(_members(one))), "DATE_ACTIVITY": moment_text(one["DATE_ACTIVITY"], zone),
            "SUBJECT_NAME": "Рабочие группы", "PROJECT": one["PROJECT"], "IS_EXTRANET": "N",
        }
        for one in found
    ]  # fmt: skip
    return page(shown, total=total, offset=offset, shown=len(shown))


# -- members


@method("sonet_group.user.groups", SCOPE)
def user_groups(call: Call) -> Any:
    me = str(call.user_id)
    return [
        {"GROUP_ID": str(one["ID"]), "GROUP_NAME": one["NAME"], "ROLE": one["MEMBERS"][me], "GROUP_IMAGE_ID": None,
         "GROUP_IMAGE": ""}
        for one in call.portal.table(TABLE)
        if one["MEMBERS"].get(me) in (OWNER, MODERATOR, MEMBER)
    ]  # fmt: skip


@method("sonet_group.user.get", SCOPE)
def group_users(call: Call) -> Any:
    record = call.portal.get(TABLE, as_number(call.get("ID") or call.get("GROUP_ID")) or 0)
    if record is None:
        raise classic("Wrong group ID")
    return [{"USER_ID": user, "ROLE": role} for user, role in record["MEMBERS"].items() if role != INVITED]


def _people(call: Call) -> list[str]:
    given = call.get("USER_ID")
    numbers = [as_number(one) or 0 for one in (given if isinstance(given, list) else [given])]
    return [str(number) for number in numbers if call.portal.get("user", number) is not None]


for _name, _role in (("add", MEMBER), ("invite", INVITED)):

    @method(f"sonet_group.user.{_name}", SCOPE, writes=True)
    def users_take(call: Call, role: str = _role) -> Any:
        """Ids of those who were not in the group; adding is an administrator's alone."""
        record = _named(call, "update")
        if role == MEMBER and not is_admin(call):
            raise classic("User has no permissions to add users")
        fresh = [user for user in _people(call) if record["MEMBERS"].get(user, INVITED) == INVITED]
        call.portal.patch(TABLE, record["ID"], {"MEMBERS": {**record["MEMBERS"], **dict.fromkeys(fresh, role)}})
        return [int(user) for user in fresh]


@method("sonet_group.user.delete", SCOPE, writes=True)
def users_delete(call: Call) -> Any:
    """Ids of those who left; the owner stays."""
    record = _named(call, "update")
    gone = [user for user in _people(call) if record["MEMBERS"].get(user, OWNER) != OWNER]
    rest = {user: role for user, role in record["MEMBERS"].items() if user not in gone}
    call.portal.patch(TABLE, record["ID"], {"MEMBERS": rest})
    return [int(user) for user in gone]


@method("sonet_group.user.update", SCOPE, writes=True)
def users_update(call: Call) -> Any:
    record = _named(call, "update")
    role = call.text("ROLE")
    if role not in (MODERATOR, MEMBER):
        raise classic("Incorrect role code")
    changed = [user for user in _people(call) if record["MEMBERS"].get(user) in (MODERATOR, MEMBER)]
    call.portal.patch(TABLE, record["ID"], {"MEMBERS": {**record["MEMBERS"], **dict.fromkeys(changed, role)}})
    return [int(user) for user in changed]


# -- the newer methods


def _kind(record: Record) -> str:
    return "project" if record["PROJECT"] == "Y" else "group"


@method("socialnetwork.api.workgroup.list", SCOPE)
def workgroup_list(call: Call) -> Any:
    found, total, offset = _matching(call, call.get("filter"), call.get("order"))
    me = str(call.user_id)
    shown = [
        {"id": str(one["ID"]), "name": one["NAME"], "type": _kind(one), "imageId": None, "avatarType": None,
         "avatar": "", "additionalData": {"role": one["MEMBERS"].get(me, ""), "initiatedByType": ""}, "dialogId": ""}
        for one in found
    ]  # fmt: skip
    return page({"workgroups": shown}, total=total, offset=offset, shown=len(shown))


@method("socialnetwork.api.workgroup.get", SCOPE)
def workgroup_get(call: Call) -> Any:
    given = call.get("params")
    wanted = given.get("groupId") if isinstance(given, dict) else None
    record = call.portal.get(TABLE, as_number(wanted) or 0)
    if record is None or not _seen(call, record):
        raise RestError(400, "SONET_CONTROLLER_WORKGROUP_NOT_FOUND", "Socialnetwork group not found")
    zone = call.portal.zone
    stamps = {name: datetime.fromtimestamp(record[name], zone).strftime("%d.%m.%Y %H:%M:%S")
              for name in ("DATE_CREATE", "DATE_UPDATE", "DATE_ACTIVITY")}  # fmt: skip
    return {
        "ID": record["ID"], "ACTIVE": record["ACTIVE"], "SITE_ID": "s1", "SUBJECT_ID": 1, "NAME": record["NAME"],
        "DESCRIPTION": record.get("DESCRIPTION", ""), "KEYWORDS": record.get("KEYWORDS", ""),
        **{name: record[name] for name in ("CLOSED", "VISIBLE", "OPENED")}, **stamps, "IMAGE_ID": 0,
        "AVATAR_TYPE": "", "OWNER_ID": record["OWNER_ID"], "INITIATE_PERMS": record["INITIATE_PERMS"],
        "NUMBER_OF_MEMBERS": len(_members(record)), "NUMBER_OF_MODERATORS": len(_roles(record, OWNER, MODERATOR)),
        "PROJECT": record["PROJECT"], "PROJECT_DATE_START": None, "PROJECT_DATE_FINISH": None,
        "SEARCH_INDEX": record["NAME"], "LANDING": "N", "SCRUM_OWNER_ID": 0, "SCRUM_SPRINT_DURATION": 0,
        "SCRUM_TASK_RESPONSIBLE": "", "TYPE": _kind(record), "MEMBERS": _members(record),
        "ORDINARY_MEMBERS": _roles(record, MEMBER), "INVITED_MEMBERS": _roles(record, INVITED),
        "MODERATOR_MEMBERS": _roles(record, MODERATOR), "SITE_IDS": ["s1"],
    }  # fmt: skip
