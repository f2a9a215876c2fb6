"""POST /moedelo/connect/token: a refresh token for an access token and the next refresh token (RFC 6749 section 6)."""

from __future__ import annotations

import hmac

from sandbox.accounting.records import REFRESH
from sandbox.core.faults import Fault
from sandbox.core.vendor import Vendor
from sandbox.core.wire import Reply, Request, Route
from sandbox.core.world import World
from sandbox.moedelo.book import MoedeloBook, refresh_tokens

OPERATION = "token"


class TokenCalls:
    """The token endpoint; a refresh token dies when it is used."""

    def __init__(self, world: World, vendor: Vendor, book: MoedeloBook, prefix: str) -> None:
        self._world, self._vendor, self._book, self._prefix = world, vendor, book, prefix

    def routes(self) -> list[Route]:
        return [Route("POST", f"{self._prefix}/connect/token", self._token)]

    async def _token(self, request: Request) -> Reply:
        form = request.form() if request.content_type == "application/x-www-form-urlencoded" else {}
        account = self._book.by_client.get(form.get("client_id", ""))

        def execute(fault: Fault | None) -> Reply:
            if form.get("grant_type") != "refresh_token":
                return _refused("unsupported_grant_type", "grant_type must be refresh_token")
            if account is None or not hmac.compare_digest(account.client_secret, form.get("client_secret", "")):
                return _refused("invalid_client", "unknown client_id or wrong client_secret")
            used = form.get("refresh_token", "")
            if not used.startswith(REFRESH) or used not in refresh_tokens(account):
                return _refused("invalid_grant", "the refresh token is unknown, used or revoked")
            seconds = account.dials.token_seconds
            access = self._book.give_token(account, state="valid", expires_unix=self._book.now_unix + seconds)
            return Reply(
                payload={
                    "access_token": access,
                    "refresh_token": self._book.give_refresh_token(account),
                    "token_type": "Bearer",
                    "expires_in": seconds,
                    "scope": "api offline_access",
                },
                headers={"Cache-Control": "no-store"},
            )

        account_id = account.id if account is not None else ""
        facts = {"client_id": form.get("client_id", "")}
        return await self._world.exchange(self._vendor, request, account_id, OPERATION, execute, facts)


def _refused(error: str, text: str) -> Reply:
    return Reply(status=400, payload={"error": error, "error_description": text}, error=error)
