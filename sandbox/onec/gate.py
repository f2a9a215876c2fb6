"""The way of a request into a base: who asks, whether anybody gets in, and how refusals look there."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from sandbox.accounting import gate
from sandbox.accounting.checks import ApiError
from sandbox.accounting.records import Account
from sandbox.core.wire import Reply, Request
from sandbox.onec.book import OnecBook
from sandbox.onec.refusals import PAGES, Refusal, page, refusal, sign_in
from sandbox.onec.shape import wants_json

USER = "Обмен"
Call = gate.Call[OnecBook]
CallHandler = Callable[[Call], Reply]


class Gate(gate.Gate[OnecBook]):
    """Routes of all bases; a base is named by the path, its user by Basic authorization in UTF-8."""

    def authorized(self, request: Request) -> tuple[Account | None, ApiError | None]:
        account = self._book.accounts.get(request.params["account"])
        if account is None:
            return None, ApiError(404, "page", "Публикация не найдена")
        if request.late:
            return account, None
        dials = self._book.dials(account)
        for free, code in ((dials.licence_free, "licence"), (dials.open_to_sessions, "session")):
            if not free:
                return account, ApiError(500, "page", PAGES[code])
        if _credentials(request) != (USER, account.client_secret):
            return account, ApiError(401, "Unauthorized", "Идентификация пользователя не выполнена")
        return self.open_to(account)

    def refusal(self, error: ApiError, trace: str) -> Reply:
        return sign_in(error.message) if error.status == 401 else page(error.status, error.message)

    def answer(self, call: Call, handler: CallHandler) -> Reply:
        try:
            return handler(call)
        except Refusal as error:
            option = next(
                (part.partition("=")[2] for part in call.request.query_string.split("&") if part[:8] == "$format="), ""
            )
            return refusal(error, json=wants_json(option, call.request.headers.get("accept", "")))

    def note(self, request: Request, facts: dict[str, Any]) -> None:
        facts["resource"] = request.params.get("rest", "")[:120]


def _credentials(request: Request) -> tuple[str, str]:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password
