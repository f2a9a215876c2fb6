"""Methods about boxes and partners: the directory, relations, invitations and their end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.core.wire import BadRequestError, Reply, Request
from sandbox.diadoc import wire
from sandbox.diadoc.book import Book
from sandbox.diadoc.gate import ApiError, Call, Gate
from sandbox.diadoc.records import INVITED, PARTNER, Organization

ROWS_MAX = 100
TEXT_CHARS_MAX = 2000
INNS_MAX = 500
Method = tuple[str, str, Callable[[Request], Any]]


class Parties:
    """The methods, for the table of addresses."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def methods(self, gate: Gate) -> tuple[Method, ...]:
        of = gate.handler
        return (
            ("GET", "GetMyOrganizations", of("organizations", self._organizations, box="")),
            ("GET", "GetOrganizationsByInnKpp", of("find_boxes", self._find_boxes, box="")),
            (
                "POST",
                "V2/GetOrganizationsByInnList",
                of("find_boxes_of_many", self._of_many, box="myBoxId", json_body=True),
            ),
            ("GET", "GetOrganization", of("organization", self._organization, box="")),
            ("GET", "GetBox", of("box", self._box, box="")),
            ("GET", "V3/GetCounteragent", of("relation", self._relation, box="myBoxId")),
            ("GET", "V3/GetCounteragents", of("relations", self._relations, box="myBoxId")),
            ("POST", "V3/AcquireCounteragent", of("invite", self._invite, box="myBoxId", json_body=True)),
            ("GET", "V2/AcquireCounteragentResult", of("invited", self._invited, box="")),
            ("POST", "V2/BreakWithCounteragent", of("break", self._break, box="myBoxId")),
        )

    def _organizations(self, call: Call) -> Reply:
        return Reply(payload={"Organizations": [wire.organization(call.account.organization)]})

    def _find_boxes(self, call: Call) -> Reply:
        inn, kpp = call.asked("inn"), call.query.get("kpp", "")
        found = [one for one in call.account.partners.values() if one.inn == inn and (not kpp or one.kpp in ("", kpp))]
        return Reply(payload={"Organizations": [wire.organization(one) for one in found]})

    def _of_many(self, call: Call) -> Reply:
        """A row for each box of each INN, in the order of asking; an unknown INN has none."""
        inns = call.json().get("InnList")
        if not isinstance(inns, list) or not 1 <= len(inns) <= INNS_MAX:
            raise ApiError(400, f"InnList: от 1 до {INNS_MAX} ИНН")
        found = [one for inn in inns for one in call.account.partners.values() if one.inn == inn]
        rows = [
            {"Organization": wire.organization(one), "CounteragentStatus": call.account.relation(one.box_id)}
            for one in found
        ]
        return Reply(payload={"Organizations": rows})

    def _organization(self, call: Call) -> Reply:
        """One organisation, by its id, its box or its INN and KPP."""
        query, kpp = call.query, call.query.get("kpp", "")
        known = (call.account.organization, *call.account.partners.values())
        if query.get("orgid") or query.get("boxid"):
            wanted = query.get("orgid") or query.get("boxid")
            found = [one for one in known if one.box_id == wanted]
        else:
            inn = call.asked("inn")
            found = [one for one in known if one.inn == inn and (not kpp or one.kpp == kpp)]
        if not found:
            raise ApiError(404, "Организация не найдена")
        return Reply(payload=wire.organization(found[0]))

    def _box(self, call: Call) -> Reply:
        own, wanted = call.account.organization, call.asked("boxId")
        one = own if wanted == own.box_id else call.account.partners[self._partner(call, wanted)]
        whole = wire.organization(one)
        return Reply(payload={**whole["Boxes"][0], "Organization": whole})

    def _relation(self, call: Call) -> Reply:
        return Reply(payload=self._row(call, self._partner(call, call.asked("counteragentBoxId"))))

    def _relations(self, call: Call) -> Reply:
        """Those that one has a relation to, a hundred a page; `query` is an INN or a part of the name."""
        status, words = call.query.get("counteragentstatus", ""), call.query.get("query", "").casefold()
        start = _place(call.query.get("afterindexkey", ""))
        boxes = list(call.account.partners)
        rows = [
            (place, one)
            for place, one in enumerate(call.account.partners.values(), 1)
            if call.account.relation(one.box_id) != "NotInCounteragentList"
            and status in ("", call.account.relation(one.box_id))
            and words in f"{one.inn} {one.name} {one.full_name}".casefold()
        ]
        page = [self._row(call, boxes[place - 1], place) for place, _ in rows if place > start][:ROWS_MAX]
        return Reply(payload={"TotalCount": len(rows), "TotalCountType": "Equal", "Counteragents": page})

    @staticmethod
    def _row(call: Call, box: str, place: int = 1) -> dict[str, Any]:
        return {
            "IndexKey": wire.index_key(place),
            "Organization": wire.organization(call.account.partners[box]),
            "CurrentStatus": call.account.relation(box),
        }

    def _invite(self, call: Call) -> Reply:
        """By a box, an organisation or an INN. What is there already is left as it is."""
        body = call.json()
        partner = self._named(call, body)
        if len(str(body.get("MessageToCounteragent") or "")) > TEXT_CHARS_MAX:
            raise ApiError(400, f"Текст приглашения длиннее {TEXT_CHARS_MAX} символов")
        box = partner.box_id
        present = call.account.relation(box)
        if partner.roaming and not partner.joined:
            raise ApiError(409, "Роуминг с оператором контрагента не настроен")
        if present == "RejectsMe":
            raise ApiError(409, "Контрагент заблокировал взаимодействие")
        if present not in (PARTNER, INVITED):
            self._book.relate(call.account, box, PARTNER if present == "InvitesMe" else INVITED)
        task_id = self._book.new_id(call.account, "task")
        self._book.begin_task(call.account, task_id, box)
        return Reply(payload={"TaskId": task_id}, note={"relation": call.account.relation(box)})

    def _named(self, call: Call, body: dict[str, Any]) -> Organization:
        box = str(body.get("BoxId") or body.get("OrgId") or "")
        if box:
            return call.account.partners[self._partner(call, box)]
        if not body.get("Inn"):
            raise ApiError(400, "Нужен Inn, OrgId или BoxId")
        found = [one for one in call.account.partners.values() if one.inn == body["Inn"] and one.active]
        if not found:
            raise ApiError(404, "Организация не найдена")
        return min(found, key=lambda one: one.roaming)

    def _invited(self, call: Call) -> Reply:
        task = call.account.tasks.get(call.asked("taskId"))
        if task is None:
            raise ApiError(404, "Задача не найдена")
        if self._book.now_unix < task["due_unix"]:
            raise ApiError(204, "", "", 2)
        return Reply(payload={"BoxId": task["box_id"], "InvitationDocumentId": None})

    def _break(self, call: Call) -> Reply:
        box = self._partner(call, call.asked("counteragentBoxId"))
        if len(call.query.get("comment", "")) > TEXT_CHARS_MAX:
            raise ApiError(400, f"Комментарий длиннее {TEXT_CHARS_MAX} символов")
        self._book.relate(call.account, box, "IsRejectedByMe")
        return Reply(payload=None, body=b"", note={"relation": "IsRejectedByMe"})

    @staticmethod
    def _partner(call: Call, box: str) -> str:
        if box not in call.account.partners:
            raise ApiError(404, "Ящик не найден")
        return box


def _place(key: str) -> int:
    try:
        return wire.place_of(key) if key else 0
    except BadRequestError as error:
        raise ApiError(400, "Неверный afterIndexKey") from error
