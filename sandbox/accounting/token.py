"""The token endpoint: client credentials for an access token (RFC 6749 section 4.4)."""

from __future__ import annotations

import base64
import binascii
import hmac

from sandbox.accounting.book import Book
from sandbox.accounting.records import Account
from sandbox.core.faults import Fault
from sandbox.core.vendor import Vendor
from sandbox.core.wire import Reply, Request, Route
from sandbox.core.world import World

OPERATION = "token"


class TokenCalls:
    """The token endpoint at a path; a scope that is asked for must contain the vendor's."""

    def __init__(self, world: World, vendor: Vendor, book: Book, *, path: str, scope: str) -> None:
        self._world, self._vendor, self._book = world, vendor, book
        self._path, self._scope = path, scope

    def routes(self) -> list[Route]:
        return [Route("POST", self._path, self._token)]

    async def _token(self, request: Request) -> Reply:
        form = request.form() if request.content_type == "application/x-www-form-urlencoded" else {}
        client_id, client_secret = _credentials(request, form)
        account = self._book.by_client.get(client_id)

        def execute(fault: Fault | None) -> Reply:
            if request.content_type != "application/x-www-form-urlencoded":
                return _refused("invalid_request", "the body must be application/x-www-form-urlencoded")
            if not form.get("grant_type"):
                return _refused("invalid_request", "grant_type is missing")
            if form["grant_type"] != "client_credentials":
                return _refused("unsupported_grant_type", "grant_type must be client_credentials")
            if account is None or not hmac.compare_digest(account.client_secret.encode(), client_secret.encode()):
                return _refused_client(request, "unknown client_id or wrong client_secret")
            if account.dials.refuse_status == 401:
                return _refused_client(request, "the client is disabled")
            if self._scope not in form.get("scope", self._scope).split():
                return _refused("invalid_scope", f"scope must contain {self._scope}")
            return self._granted(account)

        account_id = account.id if account is not None else ""
        return await self._world.exchange(
            self._vendor, request, account_id, OPERATION, execute, {"client_id": client_id}
        )

    def _granted(self, account: Account) -> Reply:
        seconds = account.dials.token_seconds
        token = self._book.give_token(account, state="valid", expires_unix=self._book.now_unix + seconds)
        return Reply(
            payload={"access_token": token, "expires_in": seconds, "token_type": "Bearer", "scope": self._scope},
            headers={"Cache-Control": "no-store", "Pragma": "no-cache"},
        )


def _credentials(request: Request, form: dict[str, str]) -> tuple[str, str]:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, client_secret = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return client_id, client_secret
    return form.get("client_id", ""), form.get("client_secret", "")


def _refused_client(request: Request, text: str) -> Reply:
    """RFC 6749 section 5.2: 401 with a challenge to a client that used the Authorization header."""
    reply = _refused("invalid_client", text)
    if "authorization" in request.headers:
        reply.status = 401
        reply.headers["WWW-Authenticate"] = 'Basic realm="connect/token"'
    return reply


def _refused(error: str, text: str) -> Reply:
    return Reply(status=400, payload={"error": error, "error_description": text}, error=error)
