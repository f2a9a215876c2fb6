"""/moedelo/connect: a code for an owner's consent (RFC 6749 section 4.1), and a code or a refresh token for an access
token (sections 4.1.3 and 6)."""

from __future__ import annotations

import hmac
from urllib.parse import urlencode, urlsplit

from sandbox.accounting.records import REFRESH, Account
from sandbox.core.faults import Fault
from sandbox.core.vendor import Vendor
from sandbox.core.wire import Reply, Request, Route, html
from sandbox.core.world import World
from sandbox.moedelo.book import MoedeloBook, refresh_tokens

OPERATION = "token"
SCOPE, OFFLINE = "api", "offline_access"
FORM = "application/x-www-form-urlencoded"


class TokenCalls:
    """Both addresses; a refresh token dies when it is used, and so does a code."""

    def __init__(self, world: World, vendor: Vendor, book: MoedeloBook, prefix: str) -> None:
        self._world, self._vendor, self._book, self._prefix = world, vendor, book, prefix

    def routes(self) -> list[Route]:
        return [
            Route("GET", f"{self._prefix}/connect/authorize", self._authorize, "an owner's consent, by redirect"),
            Route("POST", f"{self._prefix}/connect/token", self._token),
        ]

    async def _authorize(self, request: Request) -> Reply:
        """The owner is signed in and agrees. Whom the answer goes to must be certain before anybody is redirected."""
        query = request.query()
        account = self._book.by_client.get(query.get("client_id", ""))
        place = urlsplit(query.get("redirect_uri", ""))

        def execute(fault: Fault | None) -> Reply:
            if account is None:
                return html("<p>Приложение не найдено.</p>", 400)
            if place.scheme not in ("http", "https") or not place.netloc or place.fragment:
                return html("<p>Неверный адрес возврата.</p>", 400)
            scopes = query.get("scope", "").split()
            if query.get("response_type") != "code":
                return _back(query, error="unsupported_response_type")
            if account.dials.refuse_status is not None:
                return _back(query, error="access_denied")
            if SCOPE not in scopes or set(scopes) - {SCOPE, OFFLINE}:
                return _back(query, error="invalid_scope")
            return _back(query, code=self._book.give_code(account, query["redirect_uri"], offline=OFFLINE in scopes))

        account_id = account.id if account is not None else ""
        return await self._world.exchange(self._vendor, request, account_id, "authorize", execute)

    async def _token(self, request: Request) -> Reply:
        form = request.form() if request.content_type == FORM else {}
        account = self._book.by_client.get(form.get("client_id", ""))

        def execute(fault: Fault | None) -> Reply:
            if form.get("grant_type") not in ("refresh_token", "authorization_code"):
                return _refused("unsupported_grant_type", "grant_type must be refresh_token or authorization_code")
            if account is None or not hmac.compare_digest(account.client_secret, form.get("client_secret", "")):
                return _refused("invalid_client", "unknown client_id or wrong client_secret")
            if form["grant_type"] == "refresh_token":
                used = form.get("refresh_token", "")
                if not used.startswith(REFRESH) or used not in refresh_tokens(account, self._book.now_unix):
                    return _refused("invalid_grant", "the refresh token is unknown, used or revoked")
                return self._granted(account, offline=True)
            code = self._book.take_code(account, form.get("code", ""), form.get("redirect_uri", ""))
            if code is None:
                return _refused("invalid_grant", "the code is unknown, used, late or of another redirect_uri")
            return self._granted(account, offline=code["offline"])

        account_id = account.id if account is not None else ""
        facts = {"client_id": form.get("client_id", "")}
        return await self._world.exchange(self._vendor, request, account_id, OPERATION, execute, facts)

    def _granted(self, account: Account, *, offline: bool) -> Reply:
        """An access token, and with `offline_access` the refresh token that takes the place of all before it."""
        seconds = account.dials.token_seconds
        access = self._book.give_token(account, state="valid", expires_unix=self._book.now_unix + seconds)
        refresh = {"refresh_token": self._book.give_refresh_token(account)} if offline else {}
        scope = f"{SCOPE} {OFFLINE}" if offline else SCOPE
        return Reply(
            payload={"access_token": access, **refresh, "token_type": "Bearer", "expires_in": seconds, "scope": scope},
            headers={"Cache-Control": "no-store"},
        )


def _back(query: dict[str, str], **told: str) -> Reply:
    """To whoever asked, with the answer and the state that was given."""
    state = {"state": query["state"]} if query.get("state") else {}
    uri = query["redirect_uri"]
    mark = "&" if urlsplit(uri).query else "?"
    place = f"{uri}{mark}{urlencode({**told, **state})}"
    return Reply(
        status=302, body=b"", headers={"Location": place, "Cache-Control": "no-store"}, error=told.get("error")
    )


def _refused(error: str, text: str) -> Reply:
    return Reply(status=400, payload={"error": error, "error_description": text}, error=error)
