"""Connects portals to tenants in mode app: what an installation, a page or a code hands over is stored before it is
answered, believed once the authorisation server vouches for it, and kept with the tenant's other secrets."""

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Final, assert_never
from urllib.parse import urlsplit
from uuid import UUID

import orjson

from chassis import log
from chassis.clock import Clock
from chassis.domain import Problem, Refused
from chassis.engine import Command, Engine
from chassis.http import AddressPolicy, AddressRefused
from chassis.ids import TenantId
from chassis.outcomes import Deferred, Failure, Ok, Outcome, Rejected, Retryable, Uncertain
from chassis.postgres import INFRASTRUCTURE_ERRORS, Connection, Database, is_infrastructure
from chassis.secrets import KeyMissing, SecretBroken, Secrets
from chassis.work import breaker
from chassis.work.handlers import TOKEN_REFUSED, Permit
from connectors.ports.crm.access import AccessOffer, AppCredentials, CrmAccess, IsAdmin, TokenFacts
from services.ingest import metrics
from services.ingest.api.directory import Owner
from services.ingest.api.portals import Portals
from services.ingest.api.tokens import SAVE_AGAIN_SECONDS, SAVE_TRIES_MAX
from services.ingest.domain import portal
from services.ingest.store import offers, webhooks
from services.ingest.store.connections import (
    APPLICATION_TOKEN,
    CLIENT_ID,
    CLIENT_SECRET,
    ENDPOINT,
    HOOK_SECRET,
    MEMBER_ID,
    OAUTH,
    Account,
    ConnectionStore,
)
from services.ingest.store.offers import Waiting
from services.ingest.store.webhooks import Webhook

LEASE_SECONDS: Final = 90.0
KEPT_SECONDS: Final = 86_400.0
LOOK_SECONDS: Final = 5.0
AGAIN_SECONDS: Final = (5.0, 15.0, 45.0, 60.0)
TOKEN_SECONDS: Final = 3_600.0
ANSWER_POLL_SECONDS: Final = 0.05

Changed = Callable[[TenantId], None]

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class _Vouched:
    """An offer that the authorisation server vouches for, with the tokens to be kept."""

    offer: AccessOffer
    facts: TokenFacts


def credentials_of(account: Account) -> AppCredentials:
    """The application of an account in mode app."""
    return AppCredentials(account.secrets[OAUTH], account.secrets[CLIENT_ID], account.secrets[CLIENT_SECRET])


def state_of(account: Account) -> str:
    """What the page of authorisation gives back unchanged, so that a stranger's code is not taken for the owner's."""
    key = account.secrets[HOOK_SECRET].encode()
    return hmac.new(key, account.secrets[CLIENT_ID].encode(), hashlib.sha256).hexdigest()[:32]


class Installer:
    """Takes offers of access. ``run`` is a background loop; several processes may have one."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        clock: Clock,
        secrets: Secrets,
        store: ConnectionStore,
        access: CrmAccess,
        admins: IsAdmin,
        portals: Portals,
        policy: AddressPolicy,
        changed: Sequence[Changed],
    ) -> None:
        self._database = database
        self._engine = engine
        self._clock = clock
        self._secrets = secrets
        self._store = store
        self._access = access
        self._admins = admins
        self._portals = portals
        self._policy = policy
        self._changed = tuple(changed)
        self._more = asyncio.Event()

    # What arrives

    async def account(self, owner: Owner) -> Account | None:
        """The account behind an address as it is now."""
        async with self._database.transaction([owner.tenant]) as connection:
            return await self._store.find(connection, owner.tenant, owner.account)

    async def keep(self, owner: Owner, webhook: Webhook, offer: AccessOffer) -> tuple[int, UUID]:
        """Stores an offer with the webhook that brought it, and has it looked at; its delivery id and its own. Raises
        the infrastructure errors of Postgres."""
        async with self._database.transaction([owner.tenant]) as connection:
            (delivery_id,) = await webhooks.insert(connection, [webhook], self._clock.now())
            text = orjson.dumps(asdict(offer)).decode()
            offer_id = await offers.keep(connection, self._secrets, owner.tenant, text, delivery_id)
        self._more.set()
        return delivery_id, offer_id

    async def answered(self, owner: Owner, offer_id: UUID, seconds: float) -> bool:
        """Whether an offer was decided upon within some seconds."""
        try:
            async with asyncio.timeout(seconds):
                while await self._waits(owner.tenant, offer_id):  # noqa: ASYNC110 - another process may decide
                    await asyncio.sleep(ANSWER_POLL_SECONDS)
        except TimeoutError:
            return False
        return True

    async def exchanged(self, account: Account, code: str) -> AccessOffer | Failure:
        """The offer of a code, which lives too short to be stored itself."""
        answer = await self._access.exchange(credentials_of(account), code)
        if not isinstance(answer, Ok):
            return answer
        pair = answer.value
        return AccessOffer("authorised", pair.access_token, pair.refresh_token, member_id=pair.member_id)

    async def uninstalled(self, owner: Owner, webhook: Webhook) -> int:
        """The application was removed: its tokens are destroyed, and nothing new is begun for the tenant. Raises the
        infrastructure errors of Postgres."""
        async with self._database.transaction([owner.tenant]) as connection:
            await self._lock(connection, owner.tenant)
            (delivery_id,) = await webhooks.insert(connection, [webhook], self._clock.now())
            account = await self._store.find(connection, owner.tenant, owner.account, locked=True)
            if account is not None and account.profile == portal.APP:
                await self._store.lose_pair(connection, account, "uninstalled")
                await self._told(connection, owner.tenant, portal.LosePortal("uninstalled"), f"delivery:{delivery_id}")
        self._forget(owner.tenant)
        _log.warning("the application was removed from a portal; the tenant's work stops", account=owner.account)
        return delivery_id

    async def lose(self, connection: Connection, account: Account) -> bool:
        """The vendor takes an account's refresh token no more: it is destroyed, and the tenant's work stops; False when
        another has replaced it."""
        await self._lock(connection, account.tenant)  # before the row, here as everywhere
        if not await self._store.lose_pair(connection, account, "lost"):
            return False
        mark = hashlib.sha256(account.pair_mark or b"").hexdigest()[:16]
        await self._told(connection, account.tenant, portal.LosePortal("lost"), f"pair:{mark}")
        return True

    # What becomes of it

    async def run(self) -> None:
        """Decides upon offers until it is cancelled."""
        while True:
            try:
                async with self._database.delivery_connection() as connection:
                    waiting = await offers.take_due(connection, LEASE_SECONDS, KEPT_SECONDS)
                await asyncio.gather(*(self._looked_at(one) for one in waiting))
            except INFRASTRUCTURE_ERRORS as error:
                _log.warning("offers of access are looked at later", error=type(error).__name__)
            self._more.clear()
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._more.wait()
            except TimeoutError:
                continue

    async def _looked_at(self, waiting: Waiting) -> None:
        """Decides upon one offer; one that meets a defect is put off, and in the end refused, and holds up no other."""
        try:
            await self._decide(waiting)
        except Exception as error:
            if is_infrastructure(error):
                raise
            metrics.OFFERS.labels("", "failed").inc()
            name = type(error).__name__
            _log.error("an offer of access met a defect", tenant=waiting.tenant, error=name, exc_info=error)
            await self._put_off(waiting)

    async def _decide(self, waiting: Waiting) -> None:
        if waiting.old:
            await self._refuse(waiting, "portal_not_vouched_for")
            return
        try:
            async with self._database.transaction([waiting.tenant]) as connection:
                account = await self._store.find(connection, waiting.tenant, portal.crm_account(waiting.tenant))
                text = await offers.find(connection, self._secrets, waiting)
        except (SecretBroken, KeyMissing) as error:
            _log.error("an offer of access does not open", tenant=waiting.tenant, error=type(error).__name__)
            return
        if text is None:
            return
        offer = AccessOffer(**orjson.loads(text))
        if account is None or account.profile != portal.APP:
            await self._refuse(waiting, "portal_not_in_app_mode")
        else:
            await self._settle(waiting, account, await self._vouched(waiting, account, offer))

    async def _settle(self, waiting: Waiting, account: Account, found: _Vouched | Failure) -> None:
        match found:
            case _Vouched():
                await self._take(waiting, found)
            case Rejected():
                await self._refuse(waiting, found.problem.code)
            case Deferred() | Retryable() | Uncertain():
                _log.warning("nobody could vouch for an offer of access yet", account=account.account,
                             reason=found.problem.code)  # fmt: skip
                await self._put_off(waiting)
            case _:
                assert_never(found)

    async def _put_off(self, waiting: Waiting) -> None:
        seconds = AGAIN_SECONDS[min(waiting.tries, len(AGAIN_SECONDS) - 1)]
        async with self._database.transaction([waiting.tenant]) as connection:
            await offers.put_off(connection, waiting, seconds)

    async def _vouched(self, waiting: Waiting, account: Account, offer: AccessOffer) -> _Vouched | Failure:
        """The word of the authorisation server, by the access token or, when that is spent, by a new pair."""
        app = credentials_of(account)
        told = await self._access.inspect(app, offer.access_token)
        if _spent(told) and offer.refresh_token:
            renewed = await self._access.renew(app, offer.refresh_token)
            if not isinstance(renewed, Ok):
                return renewed
            pair = renewed.value
            offer = replace(offer, access_token=pair.access_token, refresh_token=pair.refresh_token)
            await self._keep_renewed(waiting, offer)
            told = await self._access.inspect(app, offer.access_token)
        if not isinstance(told, Ok):
            return told
        refused = self._unfit(account, offer, told.value)
        if refused is not None:
            return Rejected(Problem(refused))
        if offer.kind in ("opened", "authorised"):
            # Anybody may open a page; what the tenant's work is done with has to be an administrator's.
            admin = await self._admins.is_admin(self._permit(account, offer, told.value))
            if not isinstance(admin, Ok):
                return admin
            if not admin.value:
                return Rejected(Problem("portal_needs_an_admin"))
        return _Vouched(offer, told.value)

    async def _keep_renewed(self, waiting: Waiting, offer: AccessOffer) -> None:
        """Writes a new pair, again and again while Postgres is away: the one before it opens nothing any more."""
        for tries in range(1, SAVE_TRIES_MAX + 1):
            try:
                async with self._database.transaction([waiting.tenant]) as connection:
                    await offers.replace(connection, self._secrets, waiting, orjson.dumps(asdict(offer)).decode())
            except INFRASTRUCTURE_ERRORS as error:
                if tries == SAVE_TRIES_MAX:
                    raise
                if tries == 1:
                    _log.warning(
                        "a pair of tokens is not stored yet", tenant=waiting.tenant, error=type(error).__name__
                    )
                await asyncio.sleep(SAVE_AGAIN_SECONDS)
            else:
                return

    def _unfit(self, account: Account, offer: AccessOffer, facts: TokenFacts) -> str | None:
        if not facts.is_of(account.secrets[CLIENT_ID]):
            return "portal_of_another_app"
        if offer.member_id and facts.member_id != offer.member_id:
            return "portal_is_another"
        if account.secrets[MEMBER_ID] and facts.member_id != account.secrets[MEMBER_ID]:
            return "portal_is_another"
        if offer.kind != "updated" and not offer.refresh_token:
            return "portal_gave_no_refresh_token"
        try:
            self._policy.check_url(facts.endpoint)
        except AddressRefused:
            return "address_refused"
        return None

    def _permit(self, account: Account, offer: AccessOffer, facts: TokenFacts) -> Permit:
        ends_at = self._clock.now() + timedelta(seconds=LEASE_SECONDS)
        return Permit(account.account, facts.endpoint, offer.access_token, 1, ends_at)

    async def _take(self, waiting: Waiting, vouched: _Vouched) -> None:
        tenant, offer, facts = waiting.tenant, vouched.offer, vouched.facts
        async with self._database.transaction([tenant]) as connection:
            await self._lock(connection, tenant)
            if not await offers.waits(connection, tenant, waiting.offer_id):
                return  # another process took it while this one stood still: its pair may be spent by now
            account = await self._store.find(connection, tenant, portal.crm_account(tenant), locked=True)
            if account is None or account.profile != portal.APP or self._unfit(account, offer, facts) is not None:
                return  # the tenant was changed meanwhile: looked at again when its turn comes
            learned = {ENDPOINT: facts.endpoint, MEMBER_ID: facts.member_id}
            if offer.application_token:
                learned[APPLICATION_TOKEN] = offer.application_token
            wanted = replace(account, secrets={**account.secrets, **learned})
            await self._store.save(connection, wanted, keeps_pair=True)
            refused = None
            if offer.kind != "updated":
                ends_at = self._clock.now() + timedelta(seconds=TOKEN_SECONDS)
                await self._store.swap_pair(connection, wanted, offer.access_token, offer.refresh_token, ends_at)
            if offer.kind != "updated" or account.state == "connected":
                body = portal.ConnectPortal(facts.member_id, urlsplit(facts.endpoint).netloc, facts.user_id)
                refused = await self._told(connection, tenant, body, f"offer:{waiting.offer_id}")
            await breaker.probe_now(connection, tenant, account.account, self._clock.now())
            await offers.drop(connection, waiting)
            if refused is not None:
                await webhooks.refuse(connection, tenant, waiting.delivery_id, refused.code)
        self._forget(tenant)
        metrics.OFFERS.labels(offer.kind, "taken").inc()
        _log.info("a portal is connected", account=account.account, reason=offer.kind)
        await self._portals.warnings(wanted)

    async def _refuse(self, waiting: Waiting, code: str) -> None:
        async with self._database.transaction([waiting.tenant]) as connection:
            await offers.drop(connection, waiting)
            await webhooks.refuse(connection, waiting.tenant, waiting.delivery_id, code)
        metrics.OFFERS.labels("", "refused").inc()
        _log.warning("an offer of access was refused", tenant=waiting.tenant, reason=code)

    async def _told(
        self, connection: Connection, tenant: TenantId, body: portal.Command, command_id: str
    ) -> Problem | None:
        command = Command(tenant, portal.STREAM, body, command_id, {"by": "portal", "cause": "portal"})
        (executed,) = await self._engine.execute(connection, [command], self._clock.now())
        return executed.refused.problem if isinstance(executed.refused, Refused) else None

    async def _lock(self, connection: Connection, tenant: TenantId) -> None:
        await self._engine.lock(connection, [self._engine.key_of(tenant, portal.STREAM)])

    async def _waits(self, tenant: TenantId, offer_id: UUID) -> bool:
        async with self._database.transaction([tenant]) as connection:
            return await offers.waits(connection, tenant, offer_id)

    def _forget(self, tenant: TenantId) -> None:
        for changed in self._changed:
            changed(tenant)


def _spent(told: Outcome[TokenFacts]) -> bool:
    return isinstance(told, Retryable) and told.problem.code == TOKEN_REFUSED
