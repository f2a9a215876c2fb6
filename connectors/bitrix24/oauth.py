"""Bitrix24's authorisation server: pairs of tokens and the check of a token.

Source: the vendor's documentation, "OAuth 2.0", "Automatic renewal"; a form by POST keeps the secret out of access logs
and is taken as well as the documented GET (vendor's b24jssdk).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from chassis import log
from chassis.clock import Clock
from chassis.http import Answer, Call, as_read
from chassis.outcomes import Failure, Ok, Outcome, Rejected
from connectors import wire
from connectors.bitrix24.outcomes import GRANT_REFUSED, OAUTH_TABLE
from connectors.bitrix24.schema import VENDOR, read_envelope
from connectors.ports.crm.access import AppCredentials, TokenFacts, TokenPair
from connectors.transport import Transport
from connectors.verdicts import VENDOR_TEXT_LENGTH_MAX, unexpected
from connectors.wire import ShapeError

EXPIRES_IN_SECONDS: Final = 3_600
_NO_POST: Final = 405
_QUERY_HEADERS: Final = {"accept": "application/json"}
_HEADERS: Final = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}

_log = log.get(__name__)


class Bitrix24OAuth:
    """A client of the authorisation server; it keeps nothing between calls."""

    def __init__(self, http: Transport, clock: Clock) -> None:
        self._http = http
        self._clock = clock

    async def renew(self, app: AppCredentials, refresh_token: str) -> Outcome[TokenPair]:
        """A new pair; the vendor may refuse the old refresh token from now on."""
        return await self._pair(app, {"grant_type": "refresh_token", "refresh_token": refresh_token})

    async def exchange(self, app: AppCredentials, code: str) -> Outcome[TokenPair]:
        """The pair of a code, which lives 30 seconds."""
        return await self._pair(app, {"grant_type": "authorization_code", "code": code})

    async def inspect(self, app: AppCredentials, access_token: str) -> Outcome[TokenFacts]:
        """Application, portal and user of a token, as the server knows them."""
        call = Call(
            vendor=VENDOR,
            operation=f"{VENDOR}.oauth_inspect",
            method="POST",
            url=f"{app.oauth_url.rstrip('/')}/rest/app.info",
            changes=False,
            headers=_HEADERS,
            content=urlencode({"auth": access_token}).encode(),
        )
        document = await self._document(call)
        if not isinstance(document, Ok):
            return document
        try:
            told = wire.filled_mapping(document.value.get("result"), "result")
            install = wire.filled_mapping(told.get("install"), "install")
            return Ok(
                TokenFacts(
                    client_id=_filled(told, "client_id"),
                    member_id=_filled(install, "member_id"),
                    endpoint=_endpoint(install),
                    user_id=_text(told.get("user_id")),
                )
            )
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)

    async def _pair(self, app: AppCredentials, grant: Mapping[str, str]) -> Outcome[TokenPair]:
        form = {**grant, "client_id": app.client_id, "client_secret": app.client_secret}
        call = Call(
            vendor=VENDOR,
            operation=f"{VENDOR}.oauth_token",
            method="POST",
            url=f"{app.oauth_url.rstrip('/')}/oauth/token/",
            changes=False,
            headers=_HEADERS,
            content=urlencode(form).encode(),
        )
        document = await self._document(call)
        if not isinstance(document, Ok):
            return document
        told = document.value
        try:
            expires_in = _text(told.get("expires_in"))
            seconds = int(expires_in) if expires_in.isdigit() else EXPIRES_IN_SECONDS
            return Ok(
                TokenPair(
                    access_token=_filled(told, "access_token"),
                    refresh_token=_filled(told, "refresh_token"),
                    expires_in_seconds=seconds,
                    member_id=_text(told.get("member_id")),
                    endpoint=_present_endpoint(told),
                    user_id=_text(told.get("user_id")),
                )
            )
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)

    async def _document(self, call: Call) -> Outcome[Mapping[str, Any]]:
        answer = await self._http.send(call)
        if isinstance(answer, Answer) and answer.status == _NO_POST and call.content is not None:
            # The page shows GET alone. Nothing came of the POST, so that a code or a refresh token is still good.
            query = f"{call.url}?{call.content.decode()}"
            answer = await self._http.send(replace(call, method="GET", url=query, headers=_QUERY_HEADERS, content=None))
        if not isinstance(answer, Answer):
            return as_read(answer)
        return self._judged(answer)

    def _judged(self, answer: Answer) -> Outcome[Mapping[str, Any]]:
        try:
            document = wire.read_json(answer.body)
        except ValueError:
            document = None
        fault = read_envelope(answer.body).fault
        if answer.status < 300 and isinstance(document, dict) and document and "error" not in document:
            return Ok(document)
        values = {"vendor": VENDOR, "status": answer.status}
        if fault is not None:
            values |= {"text": fault.text[:VENDOR_TEXT_LENGTH_MAX], "code": fault.code[:60]}
        until = wire.retry_after(answer.headers.get("retry-after"), self._clock)
        code = None if fault is None else fault.code
        return OAUTH_TABLE.judge(answer.status, code, write=False, values=values, until=until)


def owner_must_connect(failure: Failure) -> bool:
    """Whether no retry helps: the grant is gone, and only the portal's owner can give another."""
    return isinstance(failure, Rejected) and failure.problem.code == GRANT_REFUSED


def _endpoint(told: Mapping[str, Any]) -> str:
    endpoint = _filled(told, "client_endpoint")
    if not endpoint.startswith(("https://", "http://")) or not endpoint.rstrip("/").endswith("/rest"):
        raise ShapeError("client_endpoint")
    return endpoint.rstrip("/") + "/"


def _present_endpoint(told: Mapping[str, Any]) -> str:
    """Where the portal is now, "" where a pair does not say it or says it in a form that is none: the pair itself must
    be kept, since the one before it opens nothing any more."""
    if not told.get("client_endpoint"):
        return ""
    try:
        return _endpoint(told)
    except ShapeError:
        _log.warning("a pair of tokens came with a portal's address that cannot be one; the address is refused")
        return ""


def _filled(told: Mapping[str, Any], name: str) -> str:
    text = _text(told.get(name))
    if not text:
        raise ShapeError(name)
    return text


def _text(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else ""
