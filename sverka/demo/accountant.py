"""The accountant of the demonstration: takes planned decisions, and answers cards by looking into the account."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sverka.api import Api
from sverka.demo.world import World

BY: Final = "demo"
UNPLANNED_KINDS: Final = frozenset(
    {"document_uncertain", "document_differs", "counterparty_uncertain", "counterparty_double", "buyer_late"}
)


@dataclass(frozen=True, slots=True)
class Taken:
    """One decision."""

    tenant: str
    deal: str
    kind: str
    choice: str
    document: str = ""
    """invoice or act, where the card is about one."""


class Accountant:
    """Looks at an account as a person does, and decides through the public commands' API."""

    def __init__(self, api: Api, world: World) -> None:
        self._api = api
        self._world = world
        self.taken: list[Taken] = []

    def decide_planned(self, tenant: str, deal: str, kind: str, choice: str) -> bool:
        """Takes the planned choice of the open card about a deal; any kind where it is "". False if there is none."""
        for card in self._api.decisions(tenant):
            if card["deal_id"] == deal and kind in ("", card["kind"]) and choice in card["choices"]:
                self._take(card, choice)
                return True
        return False

    def clear_doubts(self, tenant: str, account: str) -> int:
        """Answers every card that asks what really happened at the vendor; returns how many."""
        cards = [card for card in self._api.decisions(tenant) if card["kind"] in UNPLANNED_KINDS]
        if not cards:
            return 0
        state = self._world.account(account)
        for card in cards:
            choice, number = answer(card, state, by_id=self._world.service.found_by_id)
            self._take(card, choice, number)
        return len(cards)

    def _take(self, card: Mapping[str, Any], choice: str, number: str = "") -> None:
        document = str((card.get("values") or {}).get("document", ""))
        # Noted first: where the answer to it is lost, it may have been taken all the same.
        self.taken.append(Taken(card["tenant"], card["deal_id"], card["kind"], choice, document))
        self._api.decide(card["card_id"], choice, number=number, by=BY)

    def found_acts(self) -> frozenset[tuple[str, str]]:
        """(tenant, deal) whose act was told by its number alone: the service gives no PDF of such an act."""
        return frozenset((one.tenant, one.deal) for one in self.taken if (one.choice, one.document) == ("found", "act"))


def answer(card: Mapping[str, Any], state: Mapping[str, Any], *, by_id: bool = False) -> tuple[str, str]:
    """The choice that what stands in the account calls for, and the number, or the id, that was found there."""
    choices, values = list(card["choices"]), card.get("values") or {}
    uses = [choice for choice in choices if choice.startswith("use_")]
    if card["kind"] == "document_uncertain":
        found = _document(values, state, by_id=by_id)
        return ("found", found) if found else (_first(choices, "resend", "give_up"), "")
    if card["kind"] == "counterparty_uncertain":
        record = _counterparty(values, state)
        if record is None:
            return _first(choices, "create_again", "resend"), ""
        if f"use_{record}" in choices:
            return f"use_{record}", ""
        return ("found", record) if "found" in choices else (_first(choices, *uses), "")
    if uses:
        return uses[0], ""
    return _first(choices, "accept", "wait", "understood"), ""


def _document(values: Mapping[str, Any], state: Mapping[str, Any], *, by_id: bool) -> str:
    kind = "acts" if values.get("document") == "act" else "invoices"
    marker = str(values.get("marker") or "")
    number = str(values.get("number") or "")
    deal = f"[b24:{values.get('deal', '')}:invoice:"
    invoices = {one["id"] for one in state["invoices"].values() if deal in str(one.get("comment") or "")}
    for record in state[kind].values():
        if kind == "acts" and record.get("invoice_id") in invoices:
            return str(record["number"])
        texts = (str(record.get("comment") or ""), str(record.get("external_id") or ""))
        if (marker and any(marker in text for text in texts)) or (number and record["number"] == number):
            return str(record["id" if by_id and kind == "invoices" else "number"])
    return ""


def _counterparty(values: Mapping[str, Any], state: Mapping[str, Any]) -> str | None:
    inn, name = str(values.get("inn") or ""), str(values.get("name") or "")
    records = [record for record in state["counterparties"].values() if (record["inn"] or "") == inn]
    if not inn:
        # People may have one name: the record that was just made is the one without documents.
        taken = {invoice["counterparty_id"] for invoice in state["invoices"].values()}
        records = [one for one in records if same_name(one["full_name"], name) and one["id"] not in taken]
    return str(records[-1]["id"]) if records else None


def same_name(one: str, other: str) -> bool:
    """Whether two names have the same words: a CRM and an accounting service put them in orders of their own."""
    return sorted(one.split()) == sorted(other.split())


def _first(choices: list[str], *wanted: str) -> str:
    return next((choice for choice in wanted if choice in choices), choices[0])
