"""/api/v1: all that the commands do, with OpenAPI at /api/openapi.json; what others own is forwarded to them."""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import Body, Depends, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from chassis import log
from chassis.ids import TenantId, tenant_id
from chassis.messaging.kafka import KafkaError
from chassis.postgres import INFRASTRUCTURE_ERRORS, Database
from contracts import topics
from contracts.tenant_file import TenantFileRefused
from services.ingest.api.bank import bank_routes
from services.ingest.api.goods import goods_routes
from services.ingest.api.invoices import invoice_routes
from services.ingest.api.models import (
    AppliedAnswer,
    CheckAnswer,
    CheckedPart,
    DeadAnswer,
    Decision,
    DecisionsAnswer,
    DeliveriesAnswer,
    Discard,
    Replay,
    ReplayAnswer,
    Republish,
    StatusAnswer,
    StoriesAnswer,
    TenantAnswer,
    TenantsAnswer,
    TenantSummary,
    WorkAnswer,
)
from services.ingest.api.owners import ACTIONS, REPLAY, REPUBLISH, STATUS, STORY, Answered, Owners
from services.ingest.api.refusals import describe, refusals
from services.ingest.api.syncs import sync_routes
from services.ingest.api.tenants import Check, Conflict, Tenants, Unknown
from services.ingest.store import webhooks

BY_OPERATOR: Final = "operator"

_log = log.get(__name__)

After = Annotated[int, Query(ge=0, description="Deliveries behind this id.")]
Limit = Annotated[int, Query(ge=1, le=webhooks.LISTED_MAX, description="How many at most.")]
OfTenant = Annotated[str | None, Query(description="Of one tenant alone.")]


def application(
    tenants: Tenants, check: Check, owners: Owners, database: Database, *, token: str, version: str
) -> FastAPI:
    """The application below ``/api``."""
    app = FastAPI(title="Sverka", version=version, openapi_url="/openapi.json", docs_url=None, redoc_url=None)
    _handlers(app)
    describe(app)
    authorised = [Depends(_bearer(token))]
    _tenants(app, tenants, check, authorised)
    _forwarded(app, owners, authorised)
    bank_routes(app, owners, authorised)
    invoice_routes(app, owners, authorised)
    goods_routes(app, owners, authorised)
    sync_routes(app, owners, authorised)

    @app.get("/v1/deliveries", dependencies=authorised, responses=refusals(400, 422))
    async def deliveries(after: After = 0, limit: Limit = 100, tenant: OfTenant = None) -> DeliveriesAnswer:
        """What became of each webhook, in the order of their ids."""
        async with database.delivery_connection() as connection:
            found = await webhooks.deliveries(connection, after, limit, _tenant(tenant) if tenant else None)
        return DeliveriesAnswer.model_validate({"deliveries": [asdict(one) for one in found]})

    return app


def _tenants(app: FastAPI, tenants: Tenants, check: Check, authorised: Sequence[Any]) -> None:
    @app.get("/v1/tenants", dependencies=authorised, responses=refusals())
    async def listed() -> TenantsAnswer:
        """All tenants in short."""
        return TenantsAnswer.model_validate({"tenants": [asdict(one) for one in await tenants.listed()]})

    @app.get("/v1/tenants/{tenant}", dependencies=authorised, responses=refusals(400, 404))
    async def shown(tenant: str) -> TenantAnswer:
        """One tenant without its secrets, and the addresses for its portal's outgoing webhooks."""
        return TenantAnswer.model_validate(asdict(await tenants.shown(_tenant(tenant))))

    @app.put("/v1/tenants/{tenant}", dependencies=authorised, responses=refusals(404, 409, 422, body=True))
    async def apply(
        tenant: str,
        document: Annotated[dict[str, Any], Body(description="The tenant's file as JSON, references resolved.")],
        *,
        dry_run: Annotated[bool, Query(description="Only say what would change.")] = False,
        by: str = BY_OPERATOR,
    ) -> AppliedAnswer:
        """Makes the tenant what its file says. The same file again changes nothing."""
        applied = await tenants.apply(_tenant(tenant), document, dry_run=dry_run, by=by)
        return AppliedAnswer.model_validate(asdict(applied))

    @app.post("/v1/tenants/{tenant}/check", dependencies=authorised, responses=refusals(400, 404, body=True))
    async def checked(tenant: str) -> CheckAnswer:
        """Asks the portal and the accounting services whether all that the file names is there."""
        name = _tenant(tenant)
        await tenants.shown(name)
        parts = [CheckedPart.model_validate(asdict(part)) for part in await check(name)]
        return CheckAnswer(tenant=name, ok=all(part.ok for part in parts), checks=parts)

    @app.post("/v1/tenants/{tenant}/suspend", dependencies=authorised, responses=refusals(400, 404, 409, body=True))
    async def suspended(tenant: str, by: str = BY_OPERATOR) -> TenantSummary:
        """Begins nothing new for the tenant."""
        return TenantSummary.model_validate(asdict(await tenants.suspend(_tenant(tenant), by)))

    @app.post("/v1/tenants/{tenant}/resume", dependencies=authorised, responses=refusals(400, 404, 409, body=True))
    async def resumed(tenant: str, by: str = BY_OPERATOR) -> TenantSummary:
        """Goes on."""
        return TenantSummary.model_validate(asdict(await tenants.resume(_tenant(tenant), by)))

    @app.post("/v1/tenants/{tenant}/remove", dependencies=authorised, responses=refusals(400, 404, 409, body=True))
    async def removed(tenant: str, by: str = BY_OPERATOR) -> TenantSummary:
        """Ends the tenant and destroys its secrets."""
        return TenantSummary.model_validate(asdict(await tenants.remove(_tenant(tenant), by)))


def _forwarded(app: FastAPI, owners: Owners, authorised: Sequence[Any]) -> None:
    @app.get("/v1/status", dependencies=authorised, responses=refusals())
    async def status() -> StatusAnswer:
        """Every service as it says of itself."""
        answers = await owners.ask_all("GET", STATUS)
        return StatusAnswer(services={a.service: a.body if a.status == 200 else {"ready": False} for a in answers})

    @app.get("/v1/deals/{tenant}/{deal}", dependencies=authorised, responses=refusals(400))
    async def story(tenant: str, deal: str) -> StoriesAnswer:
        """What each service recorded and tried about a deal."""
        path = STORY.format(tenant=_tenant(tenant), deal=_plain(deal))
        answers = await owners.ask_all("GET", path)
        found = [answer.body for answer in answers if answer.status == 200]
        return StoriesAnswer(services=found, away=[answer.service for answer in answers if answer.status != 200])

    @app.get("/v1/work", dependencies=authorised, responses=refusals(400))
    async def work(request: Request) -> WorkAnswer:
        """Due and delayed work of all services; ``?tenant=&limit=``."""
        found, others = await owners.listed("work", request.query_params)
        return WorkAnswer(work=found, away=_away(others))

    @app.get("/v1/dead", dependencies=authorised, responses=refusals(400))
    async def dead(request: Request) -> DeadAnswer:
        """Open dead letters of all services; ``?tenant=&topic=&limit=``."""
        found, others = await owners.listed("dead", request.query_params)
        return DeadAnswer(dead=found, away=_away(others))

    @app.get("/v1/decisions", dependencies=authorised, responses=refusals(400))
    async def decisions(request: Request) -> DecisionsAnswer:
        """Decision cards of all services; ``?tenant=&all=1&limit=``."""
        found, others = await owners.listed("decisions", request.query_params)
        return DecisionsAnswer(decisions=found, away=_away(others))

    @app.get("/v1/work/{work_id}", dependencies=authorised, responses=refusals(400, 404))
    async def work_item(work_id: str, request: Request) -> JSONResponse:
        """One piece of work."""
        return _passed(await owners.owner_of("work", _plain(work_id), request.query_params))

    @app.get("/v1/dead/{event_id}", dependencies=authorised, responses=refusals(400, 404))
    async def dead_letter(event_id: str, request: Request) -> JSONResponse:
        """One dead letter with headers and body."""
        return _passed(await owners.owner_of("dead", _plain(event_id), request.query_params))

    @app.get("/v1/decisions/{card_id}", dependencies=authorised, responses=refusals(400, 404, 409))
    async def decision(card_id: str, request: Request) -> JSONResponse:
        """One card."""
        return _passed(await owners.owner_of("decisions", _plain(card_id), request.query_params))

    @app.post("/v1/work/{work_id}/retry", dependencies=authorised, responses=refusals(400, 404, 409, body=True))
    async def retried(work_id: str, request: Request) -> JSONResponse:
        """Has it tried now."""
        return _passed(await _acted(owners, "work", _plain(work_id), request, {}))

    @app.post("/v1/decisions/{card_id}", dependencies=authorised, responses=refusals(404, 409, 422, body=True))
    async def taken(card_id: str, decision: Decision, request: Request) -> JSONResponse:
        """Takes a card."""
        return _passed(await _acted(owners, "decisions", _plain(card_id), request, decision.model_dump()))

    @app.post("/v1/dead/replay", dependencies=authorised, responses=refusals(422, body=True))
    async def replayed(replay: Replay) -> ReplayAnswer:
        """Handles letters again, each key in its order; every service takes those that are its own."""
        answers = await owners.ask_all("POST", REPLAY, body=replay.model_dump())
        results = [
            {"service": answer.service, **one}
            for answer in answers
            if answer.status == 200
            for one in answer.body["results"]
        ]
        done = {one["event_id"] for one in results}
        away = _away([answer for answer in answers if answer.status != 200])
        error = f"no open dead letter has this id{'; not asked: ' + ', '.join(away) if away else ''}"
        results += [{"event_id": one, "error": error} for one in replay.ids if one not in done]
        return ReplayAnswer(results=results, away=away)

    @app.post("/v1/dead/{event_id}/discard", dependencies=authorised, responses=refusals(404, 422, body=True))
    async def discarded(event_id: str, by: Discard) -> JSONResponse:
        """Gives a letter up, so that its key goes on; one message may be a letter of several services."""
        path = ACTIONS["dead"].format(id=_plain(event_id))
        answers = await owners.ask_all("POST", path, body=by.model_dump())
        done = [answer for answer in answers if answer.status == 200]
        told = [answer for answer in answers if answer.status not in (200, 404)]
        return _passed((done or told or answers)[0])

    @app.post("/v1/republish", dependencies=authorised, responses=refusals(404, 422, body=True))
    async def republished(wanted: Republish) -> JSONResponse:
        """Writes a topic anew from its writer's events."""
        topic = next((topic for topic in topics.TOPICS if topic.name == wanted.topic), None)
        if topic is None:
            names = ", ".join(topic.name for topic in topics.TOPICS)
            raise HTTPException(404, f"there is no topic {wanted.topic}; there are {names}")
        return _passed(await owners.ask(topic.writer, "POST", REPUBLISH, body=wanted.model_dump()))


async def _acted(owners: Owners, name: str, item_id: str, request: Request, body: dict[str, Any]) -> Answered:
    owner = await owners.owner_of(name, item_id, request.query_params)
    if owner.status != 200:
        return owner
    path = ACTIONS[name].format(id=item_id)
    answer = await owners.ask(owner.service, "POST", path, query=request.query_params, body=body)
    return Answered(answer.service, answer.status, {"service": answer.service, **(answer.body or {})})


def _passed(answer: Answered) -> JSONResponse:
    return JSONResponse(answer.body, answer.status or 503)


def _sentence(answer: Answered) -> str:
    return str(answer.body.get("error", "")) if isinstance(answer.body, dict) else f"status {answer.status}"


def _away(answers: Sequence[Answered]) -> list[str]:
    """Services that gave no list. A refusal that all of them give is passed on as it is."""
    told = [answer for answer in answers if 400 <= answer.status < 500]
    if told:
        raise HTTPException(told[0].status, _sentence(told[0]))
    return [answer.service for answer in answers]


def _tenant(text: str) -> TenantId:
    try:
        return tenant_id(text)
    except ValueError as error:
        raise HTTPException(400, str(error)) from error


def _plain(text: str) -> str:
    if not text or len(text) > 100 or not all(c.isalnum() or c in "-_:." for c in text) or ".." in text:
        raise HTTPException(400, "an id has letters, digits and -_:. alone")
    return text


def _bearer(token: str) -> Callable[[Request], None]:
    expected = token.encode()

    def check(request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), expected):
            raise HTTPException(401, "the API takes `Authorization: Bearer` with the token of its token file")

    return check


def _handlers(app: FastAPI) -> None:
    @app.exception_handler(TenantFileRefused)
    async def refused(request: Request, error: TenantFileRefused) -> JSONResponse:
        faults = [{**asdict(fault), "text": str(fault)} for fault in error.faults]
        return JSONResponse({"error": str(error), "faults": faults}, 422)

    @app.exception_handler(Unknown)
    async def unknown(request: Request, error: Unknown) -> JSONResponse:
        return JSONResponse({"error": f"there is no tenant {error.tenant}; apply its file first"}, 404)

    @app.exception_handler(Conflict)
    async def conflict(request: Request, error: Conflict) -> JSONResponse:
        sentence = {"tenant_removed": "the tenant was removed; apply its file to have it again"}
        problem = error.problem
        return JSONResponse({"error": sentence.get(problem.code, problem.code), "problem": asdict(problem)}, 409)

    @app.exception_handler(HTTPException)
    async def said(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": error.detail}, error.status_code)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        return JSONResponse({"error": f"the request cannot be read: {wrong}"}, 422)

    async def away(request: Request, error: Exception) -> JSONResponse:
        _log.warning("a request met a dependency that is away", error=type(error).__name__, method=request.method)
        return JSONResponse({"error": "a part that this needs is away; try again"}, 503, {"retry-after": "1"})

    for kind in (*INFRASTRUCTURE_ERRORS, KafkaError):
        app.exception_handler(kind)(away)
