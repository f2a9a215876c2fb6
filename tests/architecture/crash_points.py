"""The crash points of the money path, derived from every commit, vendor call, Kafka send and acknowledgement in the
sources; the few that lie off the path are named with their reason."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chassis.work.permits import PERMITS_PATH
from contracts.topics import SERVICES, read_by, written_by
from tests.architecture.sources import Source, called, sources

FOLDERS: Final = ("chassis", "services", "connectors")
VENDORS: Final = ("bitrix24", "elba")
"""The vendors that the path is walked with; calls to others go through the same places of the chassis."""
INTAKE: Final = "chassis.messaging.intake.Intake.run"
COMMITTER: Final = "chassis.work.committer.Committer._transaction"

_READ = "reads only: a crash there is one between the commits around it"
_PEOPLE = "an answer to people or operators, not a step of a deal"
_LOSS = "after a loss at the broker, which has tests of its own"
_OUTAGE = "at a vendor's outage or limit, which have tests of their own"
_OPERATIONS = "speaks of outages, and of questions that this service does not ask on the path"
_CHANGES = "changes and voids what was issued"
_ORDERS = "orders of shops, which have tests of their own and then go a deal's way"
_CHECK = "a look at a tenant's settings"
_CALLBACKS = "calls of an accounting service, which come beside its polls"
_GOODS = "goods that the nomenclature lacks, where a mapping list is kept: the path's accounting service has none"
_EDI = "electronic documents, which the sellers of the path do not exchange"
_REGISTERS = "asks the state register, for tenants that have a provider; an answer that is lost is asked for again"
_SYNC = "first syncs, which come beside the deals and have tests of their own"
_STATEMENTS = "bank statement files, which come beside the deals"
_ENTERED = "what accountants enter by themselves, which has tests of its own"
_APP = "the connection of a portal by an application, which has tests of its own"

OFF_PATH: Final[Mapping[str, str]] = {
    "settle/follow-review": "drafts that an accountant posts: the path's accounting service has none",
    "services.invoicing.store.DocumentStore.document": "PDFs of our own making: the path's service gives them",
    "chassis.internal_api.decisions.DecisionsApi._cards": _READ,
    "chassis.internal_api.status.StatusApi.read": _READ,
    "chassis.internal_api.story.StoryApi.told": _READ,
    "chassis.internal_api.work.WorkApi.listed": _READ,
    "chassis.internal_api.work.WorkApi.shown": _READ,
    "chassis.internal_api.work.WorkApi.retried": _PEOPLE,
    "chassis.lag.Lag._count": _READ,
    "chassis.messaging.assignment.Assignment._check": _READ,
    "commit.before[chassis.messaging.intake.Intake.run]": "letters of nobody: no message of the path is one",
    "commit.after[chassis.messaging.intake.Intake.run]": "letters of nobody: no message of the path is one",
    "chassis.messaging.intake.Intake._up_to_the_limit": _READ,
    "chassis.messaging.relay.count_letters": _READ,
    "chassis.messaging.relay.keep_house": "forgets what is old",
    "chassis.messaging.replay.DeadLetterOffice.search": _READ,
    "chassis.messaging.replay.DeadLetterOffice.show": _READ,
    "chassis.messaging.replay.DeadLetterOffice.discard": _PEOPLE,
    "chassis.messaging.replay.DeadLetterOffice._replay_key": "dead letters: no message of the path is one",
    "chassis.messaging.replay.DeadLetterOffice._replay_nobodys": "dead letters: no message of the path is one",
    "chassis.messaging.republish.republish": _LOSS,
    "chassis.migrate.schema_fits": _READ,
    "chassis.migrate._run": "before any service starts",
    "chassis.rebuild.rebuild": "rebuilds read rows while nothing else is at stake",
    "chassis.rebuild._switch": "rebuilds read rows while nothing else is at stake",
    "chassis.service.running.Service._open_database.<locals>.check": _READ,
    "chassis.tenants.TenantDirectory.view": _READ,
    "chassis.tenants.TenantDirectory.known": _READ,
    "chassis.walk.steps": _READ,
    "chassis.work.runner.WorkRunner._housekeeping": "reads, and moves the next look at an account that is down",
    "chassis.work.runner.WorkRunner._read_rules": _READ,
    "chassis.work.runner.WorkRunner._resume": _OUTAGE,
    "services.counterparty.store.PartyStore.party": _READ,
    "services.counterparty.store.companies.CompanyStore.card": _READ,
    "services.counterparty.store.companies.CompanyStore.usage": _READ,
    "services.counterparty.store.companies.CompanyStore.keep": _REGISTERS,
    "services.counterparty.store.companies.CompanyStore.count": _REGISTERS,
    "services.counterparty.store.companies.CompanyStore.answered": _REGISTERS,
    "services.counterparty.store.companies.CompanyStore.close": _REGISTERS,
    "settle/look-up-company": _REGISTERS,
    "services.ingest.store.cards.CardStore.plan_read": _REGISTERS,
    "services.ingest.store.cards.CardStore.plan_changed": _REGISTERS,
    "settle/read-card": _REGISTERS,
    "intend/crm-company": _REGISTERS,
    "settle/crm-company": _REGISTERS,
    "bitrix24.requisite": _REGISTERS,
    "bitrix24.read_card": _REGISTERS,
    "services.counterparty.store.PartyStore.made": _READ,
    "settle/watch-counterparties": _ENTERED,
    "settle/find-crm-cards": _ENTERED,
    "intend/crm-newcomer": _ENTERED,
    "settle/crm-newcomer": _ENTERED,
    "bitrix24.companies_by_inn": _ENTERED,
    "bitrix24.make_company": _ENTERED,
    "companies": _REGISTERS,
    "take/companies": _REGISTERS,
    "company-cards": _REGISTERS,
    "take/company-cards": _REGISTERS,
    "services.invoicing.workers.edi.FetchEdiFiles.run": _EDI,
    "services.invoicing.workers.edi.PrepareEdi._written": _EDI,
    "intend/edi-invite": _EDI,
    "intend/edi-post": _EDI,
    "settle/edi-begin": _EDI,
    "settle/edi-files": _EDI,
    "settle/edi-invite": _EDI,
    "settle/edi-look": _EDI,
    "settle/edi-partner": _EDI,
    "settle/edi-poll": _EDI,
    "settle/edi-post": _EDI,
    "settle/edi-prepare": _EDI,
    "services.invoicing.store.DocumentStore.edi_streams": _READ,
    "settle/check-cancel": "services that cannot cancel: the path's can",
    "services.invoicing.api.executed": _PEOPLE,
    "services.invoicing.store.DocumentStore.mapped": _READ,
    "services.invoicing.store.DocumentStore.goods": _READ,
    "settle/list-goods": _GOODS,
    "settle/tell-goods": _GOODS,
    "services.counterparty.store.syncs.SyncStore.state": _READ,
    "services.counterparty.store.syncs.SyncStore.inns": _READ,
    "services.counterparty.store.syncs.SyncStore.groups": _READ,
    "services.counterparty.store.syncs.SyncStore._items": _READ,
    "services.counterparty.store.syncs.SyncStore.on_their_way": _READ,
    "services.counterparty.store.syncs.SyncStore.unsettled": _READ,
    "services.counterparty.store.syncs.SyncStore.counts": _READ,
    "services.counterparty.store.syncs.SyncStore.listed": _READ,
    "services.counterparty.store.syncs.SyncStore.lone_inns": _READ,
    "services.counterparty.store.syncs.SyncStore.records": _READ,
    "services.counterparty.store.syncs.SyncStore.to_enter": _READ,
    "services.counterparty.store.syncs.SyncStore.lacking": _READ,
    "services.counterparty.store.syncs.SyncStore.handed": _READ,
    "services.counterparty.store.PartyStore.cards": _READ,
    "services.counterparty.store.syncs.SyncStore.forget_others": _SYNC,
    "services.counterparty.store.syncs.SyncStore.keep_companies": _SYNC,
    "services.counterparty.store.syncs.SyncStore.keep_records": _SYNC,
    "services.counterparty.store.syncs.SyncStore.judge_the_rest": _SYNC,
    "services.counterparty.store.syncs.SyncStore.keep_compared": _SYNC,
    "services.counterparty.store.syncs.SyncStore.keep_lone": _SYNC,
    "services.counterparty.store.syncs.SyncStore.judge": _SYNC,
    "services.counterparty.store.syncs.SyncStore.leave_the_rest": _SYNC,
    "services.counterparty.api.SyncApi.began": _SYNC,
    "settle/sync-read-crm": _SYNC,
    "settle/sync-read-accounting": _SYNC,
    "settle/sync-look-up": _SYNC,
    "settle/sync-compare": _SYNC,
    "settle/sync-link": _SYNC,
    "settle/sync-create": _SYNC,
    "settle/sync-enter": _SYNC,
    "bitrix24.list_companies": _SYNC,
    "bitrix24.read_companies": _SYNC,
    "services.ingest.api.directory.HookOwners.of_portal": _READ,
    "services.ingest.api.directory.HookOwners.of_shop": _READ,
    "services.ingest.api.permits.PermitDesk._account": _READ,
    "services.ingest.api.permits.PermitDesk._limited": _OUTAGE,
    "services.ingest.api.installing.Installer.account": _APP,
    "services.ingest.api.installing.Installer.keep": _APP,
    "services.ingest.api.installing.Installer.uninstalled": _APP,
    "services.ingest.api.installing.Installer.run": _APP,
    "services.ingest.api.installing.Installer._decide": _APP,
    "services.ingest.api.installing.Installer._settle": _APP,
    "services.ingest.api.installing.Installer._vouched": _APP,
    "services.ingest.api.installing.Installer._take": _APP,
    "services.ingest.api.installing.Installer._refuse": _APP,
    "services.ingest.api.installing.Installer._waits": _APP,
    "services.ingest.api.tokens.Tokens.refused": _OUTAGE,
    "services.ingest.api.tokens.Tokens._without": _OUTAGE,
    "services.ingest.api.tokens.Tokens._saved": _APP,
    "services.ingest.api.tokens.Tokens._given_up": _APP,
    "services.ingest.api.public.application.<locals>.deliveries": _READ,
    "services.ingest.api.tenants.Tenants.listed": _READ,
    "services.ingest.api.tenants.Tenants.shown": _READ,
    "services.ingest.api.tenants.Tenants._told": "suspends, resumes and removes tenants",
    "services.ingest.app._Whole._hook_url": _READ,
    "services.ingest.app._Whole._keep_move": "a portal that moved to another host",
    "services.ingest.app._Whole._drop_old": "forgets what is old",
    "services.ingest.store.deals.DealStore.tenant": _READ,
    "services.ingest.store.deals.DealStore.known": _READ,
    "services.ingest.store.deals.DealStore.unread_upto": _READ,
    "services.ingest.store.deals.DealStore.unknown_entries": _READ,
    "services.ingest.store.deals.DealStore.changed_since_read": _READ,
    "services.ingest.store.deals.DealStore.buyers_changed_since_read": _READ,
    "services.ingest.store.deals.DealStore.deals_of_buyer": _READ,
    "services.ingest.store.orders.OrderStore._kept": _ORDERS,
    "services.ingest.store.orders.OrderStore.known": _READ,
    "services.ingest.store.orders.OrderStore.mark_read": _ORDERS,
    "services.ingest.store.orders.OrderStore.drop_old": "forgets what is old",
    "settle/read-order": _ORDERS,
    "services.payments.store.PaymentStore.invoices": _READ,
    "services.payments.store.PaymentStore.invoice": _READ,
    "services.payments.store.PaymentStore.known": _READ,
    "services.payments.store.PaymentStore.unmatched": _READ,
    "services.payments.store.PaymentStore.shares": _READ,
    "services.payments.store.PaymentStore.open_invoices": _READ,
    "services.ingest.api.directory.HookOwners.of_accounting": _READ,
    "services.ingest.api.callbacks.Callbacks._tell": _CALLBACKS,
    "callbacks": _CALLBACKS,
    "take/callbacks": _CALLBACKS,
    "settle/poll-payments-now": _CALLBACKS,
    "settle/poll-balances": "a poll of another vendor's accounts, committed as that of payments",
    "services.ingest.api.statements.Statements.take": _STATEMENTS,
    "services.payments.store.bank.BankStore.day": _READ,
    "services.payments.store.bank.BankStore.days_known": _READ,
    "services.payments.store.bank.BankStore.payables": _READ,
    "services.payments.store.bank.BankStore.payable": _READ,
    "services.payments.store.bank.BankStore.allotted": _READ,
    "services.payments.store.bank.BankStore.stream_of": _READ,
    "services.payments.store.bank.BankStore.operations": _READ,
    "services.payments.store.bank.BankStore.statements": _READ,
    "services.payments.api.BankApi._told": _PEOPLE,
    "statements": _STATEMENTS,
    "take/statements": _STATEMENTS,
    "settle/load-statement": _STATEMENTS,
    "settle/match-operations": _STATEMENTS,
    "settle/match-operations-later": _STATEMENTS,
    "settle/look-up-pointed": _STATEMENTS,
    "settle/allot-payments": _STATEMENTS,
    "ingest.operations": _OPERATIONS,
    "take/ingest.operations": _OPERATIONS,
    "counterparty.operations": _OPERATIONS,
    "take/counterparty.operations": _OPERATIONS,
    "payments.operations": _OPERATIONS,
    "take/payments.operations": _OPERATIONS,
    "notifier.operations": _OPERATIONS,
    "take/notifier.operations": _OPERATIONS,
    "settle/crm-chat": "tells of outages and of invoices that are overdue",
    "intend/crm-chat": "tells of outages and of invoices that are overdue",
    "settle/cancel-invoice": _CHANGES,
    "intend/cancel-invoice": _CHANGES,
    "elba.cancel_invoice": _CHANGES,
    "elba.read_invoice": _CHANGES,
    "settle/request-deadline": "due a day later",
    "settle/look-at-due": "due a day after the invoice is",
    "elba.read_act": "no service asks for it",
    "elba.ping": _OUTAGE,
    "bitrix24.ping": _OUTAGE,
    "bitrix24.oauth_token": _APP,
    "bitrix24.oauth_inspect": _APP,
    "bitrix24.is_admin": _APP,
    "bitrix24.event_get": _APP,
    "bitrix24.event_bind": _APP,
    "settle/keep-handlers": _APP,
    "bitrix24.check_portal": _CHECK,
    "bitrix24.funnels": _CHECK,
    "bitrix24.stages": _CHECK,
    "bitrix24.read_deal_rest": "a deal with more rows than one answer holds",
    "bitrix24.find_messages": "before a message to the chat is repeated",
    "bitrix24.find_comments_older": "a deal with more comments than one answer holds",
}
"""What has no points to be killed at, and why: a place, what a commit is for, a topic, a call, or one point."""

ASKED: Final[Mapping[str, str]] = {
    "chassis.internal_api.decisions.DecisionsApi.taken": "invoicing",
}
"""The places of the chassis that only one service comes to on the path."""


class NotDerived(Exception):  # noqa: N818 - named after what is missing
    """A place in the sources whose points nobody can name; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """A transaction in the sources. ``name`` is as the process names it; ``labelled`` ones name their points anew."""

    name: str
    path: str
    line: int
    moments: tuple[str, str]
    labelled: bool


_CALL: Final = ("first_byte.before", "first_byte.after", "answer.before", "answer.after")
_REQUEST: Final = ("request.before", "request.after")
_SEND: Final = ("send.before", "send.after", "acknowledgement.after", "mark.before", "mark.after")
_OFFSETS: Final = ("offsets.before", "offsets.after")
_BLOB: Final = ("blob.before", "blob.after")
_MOMENTS: Final[Mapping[str, tuple[str, str]]] = {
    "transaction": ("commit.before", "commit.after"),
    "delivery": ("commit.before", "commit.after"),
    "delivery_connection": ("statements.before", "statements.after"),
}


def places(source: Source) -> Iterator[Place]:
    """Every transaction and every delivery connection that a module opens."""
    for qualified, node in _calls(source.tree, ()):
        moments = _MOMENTS.get(called(node).rpartition(".")[2]) if "." in called(node) else None
        if moments is not None:
            labelled = len(node.args) > 2 or any(keyword.arg == "what" for keyword in node.keywords)
            yield Place(f"{module_of(source)}.{qualified}", source.path, node.lineno, moments, labelled)


def module_of(source: Source) -> str:
    """A source's name as Python has it."""
    return source.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _calls(node: ast.AST, scope: tuple[str, ...]) -> Iterator[tuple[str, ast.Call]]:
    """Each call with the qualified name of the function around it, as Python has it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _calls(child, (*scope, child.name, "<locals>"))
        elif isinstance(child, ast.ClassDef):
            yield from _calls(child, (*scope, child.name))
        else:
            if isinstance(child, ast.Call):
                yield ".".join(scope[:-1] if scope[-1:] == ("<locals>",) else scope), child
            yield from _calls(child, scope)


def kinds_of_work(service: Sequence[Source]) -> dict[str, bool]:
    """Each kind of due work that a service's handlers name, and whether it is an effect."""
    constants = {
        target.id: node.value.value
        for source in service
        for node in source.tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found: dict[str, bool] = {}
    for source in service:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef):
                given = {called(part.targets[0]): part.value for part in node.body if isinstance(part, ast.Assign)}
                if "kind" in given:
                    kind = constants.get(called(given["kind"]).rpartition(".")[2])
                    if not isinstance(kind, str):
                        raise NotDerived(f"{source.path}: make the kind of {node.name} a constant of its service")
                    found[kind] = "batch_max" in given
    return found


def operations(vendor: str, connector: Sequence[Source]) -> set[str]:
    """The names of all calls that a connector makes: what follows ``permit``, or stands in a ``Call`` itself."""
    takers = {
        node.name
        for source in connector
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if [argument.arg for argument in node.args.args[1:3]] == ["permit", "operation"]
    }
    found: set[str] = set()
    for source in connector:
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Call):
                continue
            if called(node) == "Call":
                (name,) = [ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "operation"]
                named = name.removeprefix("f'{VENDOR}.").removesuffix("'")
                if named == "{operation}":
                    continue  # a method that takes the name after the permit
                if named == name or "{" in named:
                    raise NotDerived(f"{source.path}:{node.lineno}: name the operation f'{{VENDOR}}.name'")
                found.add(f"{vendor}.{named}")
            elif called(node).rpartition(".")[2] in takers and called(node.args[1]) != "operation":
                if not isinstance(node.args[1], ast.Constant):
                    raise NotDerived(f"{source.path}:{node.lineno}: name the operation by a constant")
                found.add(f"{vendor}.{ast.literal_eval(node.args[1])}")
    return found


def functions(source: Source) -> Iterator[tuple[str, ast.AST]]:
    """The functions and methods of a module, by their qualified names; not those inside of others."""
    for node in source.tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{module_of(source)}.{node.name}." if isinstance(node, ast.ClassDef) else f"{module_of(source)}."
        yield from (
            (f"{prefix}{one.name}", one) for one in inner if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
        )


def moments(node: ast.AST) -> Iterator[tuple[str, int]]:
    """The points that are placed in a function, by their moments, with their lines."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and called(call) in ("crash_point", "crash_point_soon") and call.args:
            moment = call.args[0]
            if isinstance(moment, ast.Constant):
                yield str(moment.value), call.lineno


def derived(*, whole: bool = False) -> dict[str, frozenset[str]]:
    """The points of each service; those of calls to vendors under ``""``, since a service makes some of them.
    ``whole``: with those that lie off the path."""
    every = tuple(place for source in sources(*FOLDERS) for place in places(source))
    found = {service: frozenset(_of_service(service, every)) for service in SERVICES}
    calls = {name for vendor in VENDORS for name in operations(vendor, sources(f"connectors/{vendor}"))}
    found[""] = frozenset(f"{moment}[{name}]" for name in calls for moment in _CALL)
    if whole:
        return found
    return {service: frozenset(point for point in points if not off_path(point)) for service, points in found.items()}


def _of_service(service: str, every: Sequence[Place]) -> Iterator[str]:
    kinds = kinds_of_work(sources(f"services/{service}"))
    read = [topic.name for topic in read_by(service)]
    labels = {
        INTAKE: [f"take/{topic}" for topic in read],
        COMMITTER: [f"settle/{kind}" for kind in kinds]
        + [f"intend/{kind}" for kind, effect in kinds.items() if effect],
    }
    for place in every:
        if not place.name.startswith(("chassis.", f"services.{service}.")):
            continue
        if ASKED.get(place.name, service) != service or (place.name == INTAKE and not read):
            continue
        if place.labelled and place.name not in labels:
            raise NotDerived(f"{place.path}:{place.line}: say in tests/architecture/crash_points.py what it names")
        for what in labels[place.name] if place.labelled else [place.name]:
            yield from (f"{moment}[{what}]" for moment in place.moments)
    yield from (f"{moment}[{topic}]" for topic in read for moment in _OFFSETS)
    yield from (f"{moment}[{topic.name}]" for topic in written_by(service) for moment in _SEND)
    yield from (f"{moment}[{name}]" for name in blobs_kept(service) for moment in _BLOB)
    if service != "ingest":  # which gives the permits
        yield from (f"{moment}[{PERMITS_PATH}]" for moment in _REQUEST)


def blobs_kept(service: str) -> Iterator[str]:
    """The places of a service that keep documents."""
    for source in sources(f"services/{service}"):
        for qualified, node in _calls(source.tree, ()):
            if called(node).endswith("blobs.put"):
                yield f"{module_of(source)}.{qualified}"


def off_path(point: str) -> bool:
    """Whether a point, or all that is of one name, is off the path for a reason that is given."""
    return point in OFF_PATH or point.partition("[")[2].removesuffix("]") in OFF_PATH
