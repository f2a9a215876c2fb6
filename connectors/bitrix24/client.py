"""What is asked of Bitrix24 portals by their inbound webhook, and what it comes to."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import islice

from chassis.clock import Clock
from chassis.domain import Problem
from chassis.outcomes import Failure, Ok, Outcome, Rejected
from chassis.work.handlers import Permit
from connectors import wire
from connectors.bitrix24.calls import NOT_FOUND, PortalCalls
from connectors.bitrix24.companies import Companies
from connectors.bitrix24.lookups import Lookups
from connectors.bitrix24.mapping import buyers, cards, portal, records, writes
from connectors.bitrix24.mapping.deal import OPTIONAL, DealParts, deal_commands, referenced
from connectors.bitrix24.newcomers import Newcomers
from connectors.bitrix24.people import People, is_gone, user
from connectors.bitrix24.rechecks import Rechecks
from connectors.bitrix24.schema import (
    BATCH_COMMANDS_MAX,
    DEAL,
    PAGE_ROWS,
    VENDOR,
    BatchAnswer,
    Command,
    Success,
)
from connectors.bitrix24.webhook import parse_webhook
from connectors.ports.crm import (
    RECIPIENT_REFUSED,
    CardEntity,
    CompaniesPage,
    CompanyDetails,
    CrmCard,
    CrmCommand,
    CrmEvent,
    CrmWritten,
    DealRecheck,
    DealSnapshot,
    DealStage,
    ModifiedBuyersPage,
    ModifiedDealsPage,
    NotifyUser,
    PortalMoved,
    PortalReport,
    PortalWanted,
    SetFields,
    StageHistoryPage,
    StandIn,
)
from connectors.transport import Transport
from connectors.verdicts import unexpected
from connectors.wire import ShapeError


class Bitrix24(Newcomers):
    """A client of all portals; it keeps nothing between calls. ``on_moved`` hears of a portal that was renamed, after
    the repeat at the new host was answered by a portal."""

    def __init__(self, http: Transport, clock: Clock, on_moved: Callable[[PortalMoved], None]) -> None:
        self._calls = PortalCalls(http, clock, on_moved)
        self._companies = Companies(self._calls)
        self._lookups = Lookups(self._calls)
        self._people = People(self._calls)
        self._rechecks = Rechecks(self._calls)

    # Reading

    async def read_deal(self, permit: Permit, deal_id: str, *, history_after: int = 0) -> Outcome[DealSnapshot]:
        """One request, or two for long deals and for buyers whose requisite is not the linked or the first one."""
        first = await self._calls.batch(permit, "read_deal", deal_commands(deal_id, history_after), write=False)
        if not isinstance(first, BatchAnswer):
            return first
        deal = self._calls.part(first, "deal", write=False)
        if not isinstance(deal, Success):
            return self._hidden(deal, deal_id)
        try:
            present = self._calls.present(first, referenced(first), OPTIONAL)
            if not isinstance(present, dict):
                return present
            parts = DealParts(deal_id, history_after, present)
            commands = parts.rest()
            second: Mapping[str, Success] = {}
            if commands:
                answer = await self._calls.batch(permit, "read_deal_rest", commands, write=False)
                if not isinstance(answer, BatchAnswer):
                    return answer
                found = self._calls.present(answer, commands)
                if not isinstance(found, dict):
                    return found
                second = {name: success for name, success in found.items() if success is not None}
            return Ok(parts.snapshot(second))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)

    async def stage_history_since(self, permit: Permit, after: int) -> Outcome[StageHistoryPage]:
        """The portal-wide feed of stage entries by id: ``start=-1`` counts nothing, so it costs the portal little."""
        answer = await self._calls.one(
            permit,
            "stage_history",
            "crm.stagehistory.list",
            {"entityTypeId": DEAL, "filter": {">ID": after}, "order": {"ID": "ASC"}, "start": -1},
        )
        if not isinstance(answer, Success):
            return answer
        try:
            found = records.read_items(answer, "items", records.read_stage_entry)
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)
        entries = tuple(sorted((one for one in found if one.history_id > after), key=lambda one: one.history_id))
        if found and not entries:
            return unexpected(VENDOR, "ID", write=False)
        more = len(found) >= PAGE_ROWS
        return Ok(StageHistoryPage(entries, entries[-1].history_id if more else None))

    async def deals_modified_since(
        self, permit: Permit, since: datetime, *, after: str = "0"
    ) -> Outcome[ModifiedDealsPage]:
        """By id: a deal that changes during the pass keeps its place, where an order by time would move it past us."""
        answer = await self._calls.one(
            permit,
            "deals_modified",
            "crm.item.list",
            {
                "entityTypeId": DEAL,
                "select": ["id", "updatedTime", "categoryId", "stageId"],
                "filter": {">=updatedTime": records.iso(since), ">id": int(after)},
                "order": {"id": "ASC"},
                "start": -1,
            },
        )
        if not isinstance(answer, Success):
            return answer
        try:
            found = records.read_items(answer, "items", records.read_modified_deal)
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)
        deals = tuple(sorted((one for one in found if int(one.deal_id) > int(after)), key=lambda one: int(one.deal_id)))
        if found and not deals:
            return unexpected(VENDOR, "id", write=False)
        return Ok(ModifiedDealsPage(deals, deals[-1].deal_id if len(found) >= PAGE_ROWS else None))

    async def buyers_modified_since(
        self, permit: Permit, since: datetime, *, after: Mapping[str, str] | None = None
    ) -> Outcome[ModifiedBuyersPage]:
        """Six lists in one request, each by id; one that cannot be read fails all, since the pass would go past it."""
        commands = buyers.modified_commands(since, after)
        answer = await self._calls.batch(permit, "buyers_modified", commands, write=False)
        if not isinstance(answer, BatchAnswer):
            return answer
        present = self._calls.present(answer, commands)
        if not isinstance(present, dict):
            return present
        try:
            found = {name: success for name, success in present.items() if success is not None}
            modified, next_after = buyers.read_modified(found, since, after)
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)
        return Ok(ModifiedBuyersPage(tuple(modified), next_after))

    async def recheck_deal(
        self, permit: Permit, deal_id: str, inn: str, products: Sequence[str] = ()
    ) -> Outcome[DealRecheck]:
        """All questions in one request, unless the products fill more; a deal that is not listed was deleted
        meanwhile."""
        return await self._rechecks.recheck(permit, deal_id, inn, products)

    async def read_card(self, permit: Permit, entity: CardEntity, object_id: str) -> Outcome[CrmCard | None]:
        """One request, and one more before it for requisites, which name their company. What is not visible is not
        there."""
        company_id: str | None = object_id
        if entity == "requisite":
            owner = await self._calls.one(permit, "requisite", "crm.requisite.get", {"id": object_id})
            if not isinstance(owner, Success):
                return Ok(None) if _not_visible(owner) else owner
            try:
                company_id = cards.owner_of(owner)
            except ShapeError as error:
                return unexpected(VENDOR, str(error), write=False)
        if company_id is None:
            return Ok(None)
        commands = cards.card_commands(company_id)
        answer = await self._calls.batch(permit, "read_card", commands, write=False)
        if not isinstance(answer, BatchAnswer):
            return answer
        company = self._calls.part(answer, "company", write=False)
        if not isinstance(company, Success):
            return Ok(None) if _not_visible(company) else company
        present = self._calls.present(answer, commands)
        if not isinstance(present, dict):
            return present
        try:
            return Ok(cards.read_card(present))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)

    async def find_comment(self, permit: Permit, deal_id: str, marker: str) -> Outcome[str | None]:
        """Looks through the newest comments of the deal, 2,300 at most."""
        found = await self._lookups.comments(permit, {(deal_id, marker)})
        if not isinstance(found, dict):
            return found
        outcome = found[(deal_id, marker)]
        return outcome if isinstance(outcome, Failure) else Ok(outcome)

    async def read_deal_stages(
        self, permit: Permit, categories: Sequence[int] | None = None
    ) -> Outcome[tuple[DealStage, ...]]:
        """The stages of funnels; without ``categories`` of all that the portal lists, in a second request."""
        if categories is None:
            answer = await self._calls.one(permit, "funnels", "crm.category.list", {"entityTypeId": DEAL})
            if not isinstance(answer, Success):
                return answer
            try:
                categories = records.read_items(answer, "categories", lambda one: wire.whole(one.get("id"), "id"))
            except ShapeError as error:
                return unexpected(VENDOR, str(error), write=False)
        commands = portal.stage_commands(categories)
        batch = await self._calls.batch(permit, "stages", commands, write=False)
        if not isinstance(batch, BatchAnswer):
            return batch
        present = self._calls.present(batch, commands)
        if not isinstance(present, dict):
            return present
        try:
            return Ok(portal.stages(categories, present))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)

    async def check_portal(self, permit: Permit, wanted: PortalWanted) -> Outcome[PortalReport]:
        """Scopes, fields and stages in one request. Without a scope the rest is not asked about."""
        commands = {
            "scope": Command("scope", {}),
            "fields": Command("crm.item.fields", {"entityTypeId": DEAL, "useOriginalUfNames": "Y"}),
            **portal.stage_commands(tuple(wanted.stages)),
        }
        batch = await self._calls.batch(permit, "check_portal", commands, write=False)
        if not isinstance(batch, BatchAnswer):
            return batch
        scope = self._calls.part(batch, "scope", write=False)
        if not isinstance(scope, Success):
            return scope
        try:
            scopes = portal.read_scopes(scope.result)
            if "crm" not in scopes:
                return Ok(portal.report(PortalWanted(wanted.scopes, {}, {}), scopes, {}, ()))
            present = self._calls.present(batch, commands)
            if not isinstance(present, dict):
                return present
            fields = present["fields"]
            known = {} if fields is None else records.read_fields(fields.result)
            return Ok(portal.report(wanted, scopes, known, portal.stages(tuple(wanted.stages), present)))
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)

    async def companies_after(self, permit: Permit, after: Mapping[str, str] | None = None) -> Outcome[CompaniesPage]:
        """Up to 1,250 companies and as many requisites in one request."""
        return await self._companies.page(permit, after)

    async def read_companies(self, permit: Permit, companies: Mapping[str, str]) -> Outcome[tuple[CompanyDetails, ...]]:
        """As they are now, in one request."""
        return await self._companies.details(permit, companies)

    async def find_stand_in(self, permit: Permit, user_id: str) -> Outcome[StandIn]:
        """See :meth:`connectors.bitrix24.people.People.stand_in`."""
        return await self._people.stand_in(permit, user_id)

    async def ping(self, permit: Permit) -> Outcome[None]:
        """``server.time``: needs no scope and touches no data."""
        answer = await self._calls.one(permit, "ping", "server.time", {})
        return Ok(None) if isinstance(answer, Success) else answer

    def parse_webhook(self, body: bytes, content_type: str) -> CrmEvent | Problem:
        """See :func:`connectors.bitrix24.webhook.parse_webhook`."""
        return parse_webhook(body, content_type)

    # Writing

    async def write(self, permit: Permit, commands: Sequence[CrmCommand]) -> Sequence[Outcome[CrmWritten]]:
        """At most 50 commands in one batch that does not halt. What is to be looked for first is looked for in a
        request before it; if that fails nothing is written, and all commands have its outcome. Sums that are refused
        with their currency are sent once more as numbers, which is what fields of numbers take. Beside a notification
        the user is read in the same batch: one for a user who is gone is refused."""
        if not 0 < len(commands) <= BATCH_COMMANDS_MAX:
            raise ValueError(f"1 to {BATCH_COMMANDS_MAX} commands go into one batch, not {len(commands)}")
        there = await self._lookups.already_there(permit, commands)
        if not isinstance(there, list):
            return [there] * len(commands)
        outcomes: dict[int, Outcome[CrmWritten]] = {}
        to_send: dict[int, CrmCommand] = {}
        for place, (command, seen) in enumerate(zip(commands, there, strict=True)):
            if isinstance(seen, Failure):
                outcomes[place] = seen
            elif seen is not None:
                outcomes[place] = Ok(CrmWritten(object_id=seen, found=True))
            else:
                to_send[place] = command
        if to_send:
            outcomes |= await self._sent(permit, to_send)
        if again := _as_numbers(to_send, outcomes):
            outcomes |= await self._sent(permit, again)
        return [outcomes[place] for place in range(len(commands))]

    async def _sent(self, permit: Permit, commands: Mapping[int, CrmCommand]) -> dict[int, Outcome[CrmWritten]]:
        named = {f"c{place}": writes.command_of(command) for place, command in commands.items()}
        told = {f"u{one.user_id}": user(one.user_id) for one in commands.values() if isinstance(one, NotifyUser)}
        named |= dict(islice(told.items(), BATCH_COMMANDS_MAX - len(named)))
        batch = await self._calls.batch(permit, "write", named, write=True)
        return {place: self._written(batch, f"c{place}", command) for place, command in commands.items()}

    def _written(self, batch: BatchAnswer | Failure, name: str, command: CrmCommand) -> Outcome[CrmWritten]:
        if not isinstance(batch, BatchAnswer):
            return batch
        part = self._calls.part(batch, name, write=True)
        if not isinstance(part, Success):
            return part
        if isinstance(command, NotifyUser) and is_gone(batch, f"u{command.user_id}"):
            return Rejected(Problem(RECIPIENT_REFUSED, {"text": ""}))
        try:
            return writes.written(command, part.result)
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=True)

    def _hidden(self, failure: Failure, deal_id: str) -> Failure:
        """A deal that is deleted and one that the rights do not reach look the same: both errors occur for both."""
        if _not_visible(failure):
            return Rejected(Problem("deal_not_visible", {"deal": deal_id}))
        return failure


def _as_numbers(sent: Mapping[int, CrmCommand], outcomes: Mapping[int, Outcome[CrmWritten]]) -> dict[int, CrmCommand]:
    """Writes of fields whose values were refused, with their sums as numbers; and after each those to the same object
    that were behind it, so that the last one stands."""
    again: dict[int, CrmCommand] = {}
    late: set[tuple[str, str]] = set()
    for place, command in sent.items():
        if not isinstance(command, SetFields):
            continue
        outcome, number = outcomes[place], writes.without_currency(command)
        refused = isinstance(outcome, Rejected) and outcome.problem.code == "crm_value_refused"
        if refused and number is not None:
            again[place] = number
            late.add((command.entity, command.entity_id))
        elif isinstance(outcome, Ok) and (command.entity, command.entity_id) in late:
            again[place] = command
    return again


def _not_visible(failure: Failure) -> bool:
    return isinstance(failure, Rejected) and failure.problem.code in (NOT_FOUND, "crm_access_denied")
