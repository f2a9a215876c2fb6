"""The way of a call into a box: the access first, then the box it names, the rate, and refusals as plain text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.core.faults import Fault
from sandbox.core.vendor import Vendor
from sandbox.core.wire import BadRequestError, Reply, Request
from sandbox.core.world import World
from sandbox.diadoc.book import ACCESS, Book
from sandbox.diadoc.records import Account, Document


class ApiError(Exception):
    """A refusal of the API: status, text for a person, and the machine's code."""

    def __init__(self, status: int, text: str, code: str = "", retry_after: int | None = None) -> None:
        super().__init__(text)
        self.status, self.text, self.code, self.retry_after = status, text, code, retry_after

    def reply(self) -> Reply:
        body = b"" if self.status == 204 else self.text.encode()
        reply = Reply(status=self.status, body=body, content_type="text/plain; charset=utf-8", error=self.code or None)
        if self.code:
            reply.headers["X-Diadoc-ErrorCode"] = self.code
        if self.status == 401:
            reply.headers["WWW-Authenticate"] = "DiadocAuth"
        if self.retry_after is not None:
            reply.headers["Retry-After"] = str(self.retry_after)
        return reply


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a box's owner."""

    request: Request
    account: Account
    query: dict[str, str]
    fault: Fault | None

    def asked(self, name: str) -> str:
        """A query parameter that must be there."""
        value = self.query.get(name.lower(), "")
        if not value:
            raise ApiError(400, f"Не указан параметр {name}")
        return value

    def number(self, name: str, most: int) -> int:
        """A whole query parameter from 1; what is over the most counts as that."""
        value = self.query.get(name.lower()) or str(most)
        if not value.isascii() or not value.isdecimal() or int(value) < 1:
            raise ApiError(400, f"Параметр {name} должен быть целым числом от 1")
        return min(int(value), most)

    def json(self) -> dict[str, Any]:
        """The body, an object."""
        try:
            body = self.request.json()
        except BadRequestError as error:
            raise ApiError(400, "Тело запроса не является JSON") from error
        if not isinstance(body, dict):
            raise ApiError(400, "Тело запроса должно быть объектом")
        return body

    def document(self, name: str = "messageId") -> Document:
        """The document of a message."""
        one = self.account.documents.get(self.asked(name))
        if one is None:
            raise ApiError(404, "Сообщение не найдено")
        return one

    def own_box(self, name: str) -> None:
        """Refuses a call into somebody else's box."""
        if self.asked(name) != self.account.organization.box_id:
            raise ApiError(403, "Нет доступа к ящику", "Auth.BoxAccessDenied")


BY_KEY_ALONE = frozenset({"find_boxes"})
"""Operations of the directory, for which the developer's key is enough."""
CallHandler = Callable[[Call], Reply]


class Gate:
    """Carries calls out; `box` names the query parameter that must be the caller's own box, "" for none."""

    def __init__(self, world: World, vendor: Vendor, book: Book) -> None:
        self._world, self._vendor, self._book = world, vendor, book

    def handler(
        self, operation: str, handle: CallHandler, *, box: str = "boxId", json_body: bool = False
    ) -> Callable[[Request], Any]:
        """A route's handler."""

        async def handled(request: Request) -> Reply:
            account, refused = self._entered(request, by_key_alone=operation in BY_KEY_ALONE)

            def execute(fault: Fault | None) -> Reply:
                try:
                    if account is None or refused is not None:
                        raise refused or ApiError(401, "Доступ запрещён", "Auth.TokenInvalid")
                    self._let_in(account, request, json_body=json_body)
                    query = {name.lower(): value for name, value in request.query().items()}
                    call = Call(request, account, query, fault)
                    if box:
                        call.own_box(box)
                    return handle(call)
                except ApiError as error:
                    return error.reply()

            account_id = account.id if account is not None else ""
            return await self._world.exchange(self._vendor, request, account_id, operation, execute, _facts(request))

        return handled

    def _entered(self, request: Request, *, by_key_alone: bool) -> tuple[Account | None, ApiError | None]:
        """The box that the access opens. `Bearer <token>`, or `DiadocAuth` with the developer's key and a token."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        token, key = rest.strip(), ""
        if scheme.lower() == "diadocauth":
            parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
            token, key = parts.get("ddauth_token", ""), parts.get("ddauth_api_client_id", "")
        if by_key_alone and key and not token and (account := self._book.by_credential("client_id", key)) is not None:
            return account, None
        found = self._book.tokens.get(token)
        if found is None or found["kind"] != ACCESS:
            return None, ApiError(401, "Неизвестный токен", "Auth.TokenInvalid")
        account = self._book.accounts[found["account"]]
        if scheme.lower() == "diadocauth" and key != account.credentials["client_id"]:
            return account, ApiError(401, "Неизвестный ключ разработчика", "Auth.ClientIdInvalid")
        if not request.late and (not found["alive"] or self._book.now_unix >= found["ends_unix"]):
            return account, ApiError(401, "Срок действия токена истёк", "Auth.TokenExpired")
        return account, None

    def _let_in(self, account: Account, request: Request, *, json_body: bool) -> None:
        if account.dials.refuse_status is not None:
            texts = {402: "Закончилась подписка на API", 403: "Доступ к API закрыт", 401: "Доступ запрещён"}
            raise ApiError(account.dials.refuse_status, texts[account.dials.refuse_status])
        if json_body and request.content_type != "application/json":
            raise ApiError(415, "Ожидается application/json")
        rate = {"burst": account.dials.limit_burst, "per_second": account.dials.limit_per_second}
        if not request.late and self._world.limits.take(f"diadoc|{account.id}", **rate) > 0:
            raise ApiError(429, "Слишком много запросов", "", 1)


def _facts(request: Request) -> dict[str, Any]:
    query = {name.lower(): value for name, value in request.query().items()}
    return {"operation_id": query["operationid"]} if "operationid" in query else {}
