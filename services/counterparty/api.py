"""First syncs over HTTP: begin one, see how far it is, read what it found."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.clock import Clock
from chassis.engine import Command, Engine
from chassis.ids import TenantId
from chassis.internal_api.requests import checked_tenant, json_of, limit_of, refusal, reply, text_of
from chassis.openapi import answers
from chassis.postgres import Database
from chassis.tenants import TenantDirectory
from chassis.wakeups import WORK
from connectors.registry import Capability, accounting_of
from services.counterparty.domain import records, sync
from services.counterparty.store.syncs import Run, SyncStore

OUTCOMES: Final = ("to_pair", "paired", "to_create", "created", "to_enter", "entered", "conflict", "skipped")
_CREATING: Final = ("creating", "entering", "done")


class SyncApi:
    """What ``ingest`` forwards of ``/api/v1/sync``."""

    def __init__(
        self, database: Database, engine: Engine, store: SyncStore, tenants: TenantDirectory, clock: Clock
    ) -> None:
        self._database = database
        self._engine = engine
        self._store = store
        self._tenants = tenants
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """The addresses."""
        return [
            Route("/internal/sync/{tenant}", self.began, methods=["POST"]),
            Route("/internal/sync/{tenant}", self.shown, methods=["GET"]),
            Route("/internal/sync/{tenant}/items", self.items, methods=["GET"]),
        ]

    @answers(200, 400, 404, 409)
    async def began(self, request: Request) -> Response:
        """``{apply, seller, by}``: begins a sync of each seller's account, or of one seller's; one that is under way
        goes on. 409 where a comparison alone is asked for while one is carried out."""
        tenant, body = checked_tenant(request.path_params["tenant"]), await json_of(request)
        apply = body.get("apply", False)
        if not isinstance(apply, bool):
            raise HTTPException(400, "`apply` is true or false")
        settings = await self._settings(tenant)
        commands = [
            Command(
                tenant,
                sync.stream_of(account),
                sync.BeginSync(
                    tenant=tenant,
                    account=account,
                    crm_account=settings["crm_account"],
                    apply=apply,
                    listed=accounting_of(account).can(Capability.LIST_COUNTERPARTIES),
                    by=text_of(body, "by", "operator"),
                    # Only a list tells what the CRM lacks.
                    enter=records.wanted(settings) and accounting_of(account).can(Capability.LIST_COUNTERPARTIES),
                ),
                f"person:{uuid.uuid4()}",
                {"cause": "operator"},
            )
            for _, account in _accounts(settings, text_of(body, "seller", ""))
        ]
        async with self._database.transaction([tenant]) as connection:
            done = await self._engine.execute(connection, commands, self._clock.now())
        refused = next((one.refused for one in done if one.refused is not None), None)
        if refused is not None:
            return refusal(refused.problem)
        self._database.wake(WORK)
        return await self._told(tenant, settings, text_of(body, "seller", ""))

    @answers(200, 400, 404, 409)
    async def shown(self, request: Request) -> Response:
        """``?seller=``: how far each seller's sync is, and what came of the companies up to now."""
        tenant = checked_tenant(request.path_params["tenant"])
        return await self._told(tenant, await self._settings(tenant), request.query_params.get("seller", ""))

    @answers(200, 400, 404, 409)
    async def items(self, request: Request) -> Response:
        """``?seller=&outcome=&after=&limit=``: the companies of one seller's sync, and what came of each."""
        tenant, query = checked_tenant(request.path_params["tenant"]), request.query_params
        outcome = query.get("outcome", "")
        if outcome and outcome not in OUTCOMES:
            raise HTTPException(400, f"outcome is one of {', '.join(OUTCOMES)}")
        accounts = _accounts(await self._settings(tenant), query.get("seller", ""))
        if len(accounts) != 1:
            raise HTTPException(400, "the tenant has several sellers: name one, ?seller=ID")
        account = accounts[0][1]
        state = await self._store.state(tenant, account)
        limit = limit_of(request)
        found = await self._store.listed(
            Run(tenant, account, state.run),
            creating=state.phase in _CREATING,
            after=query.get("after", ""),
            outcome=outcome,
            limit=limit,
        )
        return reply({"run": state.run, "items": found, "next": found[-1]["item"] if len(found) == limit else None})

    async def _settings(self, tenant: TenantId) -> Mapping[str, Any]:
        view = await self._tenants.view(tenant)
        if not view.version or view.status == "removed":
            raise HTTPException(404, f"there is no tenant {tenant}; apply its file first")
        if not view.settings.get("crm_account"):
            raise HTTPException(409, "the tenant has no portal to read companies from")
        return view.settings

    async def _told(self, tenant: TenantId, settings: Mapping[str, Any], seller: str) -> Response:
        told = [await self._of(tenant, *one) for one in _accounts(settings, seller)]
        return reply({"tenant": tenant, "syncs": told})

    async def _of(self, tenant: TenantId, seller: str, account: str) -> Mapping[str, Any]:
        state = await self._store.state(tenant, account)
        vendor, creating = accounting_of(account), state.phase in _CREATING
        counts = await self._store.counts(Run(tenant, account, state.run), creating=creating)
        return {
            "seller": seller,
            "account": account,
            "vendor": vendor.vendor,
            "listed": vendor.can(Capability.LIST_COUNTERPARTIES),
            "run": state.run,
            "phase": state.phase,
            "apply": state.apply,
            "under_way": state.under_way,
            "began_at": None if state.began is None else state.began.began_at.isoformat(),
            "compared_at": None if state.compared_at is None else state.compared_at.isoformat(),
            "ended_at": None if state.ended_at is None else state.ended_at.isoformat(),
            "companies": counts.get("companies", 0),
            "records": counts.get("records", 0),
            "outcomes": {name: counts.get(name, 0) for name in OUTCOMES},
        }


def _accounts(settings: Mapping[str, Any], seller: str) -> Sequence[tuple[str, str]]:
    """Each seller with its account, or one of them. Raises 404."""
    known = [(str(one["seller_id"]), str(one["connection"]["account"])) for one in settings.get("sellers", ())]
    found = [one for one in known if seller in ("", one[0])]
    if not found:
        names = ", ".join(name for name, _ in known) or "none"
        raise HTTPException(404, f"there is no seller {seller[:40]!r}; there are: {names}")
    return found
