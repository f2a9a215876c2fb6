"""What a portal has of ours already: comments by their marker, messages of a chat by their text."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from chassis.domain import Problem
from chassis.outcomes import Failure, Rejected
from chassis.work.handlers import Permit
from connectors.bitrix24.calls import PortalCalls
from connectors.bitrix24.mapping import writes
from connectors.bitrix24.schema import (
    BATCH_COMMANDS_MAX,
    VENDOR,
    BatchAnswer,
    Command,
    Success,
    pages_after_first,
)
from connectors.ports.crm import AddComment, ChatMessage, CrmCommand
from connectors.verdicts import unexpected
from connectors.wire import ShapeError

COMMENT_PAGES_MAX: Final = 45

Seen = str | Failure | None
"""The id of what is there already; why it could not be looked for; None: it is not there."""


class Lookups:
    """Looks before a repeat, in one request for comments and one for messages."""

    def __init__(self, calls: PortalCalls) -> None:
        self._calls = calls

    async def already_there(self, permit: Permit, commands: Sequence[CrmCommand]) -> list[Seen] | Failure:
        """For each command what is there of it; None also for those that need no look."""
        comments = {(one.deal_id, one.marker) for one in commands if isinstance(one, AddComment) and one.search_first}
        found = await self.comments(permit, comments) if comments else {}
        if not isinstance(found, dict):
            return found
        messages = [one for one in commands if isinstance(one, ChatMessage) and one.said_after is not None]
        said = await self._messages(permit, messages) if messages else {}
        if not isinstance(said, dict):
            return said
        return [
            found.get((one.deal_id, one.marker)) if isinstance(one, AddComment)
            else said.get(one) if isinstance(one, ChatMessage) else None
            for one in commands
        ]  # fmt: skip

    async def comments(self, permit: Permit, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], Seen] | Failure:
        """For each (deal, marker) the comment's id, None, or why this deal could not be looked through."""
        deals = sorted({deal_id for deal_id, _ in wanted})
        newest = {f"d{deal_id}": writes.comments_page(deal_id, 0) for deal_id in deals}
        first = await self._calls.batch(permit, "find_comments", newest, write=False)
        if not isinstance(first, BatchAnswer):
            return first
        pages: dict[str, list[Any]] = {}
        failures: dict[str, Failure] = {}
        older: dict[str, Command] = {}
        for deal_id in deals:
            part = self._calls.part(first, f"d{deal_id}", write=False)
            if not isinstance(part, Success):
                failures[deal_id] = part
                continue
            pages[deal_id] = [part.result]
            for start in pages_after_first(part)[:COMMENT_PAGES_MAX]:
                older[f"d{deal_id}s{start}"] = writes.comments_page(deal_id, start)
        try:
            found = _marked(pages, wanted)
            missing = {deal_id for (deal_id, _), seen in found.items() if seen is None}
            older = {name: command for name, command in older.items() if name[1:].partition("s")[0] in missing}
            if older:
                if len(older) > BATCH_COMMANDS_MAX:
                    return Rejected(Problem("crm_too_many_comments", {}))
                second = await self._calls.batch(permit, "find_comments_older", older, write=False)
                if not isinstance(second, BatchAnswer):
                    return second
                for name in older:
                    part = self._calls.part(second, name, write=False)
                    if not isinstance(part, Success):
                        return part
                    pages[name[1:].partition("s")[0]].append(part.result)
                found = _marked(pages, wanted)
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)
        return {pair: failures.get(pair[0]) or found.get(pair) for pair in wanted}

    async def _messages(self, permit: Permit, wanted: Sequence[ChatMessage]) -> dict[ChatMessage, Seen] | Failure:
        """The newest messages of each dialogue, in one request."""
        named = {f"m{place}": writes.messages_page(one) for place, one in enumerate(wanted)}
        batch = await self._calls.batch(permit, "find_messages", named, write=False)
        if not isinstance(batch, BatchAnswer):
            return batch
        found: dict[ChatMessage, Seen] = {}
        try:
            for name, message in zip(named, wanted, strict=True):
                part = self._calls.part(batch, name, write=False)
                found[message] = writes.message_like(part.result, message) if isinstance(part, Success) else part
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)
        return found


def _marked(pages: Mapping[str, Sequence[Any]], wanted: set[tuple[str, str]]) -> dict[tuple[str, str], Seen]:
    found: dict[tuple[str, str], Seen] = {}
    for deal_id, marker in wanted:
        seen = (writes.comment_with(page, marker) for page in pages.get(deal_id, ()))
        found[(deal_id, marker)] = next((one for one in seen if one is not None), None)
    return found
