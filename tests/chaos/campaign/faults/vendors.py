"""Vendors that answer wrongly, late, not at all, or do something else than they say."""

import asyncio
import random
from typing import Any, Final

from tests.chaos.campaign.faults.base import Fault, Hands, Injection, NotStruck, RuleFault, rule
from tests.chaos.campaign.faults.infrastructure import under
from tests.chaos.campaign.proxy import Weather

HANG_SECONDS: Final = 4
"""Real seconds, longer than a call may take."""
CALLS_MIN: Final = 8
"""A call is worth a fault only where so many of its kind are planned."""
TOKEN_SECONDS_MAX: Final = 30.0


def create(hands: Hands, chance: random.Random, *, acts: bool = True) -> str:
    """A call that makes something, of which enough are planned that one will come."""
    plans = [deal.plan for deal in hands.deals]
    choices = ["invoice.create"] * 2
    if sum(plan.buyer.records == "none" for plan in plans) >= CALLS_MIN:
        choices.append("counterparty.create")
    if acts and sum(plan.expected.acts for plan in plans) >= CALLS_MIN:
        choices.append("act.create")
    return chance.choice(choices)


class _Create(RuleFault):
    """A fault of the calls that make something, or of writes to the portal."""

    weight = 3
    latest = 0.55
    kind = ""

    def rules(self, hands: Hands, chance: random.Random) -> list[dict[str, Any]]:
        if chance.random() < 0.25:
            return [rule("bitrix24", "batch", self.kind, **self.params(chance))]
        return [rule("elba", create(hands, chance), self.kind, **self.params(chance))]

    def params(self, chance: random.Random) -> dict[str, Any]:
        """The rule's own."""
        return {}


class TimeoutBefore(_Create):
    """F29: a call hangs and nothing is done."""

    code, kind = "F29", "timeout_before"

    def params(self, chance: random.Random) -> dict[str, Any]:
        return {"hang_seconds": HANG_SECONDS}


class TimeoutAfter(_Create):
    """F30: a call is carried out and its answer never comes."""

    code, kind = "F30", "timeout_after"

    def params(self, chance: random.Random) -> dict[str, Any]:
        return {"hang_seconds": HANG_SECONDS}


class LateCommit(RuleFault):
    """F31: the line is cut, and the call is carried out 30 to 170 s later."""

    code = "F31"
    weight = 2
    latest = 0.55

    def rules(self, hands: Hands, chance: random.Random) -> list[dict[str, Any]]:
        operation = create(hands, chance, acts=False)
        return [rule("elba", operation, "late_commit", commit_seconds=chance.randint(30, 170))]


class ErrorAfter(_Create):
    """F32: a call is carried out and answered by 5xx."""

    code, kind = "F32", "error_after"

    def params(self, chance: random.Random) -> dict[str, Any]:
        return {"status": chance.choice((500, 502, 503, 504))}


class ErrorBefore(_Create):
    """F33: a call is answered by 5xx and not carried out."""

    code, kind = "F33", "error_before"

    def params(self, chance: random.Random) -> dict[str, Any]:
        return {"status": chance.choice((500, 502, 503, 504))}


class Limit(RuleFault):
    """F34: the vendor's limit, with and without Retry-After."""

    code = "F34"
    weight = 2

    def rules(self, hands: Hands, chance: random.Random) -> list[dict[str, Any]]:
        params = chance.choice(({}, {"retry_after": 5}))
        if chance.random() < 0.5:
            return [rule("bitrix24", "batch", "limit_503", limit=2, **params)]
        operation = chance.choice(("invoice.create", "counterparty.find", "payment.list"))
        return [rule("elba", operation, "limit_429", limit=2, **params)]


class OperatingLimit(RuleFault):
    """F35: the portal's limit on operating time."""

    code = "F35"

    def rules(self, hands: Hands, chance: random.Random) -> list[dict[str, Any]]:
        return [rule("bitrix24", chance.choice(("batch", "crm.stagehistory.list")), "operation_time_limit")]


class SlowBytes(RuleFault):
    """F36: an answer comes byte by byte."""

    code = "F36"
    weight = 2
    latest = 0.7

    def rules(self, hands: Hands, chance: random.Random) -> list[dict[str, Any]]:
        vendor, operation = chance.choice(
            (("elba", "invoice.create"), ("elba", "invoice.pdf"), ("elba", "payment.list"), ("bitrix24", "batch"))
        )
        return [rule(vendor, operation, "slow_bytes", bytes_per_second=1)]


class SlowLine(Fault):
    """F36 on the way: all answers of a vendor come slowly for a while."""

    code = "F36"

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        name = chance.choice(("bitrix24", "elba"))
        note.detail = {"vendor": name}
        await under(hands, name, Weather(bytes_per_second=400, delay_seconds=0.2), chance.uniform(2.0, 3.0), note)


class DeadLine(Fault):
    """F30, and F29, on the way: connections to a vendor stand half open for a while, or are reset in the middle."""

    code = "F30"
    weight = 2
    latest = 0.75

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        name = chance.choice(("bitrix24", "elba"))
        note.detail = {"vendor": name}
        if chance.random() < 0.5:
            await under(hands, name, Weather(swallow=True), chance.uniform(2.0, 4.0), note)
            return
        async with hands.keeper.lock(f"proxy:{name}"):  # where another fault keeps everybody away is nothing to reset
            for _ in range(20):
                if not hands.left():
                    break
                note.count += hands.stage.proxies[name].reset_all()
                await asyncio.sleep(min(0.1, hands.left()))


class VendorAway(Fault):
    """F33 on the way: nobody listens at a vendor's address for a while: an outage, told once, that ends by itself."""

    code = "F33"
    latest = 0.7

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        name = chance.choice(("bitrix24", "elba"))
        note.detail = {"vendor": name}
        hands.stage.proxies[name].reset_all()
        await under(hands, name, Weather(refuse=True), chance.uniform(3.0, 6.0), note)


class KillSandbox(Fault):
    """F33 of all vendors: they all die at once and are back soon; whatever they had answered, they still know."""

    code = "F33"
    latest = 0.7

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        async with hands.keeper.lock("sandbox"):
            await hands.keeper.kill("sandbox", min(1.0, hands.left()))
        note.count = 1


class PermitsAway(Fault):
    """F14 of permits: the way to ingest, which gives leave to call, is slow, half open or closed."""

    code = "F14"

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        weather = chance.choice((Weather(delay_seconds=0.4), Weather(swallow=True), Weather(refuse=True)))
        note.detail = {"weather": repr(weather)}
        hands.stage.proxies["permits"].reset_all()
        await under(hands, "permits", weather, chance.uniform(2.0, 3.0), note)


class BrokenAnswer(RuleFault):
    """F37: a call is carried out; its answer is half, empty, or a page of HTML."""

    code = "F37"
    weight = 3
    latest = 0.55

    def rules(self, hands: Hands, chance: random.Random) -> list[dict[str, Any]]:
        kind = chance.choice(("truncated", "html_200", "empty", "reset"))
        if chance.random() < 0.2:
            return [rule("bitrix24", "batch", kind)]
        return [rule("elba", create(hands, chance), kind)]


class ErrorIn200(RuleFault):
    """F38: a refusal under status 200."""

    code = "F38"
    latest = 0.55

    def rules(self, hands: Hands, chance: random.Random) -> list[dict[str, Any]]:
        operation = chance.choice(("invoice.create", "counterparty.find", "payment.list"))
        return [rule("elba", operation, "error_in_200")]


class PagingShift(RuleFault):
    """F39: a list moves by one row between two pages."""

    code = "F39"
    latest = 0.7

    def rules(self, hands: Hands, chance: random.Random) -> list[dict[str, Any]]:
        return [rule("elba", "payment.list", "paging_shift", limit=3)]


class ReadLag(RuleFault):
    """F40: what was made is not seen by reads for 5 to 45 s."""

    code = "F40"
    weight = 2
    latest = 0.55

    def rules(self, hands: Hands, chance: random.Random) -> list[dict[str, Any]]:
        operation = create(hands, chance, acts=False)
        return [rule("elba", operation, "read_lag", limit=2, lag_seconds=chance.randint(5, 45))]


class TokensEnd(Fault):
    """F41: tokens end or are revoked before their time, all at once, and ingest dies as it has fetched the next."""

    code = "F41"
    weight = 2
    latest = 0.7

    async def strike(self, hands: Hands, chance: random.Random, note: Injection) -> None:
        state = chance.choice(("expired", "revoked"))
        dies = chance.random() < 0.5
        note.detail = {"state": state, "ingest_dies": dies}
        before = hands.view.requests["elba", "token"]
        for pair in hands.pairs:
            await hands.world.elba("POST", pair.account, "/tokens", {"state": state, "existing": True})
        waited = 0.0
        while hands.view.requests["elba", "token"] == before:
            await asyncio.sleep(0.05)
            waited += 0.05
            if waited > TOKEN_SECONDS_MAX:
                raise NotStruck("nobody asked for another token")
        if dies:
            async with hands.keeper.lock("ingest"):
                await hands.keeper.kill("ingest")
        note.count = hands.view.requests["elba", "token"] - before


class ChangedFields(RuleFault):
    """F42: an answer has a field more, one less, or one of another type."""

    code = "F42"
    weight = 2
    latest = 0.55

    def rules(self, hands: Hands, chance: random.Random) -> list[dict[str, Any]]:
        fields = {
            "invoice.create": ("id", "number", "sum", "url", "status"),
            "counterparty.create": ("id", "inn"),
            "act.create": ("id", "number", "sum"),
            "counterparty.find": ("items", "total"),
            "payment.list": ("items", "total"),
        }
        operation = chance.choice((create(hands, chance), "counterparty.find", "payment.list"))
        kind = chance.choice(("field_added", "field_missing", "field_retyped"))
        params: dict[str, Any] = {} if kind == "field_added" else {"field": chance.choice(fields[operation])}
        return [rule("elba", operation, kind, **params)]


class KopeckOff(RuleFault):
    """F43: the vendor's total is a kopeck off, or so much that a person is asked."""

    code = "F43"
    latest = 0.5

    def rules(self, hands: Hands, chance: random.Random) -> list[dict[str, Any]]:
        return [rule("elba", "invoice.create", "kopeck_off", kopecks=chance.choice((-1, 1, 700, 700)))]


class BrokenPdf(RuleFault):
    """F45: a PDF is empty, late, or a page of HTML, once or for as long as anybody asks."""

    code = "F45"
    weight = 2
    latest = 0.55

    def rules(self, hands: Hands, chance: random.Random) -> list[dict[str, Any]]:
        kind = chance.choice(("pdf_empty", "pdf_late", "pdf_html"))
        return [rule("elba", "*.pdf", kind, limit=1 if kind == "pdf_late" else chance.choice((1, 40)))]
