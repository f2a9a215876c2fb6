"""What people do in Diadoc, ours and the partner's, as control calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.core.wire import BadRequestError, Reply, Request, Route
from sandbox.core.world import World
from sandbox.diadoc import wire
from sandbox.diadoc.book import ACCESS, Book
from sandbox.diadoc.records import RELATIONS, Account, Document, dials_from, organization_from
from sandbox.diadoc.sending import WAITING, Sending

Described = Callable[[Account, str], dict[str, Any]]
Opened = Callable[[dict[str, Any]], Account]


class Control:
    """Routes under /control/diadoc; `{document}` is an id or a number."""

    def __init__(self, world: World, book: Book, sending: Sending, opened: Opened, described: Described) -> None:
        self._world, self._book, self._sending = world, book, sending
        self._opened, self._described = opened, described

    def routes(self) -> list[Route]:
        of = "/{account}/documents/{document}"
        return [
            Route("GET", "/accounts", self._list, "boxes with credentials"),
            Route("POST", "/accounts", self._open, "open a box", {"title": "ООО «Вектор»", "inn": "7709123453",
                  "kpp": "770901001"}),
            Route("POST", "/{account}/dials", self._dials, "how the box behaves", {"delivery_seconds": 60}),
            Route("POST", "/{account}/tokens/expire", self._expire, "end all access tokens"),
            Route("POST", "/{account}/partners", self._partner, "an organisation of the directory", {
                  "inn": "7801456782", "kpp": "780101001", "name": "ООО «Север»", "roaming": False, "active": True,
                  "sociability": "CounteragentsOnly", "relation": "NotInCounteragentList"}),
            Route("POST", "/{account}/partners/{inn}/relation", self._relation, "the partner accepts or refuses",
                  {"relation": "IsMyCounteragent"}),
            Route("POST", f"{of}/sign", self._sign, "a person signs: by us (it is sent) or by the partner",
                  {"by": "us"}),
            Route("POST", f"{of}/refuse", self._refuse, "the partner refuses", {"text": "Неверная сумма"}),
            Route("POST", f"{of}/roam", self._roam, "the other operator took it, or not", {"result": "error"}),
            Route("POST", f"{of}/revoke", self._revoke, "revocation: requested, accepted, rejected",
                  {"state": "accepted"}),
            Route("POST", f"{of}/delete", self._delete, "a person deletes it"),
        ]  # fmt: skip

    async def _list(self, request: Request) -> Reply:
        rows = [self._described(one, request.base_url) for one in self._book.accounts.values()]
        return Reply(payload={"accounts": rows})

    async def _open(self, request: Request) -> Reply:
        account = self._opened(_body(request))
        return Reply(status=201, payload=self._described(account, request.base_url))

    async def _dials(self, request: Request) -> Reply:
        account = self._account(request)
        self._book.turn_dials(account, dials_from(_body(request)))
        return Reply(payload=self._described(account, request.base_url))

    async def _expire(self, request: Request) -> Reply:
        account = self._account(request)
        ended = [name for name, one in self._book.tokens.items()
                 if one["account"] == account.id and one["kind"] == ACCESS and one["alive"]]  # fmt: skip
        for token in ended:
            self._book.end_token(account, token)
        return Reply(payload={"ended": len(ended)})

    async def _partner(self, request: Request) -> Reply:
        account, body = self._account(request), _body(request)
        relation = str(body.get("relation") or "NotInCounteragentList")
        _known("relation", relation, RELATIONS)
        same = next((one for one in account.partners.values()
                     if (one.inn, one.kpp, one.roaming) == (body.get("inn"), body.get("kpp", ""),
                                                             bool(body.get("roaming")))), None)  # fmt: skip
        box_id = same.box_id if same else self._book.new_id(account, f"partner|{body.get('inn')}")
        partner = organization_from(body, box_id)
        with self._world.ledger.together():
            self._book.put_partners(account, [partner])
            self._book.relate(account, box_id, relation)
        return Reply(status=201, payload={"box_id": box_id, "inn": partner.inn, "relation": relation})

    async def _relation(self, request: Request) -> Reply:
        account, relation = self._account(request), str(_body(request).get("relation"))
        _known("relation", relation, RELATIONS)
        found = [one for one in account.partners.values() if one.inn == request.params["inn"]]
        if not found:
            raise BadRequestError(f"no partner has the INN {request.params['inn']}")
        for one in found:
            self._book.relate(account, one.box_id, relation)
        return Reply(payload={"inn": request.params["inn"], "relation": relation})

    async def _sign(self, request: Request) -> Reply:
        account, one = self._named(request)
        body = _body(request)
        by, partly = str(body.get("by", "us")), body.get("partly") is True
        _known("by", by, ("us", "partner"))
        if by == "us":
            if one.sender != WAITING or one.deleted:
                raise BadRequestError(f"the document does not wait for our signature: {one.sender}")
            self._sending.sign(account, one, b"\x30\x82ours", valid=body.get("valid") is not False)
        else:
            if not one.sent_unix or one.response not in (
                "WaitingForRecipientSignature", "WithRecipientPartiallySignature",
            ):  # fmt: skip
                raise BadRequestError(f"there is nothing for the partner to sign: {one.sender}, {one.response}")
            word = "WithRecipientPartiallySignature" if partly else "WithRecipientSignature"
            if body.get("valid") is False:
                word = "InvalidRecipientSignature"
            kind = f"{wire.DOCUMENT_TYPE}BuyerTitle"
            answered = f"<Титул Покупателя={one.number!r}/>".encode()
            added = [self._sending.entity(account, one, "Attachment", kind, answered),
                     self._sending.entity(account, one, "Signature", "", b"\x30\x82partner")]  # fmt: skip
            self._book.alter(account, one, {"response": word}, added)
        return self._shown(account, one)

    async def _refuse(self, request: Request) -> Reply:
        account, one = self._named(request)
        text = str(_body(request).get("text") or "Отказ без объяснения")
        if not one.sent_unix or one.response != "WaitingForRecipientSignature":
            raise BadRequestError(f"there is nothing to refuse: {one.sender}, {one.response}")
        form = f'<?xml version="1.0" encoding="windows-1251"?><Файл><Документ><ТекстУведУточ>{text}</ТекстУведУточ>' \
               "</Документ></Файл>"  # fmt: skip
        added = [
            self._sending.entity(account, one, "Attachment", "XmlSignatureRejection", form.encode("cp1251", "replace"))
        ]
        self._book.alter(account, one, {"response": "RecipientSignatureRequestRejected"}, added)
        return self._shown(account, one)

    async def _roam(self, request: Request) -> Reply:
        account, one = self._named(request)
        result = str(_body(request).get("result"))
        _known("result", result, ("taken", "delivered", "error"))
        if not account.partners[one.to_box].roaming or not one.sent_unix:
            raise BadRequestError("the document is not under way to another operator")
        word = "Error" if result == "error" else "Success"
        fields: dict[str, Any] = {"roaming": f"RoamingNotificationStatus{word}"}
        if result == "delivered":
            fields["delivered_unix"] = self._book.now_unix
        added = [self._sending.entity(account, one, "Attachment", "RoamingNotification", result.encode())]
        self._book.alter(account, one, fields, added)
        return self._shown(account, one)

    async def _revoke(self, request: Request) -> Reply:
        account, one = self._named(request)
        states = {"requested": "RequestsMyRevocation", "accepted": "RevocationAccepted",
                  "rejected": "RevocationRejected"}  # fmt: skip
        state = str(_body(request).get("state"))
        _known("state", state, tuple(states))
        added = (
            [self._sending.entity(account, one, "Attachment", "RevocationRequest", b"<x/>")]
            if state == "requested"
            else []
        )
        self._book.alter(account, one, {"revocation": states[state]}, added)
        return self._shown(account, one)

    async def _delete(self, request: Request) -> Reply:
        account, one = self._named(request)
        self._book.alter(account, one, {"deleted": True})
        return self._shown(account, one)

    def _account(self, request: Request) -> Account:
        return self._book.account(request.params["account"])

    def _named(self, request: Request) -> tuple[Account, Document]:
        account = self._account(request)
        return account, self._book.document(account, request.params["document"])

    def _shown(self, account: Account, one: Document) -> Reply:
        return Reply(payload=wire.document(account.documents[one.message_id]))


def _body(request: Request) -> dict[str, Any]:
    body = request.json()
    if not isinstance(body, dict):
        raise BadRequestError("the body is a JSON object")
    return body


def _known(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise BadRequestError(f"{name} is one of {', '.join(known)}")
