"""The way of a REST request: portal, limits, rights, method, answer.

Vendor documentation, "Общие принципы", "Ограничения": https://apidocs.bitrix24.ru/settings/how-to-call-rest-api/
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from sandbox.bitrix24 import methods, params
from sandbox.bitrix24.admission import identify, no_credentials, webhook_refused, wrong_credentials
from sandbox.bitrix24.batch import Answered, CutShortError, run_batch
from sandbox.bitrix24.call import Call, Identity
from sandbox.bitrix24.envelope import Page, RestError, invalid_argument, xml
from sandbox.bitrix24.files import Download
from sandbox.bitrix24.filters import BadFilterValueError
from sandbox.bitrix24.methods import Method
from sandbox.bitrix24.params import Params, TooManyParametersError
from sandbox.bitrix24.portal import Portal
from sandbox.bitrix24.values import moment_text
from sandbox.core.faults import EXCHANGE_KINDS, Fault
from sandbox.core.mangle import mangle
from sandbox.core.wire import Reply, Request, html
from sandbox.core.world import REFUSING_KINDS, World

if TYPE_CHECKING:
    from sandbox.bitrix24.vendor import Bitrix24

UNKNOWN = "unknown"
SUSPENSIONS = {
    "PAYMENT_REQUIRED": (401, "Subscription has been ended"),
    "PORTAL_DELETED": (500, "Portal was deleted"),
    "ACCESS_DENIED": (403, "REST API is available only on commercial plans."),
    "OVERLOAD_LIMIT": (503, "REST API is blocked due to overload."),
}
CROSS_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "origin, content-type, accept",
}
"""Pages of any site may call a portal; a browser asks first by OPTIONS, which calls nothing."""
NOTED = ("id", "entitytypeid", "entityid", "ownerid", "user_id", "dialog_id", "tag", "start")


@dataclass(frozen=True, slots=True)
class Address:
    """What a path asks for: `/rest/{user}/{code}/{method}` or, with a token, `/rest/{method}`.

    `newer`: by `/rest/api/…`, where the methods of REST 3.0 live; the CRM has none there.
    """

    user: str
    code: str
    method: str
    newer: bool = False


def read_path(tail: str) -> Address:
    """The part after `/rest/`; an ending `.json` or `.xml` is no part of the name, closing slashes change nothing."""
    parts = [part for part in tail.split("/") if part]
    newer = len(parts) > 1 and parts[0].lower() == "api"
    if newer:
        parts = parts[1:]
    if len(parts) == 2:
        return Address(parts[0], parts[1], "", newer)
    name = parts[-1] if parts else ""
    for ending in (".json", ".xml"):
        if name.lower().endswith(ending):
            name = name[: -len(ending)]
    if len(parts) > 2:
        return Address(parts[0], parts[1], name, newer)
    return Address("", "", name, newer)


class Rest:
    """Serves the REST interface of all portals."""

    def __init__(self, world: World, vendor: Bitrix24) -> None:
        self._world = world
        self._vendor = vendor

    async def handle(self, request: Request) -> Reply:
        if request.method == "OPTIONS":
            return Reply(status=204, headers=dict(CROSS_ORIGIN))
        reply = await self._answer(request)
        reply.headers.update(CROSS_ORIGIN)
        if request.path.rstrip("/").lower().endswith(".xml") and reply.body is None and isinstance(reply.payload, dict):
            return replace(reply, payload=None, body=xml(reply.payload), content_type="text/xml; charset=utf-8")
        return reply

    async def _answer(self, request: Request) -> Reply:
        address = read_path(request.params.get("tail", ""))
        portal = self._portal(request, address)
        if portal is None:
            error = wrong_credentials() if address.code else no_credentials(self._arguments(request))
            return Reply(status=error.status, payload=error.body())
        found = None if address.newer else methods.find(address.method)
        is_batch = address.method.lower() == "batch" and not address.newer
        operation = "batch" if is_batch else found.name if found is not None else UNKNOWN
        return await self._world.exchange(
            self._vendor,
            request,
            portal.slug,
            operation,
            lambda fault: self._execute(request, portal, address, fault),
        )

    def _portal(self, request: Request, address: Address) -> Portal | None:
        """By the name in the path, by the webhook's code, by the token, or by the host."""
        name = request.params.get("portal")
        if name is not None:
            return self._vendor.portals.get(name.lower())
        slug = self._vendor.codes.get(address.code)
        if slug is not None:
            return self._vendor.portals.get(slug)
        if not address.code and (slug := self._vendor.tokens.get(str(self._arguments(request).get("auth")))):
            return self._vendor.portals.get(slug)
        host = request.host.lower().split(":")[0]
        return next((portal for portal in self._vendor.portals.values() if portal.settings["domain"] == host), None)

    # -- one request

    def _execute(self, request: Request, portal: Portal, address: Address, fault: Fault | None) -> Reply:
        moved = moved_reply(portal, request)
        if moved is not None:
            return moved
        began = time.perf_counter()
        note: dict[str, Any] = {}
        try:
            self._check_portal(portal, request)
            arguments = self._arguments(request)
            identity = identify(portal, request, address.user, address.code, arguments)
            note.update(_noted(arguments))
            if address.newer:
                return _unknown_newer_method(address.method)
            if address.method.lower() == "batch":
                reply = self._batch(portal, identity, arguments, began)
            else:
                answered = self._run(portal, identity, address.method, arguments, fault, in_batch=False)
                if isinstance(answered.value, Download) and not _browser_like(portal, request):
                    return html("<html><head><title>404 Not Found</title></head><body>nginx</body></html>", 404)
                reply = _reply(answered)
        except RestError as error:
            reply = error_reply(portal, error)
        reply.note = {**note, **reply.note}
        return reply

    def _check_portal(self, portal: Portal, request: Request) -> None:
        settings = portal.settings
        if settings["suspended"]:
            status, text = SUSPENSIONS.get(settings["suspended"], (403, "Access denied"))
            raise RestError(status, settings["suspended"], text)
        if settings["https_only"] and urlsplit(request.base_url).scheme != "https":
            raise RestError(400, "INVALID_REQUEST", "Https required.")
        if request.late:
            return
        key = f"bitrix24|{portal.slug}|{request.headers.get('x-forwarded-for', '')}"
        wait = self._world.limits.take(
            key, burst=float(settings["limit_burst"]), per_second=float(settings["limit_per_second"])
        )
        if wait:
            raise RestError(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")

    @staticmethod
    def _arguments(request: Request) -> Params:
        try:
            return params.decode(request.query_string, request.headers.get("content-type", ""), request.body)
        except TooManyParametersError as error:
            raise RestError(400, "INVALID_REQUEST", str(error)) from error

    # -- one method

    def _run(
        self, portal: Portal, identity: Identity, name: str, arguments: Params, fault: Fault | None, *, in_batch: bool
    ) -> Answered:
        entry = methods.find(name)
        if in_batch and name.lower() == "batch":
            raise RestError(405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")
        if entry is None:
            raise RestError(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
        if in_batch and not entry.batch:
            raise RestError(405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")
        if not _in_scope(entry, identity):
            kind = "webhook" if identity.app is None else "access"
            text = f"The request requires higher privileges than provided by the {kind} token"
            raise RestError(401, "insufficient_scope", text)
        if entry.app_only and identity.app is None:
            raise webhook_refused(entry)
        settings = portal.settings
        key = f"{portal.slug}|{identity.key}|{entry.name}"
        if self._world.operating.exceeded(key, float(settings["operating_limit_seconds"])):
            raise RestError(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")
        start = portal.ground.unix()
        began = time.perf_counter()
        portal.actor, portal.connector = identity.user["ID"], str(arguments.get("auth_connector") or "")
        try:
            value = entry.handler(Call(portal, identity, arguments, fault, entry.name))
        except BadFilterValueError as error:
            raise invalid_argument(f"Invalid filter: field '{error}' has invalid value") from error
        finally:
            portal.actor, portal.connector = None, ""
        spent = time.perf_counter() - began
        self._world.operating.spend(key, spent + float(settings["operating_cost_seconds"].get(entry.name, 0)))
        block = time_block(portal, start, spent)
        block["operating_reset_at"] = self._world.operating.reset_at(key)
        block["operating"] = self._world.operating.operating(key)
        return Answered(value, block)

    def _batch(self, portal: Portal, identity: Identity, arguments: Params, began: float) -> Reply:
        start = portal.ground.unix()
        cut: list[Fault] = []

        def run(name: str, inner: Params) -> Answered:
            return self._command(portal, identity, name, inner, cut)

        result: dict[str, Any]
        try:
            result = run_batch(arguments, run)
        except CutShortError:
            return Reply(status=0, manner="hang", manner_params=cut[-1].params, note={"committed": "in part"})
        payload = {"result": result, "time": time_block(portal, start, time.perf_counter() - began)}
        reply = Reply(payload=payload)
        if cut:
            reply = mangle(reply, cut[-1])
        return reply

    def _command(self, portal: Portal, identity: Identity, name: str, inner: Params, cut: list[Fault]) -> Answered:
        """One command of a batch: counted, faulted and noted in the ledger like a request of its own.

        Faults of the connection befall the whole batch; those that come before the commit end it at this command.
        """
        entry = methods.find(name)
        operation = entry.name if entry is not None else UNKNOWN
        draw = self._world.draw(self._vendor, portal.slug, operation)
        fault = draw.fault
        fields: dict[str, Any] = {"via": "batch", "status": 200, "error": None, "outcome": _noted(inner)}
        try:
            if fault is not None and fault.kind in REFUSING_KINDS:
                raise fault_error(fault)
            if fault is not None and fault.kind in ("timeout_before", "late_commit"):
                cut.append(fault)
                raise CutShortError
            own = fault if fault is None or fault.kind not in EXCHANGE_KINDS else None
            answered = self._run(portal, identity, name, inner, own, in_batch=True)
            if fault is not None and fault.kind == "error_after":
                raise fault_error(fault)
            if fault is not None and fault.kind in EXCHANGE_KINDS:
                cut.append(fault)
        except RestError as error:
            fields |= {"status": error.status, "error": str(error.code)}
            raise
        finally:
            if fault is not None:
                fields["fault"] = fault.kind
            self._world.record_request(self._vendor, portal.slug, operation, draw, fields)
        return answered


def _noted(arguments: Params) -> dict[str, Any]:
    """The few short arguments that tell in the ledger which object was meant."""
    found = {}
    for name in NOTED:
        value = arguments.get(name)
        if isinstance(value, str | int) and len(str(value)) <= 100:
            found[name] = value
    return found


def _in_scope(entry: Method, identity: Identity) -> bool:
    if not entry.scope or entry.scope in identity.scopes:
        return True
    return entry.scope == "user" and bool({"user_basic", "user_brief"} & identity.scopes)


def _browser_like(portal: Portal, request: Request) -> bool:
    """Some portals give files only to what looks like a browser (vendor documentation, "Файлы"); a dial."""
    if not portal.settings["downloads_need_browser_headers"]:
        return True
    return request.headers.get("user-agent", "").startswith("Mozilla/") and "accept" in request.headers


def _unknown_newer_method(name: str) -> Reply:
    """How REST 3.0 says that it has no such method (vendor's b24jssdk, "Error codes")."""
    code = "BITRIX_REST_V3_EXCEPTION_METHODNOTFOUNDEXCEPTION"
    return Reply(status=404, payload={"error": {"code": code, "message": f"Method `{name}` not found"}}, error=code)


def time_block(portal: Portal, start: float, spent: float) -> dict[str, Any]:
    """The `time` of an answer or of a batch command; `spent` in seconds."""
    finish = start + spent
    zone = portal.zone
    return {
        "start": start,
        "finish": finish,
        "duration": spent,
        "processing": spent,
        "date_start": moment_text(int(start), zone),
        "date_finish": moment_text(int(finish), zone),
    }


def _reply(answered: Answered) -> Reply:
    value = answered.value
    if isinstance(value, Download):
        name = quote(value.name)
        headers = {"Content-Disposition": f"attachment; filename*=utf-8''{name}"}
        return Reply(body=value.content, content_type=value.kind, headers=headers)
    if isinstance(value, Page):
        payload: dict[str, Any] = {"result": value.result}
        if value.next is not None:
            payload["next"] = value.next
        payload["total"] = value.total
    else:
        payload = {"result": value}
    payload["time"] = answered.time
    return Reply(payload=payload)


def error_reply(portal: Portal, error: RestError) -> Reply:
    """The error object, or the page of a web server where the portal's dial says so."""
    if portal.settings["html_errors"]:
        page = html(f"<html><body><h1>{error.status}</h1></body></html>", error.status)
        page.error = str(error.code)
        return page
    return Reply(status=error.status, payload=error.body(), error=str(error.code) or error.text)


def moved_reply(portal: Portal, request: Request) -> Reply | None:
    """302 to the new host of a renamed portal; None when the request is already there.

    Vendor documentation, "Смена домена портала".
    """
    host = portal.settings.get("moved_to")
    if host is None or request.host.lower() == host:
        return None
    base = urlsplit(request.base_url)
    query = f"?{request.query_string}" if request.query_string else ""
    reply = html("<html><body>302 Found</body></html>", 302)
    reply.headers["Location"] = f"{base.scheme}://{host}{base.path}{quote(request.path)}{query}"
    return reply


def fault_error(fault: Fault) -> RestError:
    """The vendor's wording of a refusal that the fault plan asks for."""
    text = str(fault.params.get("text", ""))
    match fault.kind:
        case "limit_503":
            return RestError(503, "QUERY_LIMIT_EXCEEDED", text or "Too many requests")
        case "limit_429" | "operation_time_limit":
            return RestError(429, "OPERATION_TIME_LIMIT", text or "Method is blocked due to operation time limit.")
        case "token_expired":
            return RestError(401, "expired_token", text or "The access token provided has expired.")
        case _:
            status = int(fault.number("status", 500))
            code = str(fault.params.get("error", "INTERNAL_SERVER_ERROR"))
            return RestError(status, code, text or "Internal server error")
