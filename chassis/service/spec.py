"""What a service declares of itself, and what the chassis gives to its own code."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from starlette.routing import BaseRoute

from chassis.aggregate import StreamKind, StreamKinds
from chassis.blobs import Blobs
from chassis.clock import Clock
from chassis.domain import Problem
from chassis.engine import Engine
from chassis.health import Health
from chassis.http import VendorHttp
from chassis.ids import TenantId
from chassis.internal_api.decisions import DecideCard, take_card
from chassis.internal_api.story import DealStreams
from chassis.messaging.blocked import blocked_kind
from chassis.messaging.routing import Route, Routed
from chassis.messaging.topics import TopicSpec
from chassis.migrate import CHASSIS_MIGRATIONS
from chassis.objects import Objects, objects_at
from chassis.outcomes import Outcome, Retryable
from chassis.postgres import Database
from chassis.secrets import Keyring, Secrets
from chassis.serving import BODY_BYTES_MAX, BodyBytesMax
from chassis.settings import ServiceSettings
from chassis.subjects import Subjects
from chassis.tenants import TENANT_KIND, TenantDirectory
from chassis.wakeups import Wakeups
from chassis.work.handlers import EffectHandler, Permit, Permits, TaskHandler
from chassis.work.operations import OperationMessages, operation_kinds
from chassis.work.permits import PermitClient
from chassis.work.runner import AccountProbe
from chassis.work.vendors import WaitersOf, no_waiters
from contracts.envelope import Envelope, Message

S = TypeVar("S", bound=ServiceSettings)
Made = TypeVar("Made")


class ReadTopic(TopicSpec, Protocol):
    """A topic that a service consumes: how it is made, and which messages it carries."""

    @property
    def messages(self) -> Sequence[type[Message]]: ...


class Parts(Generic[S]):
    """What the chassis gives a service's own code; the factories of a ServiceSpec take it."""

    def __init__(self, settings: S, database: Database, engine: Engine, clock: Clock, health: Health) -> None:
        self.settings = settings
        self.database = database
        self.engine = engine
        self.clock = clock
        self.health = health
        self.http = VendorHttp(
            settings.address_policy(), total_seconds_max=settings.call_seconds_max, tls=settings.vendor_tls()
        )
        self.tenants = TenantDirectory(database)
        self.wakeups = Wakeups(database)
        self._made: dict[Any, Any] = {}

    def once(self, make: "Callable[[Parts[S]], Made]") -> Made:
        """What ``make`` gave when it was first asked for: one object that work, routes and loops share."""
        if make not in self._made:
            self._made[make] = make(self)
        found: Made = self._made[make]
        return found

    @cached_property
    def permits(self) -> PermitClient:
        """Leave to call vendors, from ingest; closed when the service ends."""
        return PermitClient(self.settings.ingest_url, self.settings.token())

    @cached_property
    def objects(self) -> Objects:
        """The object store that the services share."""
        return objects_at(self.settings.blobs_url)

    @cached_property
    def blobs(self) -> Blobs:
        """Documents' bytes."""
        return Blobs(self.objects)

    @cached_property
    def keyring(self) -> Keyring:
        """The keys that wrap data keys. Raises SettingsRefused where none are configured."""
        return Keyring.parse(self.settings.key_lines())

    @cached_property
    def secrets(self) -> Secrets:
        """Tenants' secrets at rest."""
        return Secrets(self.keyring)

    @cached_property
    def subjects(self) -> Subjects:
        """People's data by reference."""
        return Subjects(self.objects, self.keyring)


async def no_probe(tenant: TenantId, account: str, permit: Permit) -> Outcome[Any]:
    """For services that call no vendor."""
    return Retryable(Problem("no_vendor"))


@dataclass(frozen=True, slots=True)
class Work:
    """A service's handlers of due work. ``permits`` None asks ingest; ``waiters_of`` tells who else hears of
    delays."""

    effects: Sequence[EffectHandler] = ()
    tasks: Sequence[TaskHandler] = ()
    probe_account: AccountProbe = no_probe
    permits: Permits | None = None
    waiters_of: WaitersOf = no_waiters


def _no_work(parts: Parts[Any]) -> Work:
    return Work()


def _no_routes(parts: Parts[Any]) -> Sequence[BaseRoute]:
    return ()


def _no_loops(parts: Parts[Any]) -> Mapping[str, Coroutine[Any, Any, None]]:
    return {}


async def _not_busy(parts: Parts[Any]) -> int:
    return 0


def _nothing(message: Message, envelope: Envelope) -> Sequence[Routed]:
    return ()


def _deal_stream(deal: str) -> Sequence[str]:
    return (f"deal-{deal}",)


def _own_body_max(path: str) -> int:
    return BODY_BYTES_MAX


@dataclass(frozen=True)
class ServiceSpec(Generic[S]):
    """All that makes a service: its streams, its topics and messages, its work and its HTTP.

    ``kinds`` are its own; the chassis adds the tenants' states (unless ``follows_tenants`` is off) and, with
    ``operations`` and ``operations_topic``, outages, delays and keys behind dead letters. ``loops`` are background
    coroutines that run until they are cancelled. ``busy`` counts open work beside due work. ``body_bytes_max`` is by
    path.
    """

    name: str
    settings: type[S]
    kinds: Sequence[StreamKind[Any, Any]]
    migrations: Path | None = None
    reads: Sequence[ReadTopic] = ()
    writes: Sequence[TopicSpec] = ()
    route: Route = _nothing
    work: Callable[[Parts[S]], Work] = _no_work
    routes: Callable[[Parts[S]], Sequence[BaseRoute]] = _no_routes
    loops: Callable[[Parts[S]], Mapping[str, Coroutine[Any, Any, None]]] = _no_loops
    busy: Callable[[Parts[S]], Awaitable[int]] = _not_busy
    operations: OperationMessages | None = None
    operations_topic: str = ""
    deal_of: Callable[[str], str] = lambda stream: ""
    deal_streams: DealStreams = _deal_stream
    decide_card: DecideCard = take_card
    body_bytes_max: BodyBytesMax = _own_body_max
    follows_tenants: bool = True

    def stream_kinds(self) -> StreamKinds:
        """The service's kinds with those that the chassis adds."""
        kinds = [*self.kinds, *((TENANT_KIND,) if self.follows_tenants else ())]
        if self.operations is not None:
            topic, said = self.operations_topic, self.operations
            kinds += operation_kinds(topic, said, kinds, self.deal_of)
            kinds.append(blocked_kind(topic, said.letters_began, said.letters_ended))
        return StreamKinds(kinds)

    def migration_folders(self) -> list[Path]:
        """The folders of SQL that the service's database needs."""
        return [CHASSIS_MIGRATIONS, *((self.migrations,) if self.migrations is not None else ())]
