"""The accountant: takes the planned decisions, and answers every other card by looking into the account."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from tests.chaos.campaign.people import People
from tests.chaos.campaign.view import View
from tests.chaos.campaign.world import Pair

BY: Final = "campaign"
COLLEAGUE: Final = "campaign's colleague"
CONTRADICTED_EVERY: Final = 5
LOOK_SECONDS: Final = 1.0
LATE_SECONDS: Final = 8.0
"""Real seconds from a card's first sight to its answer: a person first looks, and late commits have come by then."""


@dataclass(frozen=True, slots=True)
class Contradicted:
    """Another choice that was asked for after a card had been taken, and the status that answered."""

    tenant: str
    card: str
    choice: str
    status: int


@dataclass(frozen=True, slots=True)
class Taken:
    """One decision; `planned` where the plan of its deal wanted it."""

    tenant: str
    deal: str
    kind: str
    choice: str
    card: str
    planned: bool


class Accountant:
    """Works through `/api/v1`, as people do; calls that fail are tried again at the next look."""

    def __init__(self, url: str, token: str, people: People, view: View, pairs: Sequence[Pair]) -> None:
        self._client = httpx.AsyncClient(
            base_url=f"{url}/api/v1", headers={"authorization": f"Bearer {token}"}, timeout=10.0, trust_env=False
        )
        self._people = people
        self._view = view
        self._accounts = {pair.slug: pair.account for pair in pairs}
        self._seen: dict[str, float] = {}
        self._asked: dict[str, Taken] = {}
        """Decisions whose answer did not come or was an error: they may have been taken all the same."""
        self.taken: list[Taken] = []
        self.contradicted: list[Contradicted] = []
        self.open = 0
        self.hurried = False

    async def run(self) -> None:
        """Works until it is cancelled."""
        while True:
            try:
                await self.look()
            except (httpx.HTTPError, ValueError):  # the services are being killed: the next look is soon
                self.open = -1
            await asyncio.sleep(LOOK_SECONDS)

    async def close(self) -> None:
        """Ends its connections."""
        await self._client.aclose()

    async def look(self) -> None:
        """Every open card once."""
        for card_id, asked in tuple(self._asked.items()):
            shown = await self._client.get(f"/decisions/{card_id}", params={"tenant": asked.tenant})
            if shown.is_success and shown.json()["choice"]:
                self._note(self._asked.pop(card_id))
        answer = await self._client.get("/decisions")
        answer.raise_for_status()
        body = answer.json()
        cards = [card for card in body["decisions"] if not card.get("choice")]
        now = asyncio.get_running_loop().time()
        for card in cards:
            self._seen.setdefault(card["card_id"], now)
            await self._consider(card, now - self._seen[card["card_id"]])
        self.open = -1 if body.get("away") else len(cards)

    async def _consider(self, card: Mapping[str, Any], age: float) -> None:
        deal = (card["tenant"], int(card["deal_id"] or 0))
        wanted = self._people.decisions.get(deal)
        if wanted is not None and card["kind"] == wanted.kind:
            # The last of several records: whoever takes the first of a list by mistake is found out.
            choice = next((one for one in reversed(card["choices"]) if one.startswith(wanted.choice)), "")
            if choice:
                await self._take(card, choice, "", planned=True)
        elif age > LATE_SECONDS and not self._is_planned_later(card, deal):
            choice, number = answer(card, self._view.records.get(self._accounts[card["tenant"]], {}))
            await self._take(card, choice, number, planned=False)

    def _is_planned_later(self, card: Mapping[str, Any], deal: tuple[str, int]) -> bool:
        """A card that a later step of its deal takes, while that step is not yet reached."""
        return card["kind"] in self._people.wanted_later(deal)

    async def _take(self, card: Mapping[str, Any], choice: str, number: str, *, planned: bool) -> None:
        taken = Taken(card["tenant"], card["deal_id"], card["kind"], choice, card["card_id"], planned)
        self._asked[card["card_id"]] = taken
        body = {"choice": choice, "number": number, "by": BY}
        where = {"tenant": taken.tenant}
        answer = await self._client.post(f"/decisions/{card['card_id']}", json=body, params=where)
        if answer.is_error:
            return
        self._note(self._asked.pop(card["card_id"]))
        other = next((one for one in reversed(card["choices"]) if one != choice), "")
        if other and len(self.taken) % CONTRADICTED_EVERY == 0:
            # A colleague who has not seen it yet clicks on something else.
            late = await self._client.post(
                f"/decisions/{card['card_id']}", json={"choice": other, "number": "", "by": COLLEAGUE}, params=where
            )
            self.contradicted.append(Contradicted(taken.tenant, taken.card, other, late.status_code))

    def _note(self, taken: Taken) -> None:
        self.taken.append(taken)
        deal = (taken.tenant, int(taken.deal or 0))
        wanted = self._people.decisions.get(deal)
        if taken.planned and wanted is not None and wanted.kind == taken.kind:
            del self._people.decisions[deal]
            self._people.taken.add(deal)


def answer(card: Mapping[str, Any], records: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> tuple[str, str]:
    """The choice that what stands in the account calls for, and the number that was found there."""
    choices, values = list(card["choices"]), card.get("values") or {}
    if card["kind"] == "document_uncertain":
        found = _document(values, records)
        return ("found", found) if found else (_first(choices, "resend", "give_up"), "")
    if card["kind"] == "counterparty_uncertain":
        record = _counterparty(values, records)
        return ("found", record) if record else (_first(choices, "create_again"), "")
    uses = [choice for choice in choices if choice.startswith("use_")]
    if uses:
        return uses[-1], ""
    return _first(choices, "accept", "issue", "keep", "fetch_again", "keep_both", "wait", "understood"), ""


def _document(values: Mapping[str, Any], records: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    kind = "acts" if values.get("document") == "act" else "invoices"
    marker = str(values.get("marker") or "")
    for record in records.get(kind, {}).values():
        if marker and marker in str(record.get("comment") or ""):
            return str(record["number"])
    return ""


def _counterparty(values: Mapping[str, Any], records: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    inn, name = str(values.get("inn") or ""), str(values.get("name") or "")
    kpp = str(values.get("kpp") or "")
    for record in records.get("counterparties", {}).values():
        same = inn and record["inn"] == inn and (not kpp or record["kpp"] == kpp)
        if same or (not inn and name and record["full_name"] == name):
            return str(record["id"])
    return ""


def _first(choices: list[str], *wanted: str) -> str:
    return next((choice for choice in wanted if choice in choices), choices[0])
