"""I13, I14, I16, I19: calls within limits, retries in time, cards exactly where they belong, nothing left open."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tests.chaos.checker.history import SERVICES, Line, Row, Tables, Violation, marked, requests, seconds

LIMIT_STATUSES: Final = frozenset({429, 503})
LIMIT_ERRORS: Final = frozenset({"TooManyRequests", "QUERY_LIMIT_EXCEEDED"})
LIMIT_SHARE_MAX: Final = 0.01
LIMIT_COUNT_MIN: Final = 5
PERMITS_IN_HAND: Final = 30
"""Permits of a few blocks that a killed process had taken, and those that a restarted account forgot."""
TOKEN_REFUSED: Final = "token_refused"
RETRY_SECONDS: Final = (5.0, 15.0, 45.0)
JITTER: Final = 0.2
EARLY_SECONDS: Final = 0.5
BEGAN: Final = "не отвечает с"
ENDED: Final = "снова отвечает с"
RESUME_SECONDS_MAX: Final = 90.0
REAL_SECONDS_OF_GRACE: Final = 3.0
"""Looks of the product that are real seconds whatever the clock's rate: house-keeping, polls, the clock's own news."""
RECURRING: Final = frozenset(
    {
        "sweep", "sweep-modified", "sweep-buyers", "nightly-check", "poll-payments", "look-at-due", "request-deadline",
        "watch-duplicates", "look-at-standing", "watch-counterparties", "look-at-delays", "look-at-letters",
    }
)  # fmt: skip
"""Work that is never at its end, or waits for hours on purpose."""
LOST: Final = frozenset(
    {
        "timeout_before", "timeout_after", "late_commit", "error_before", "error_after", "truncated", "html_200",
        "empty", "reset", "slow_bytes", "error_in_200", "field_missing", "field_retyped",
    }
)  # fmt: skip
SURELY_LOST: Final = LOST - {"field_missing", "field_retyped"}
UNCERTAIN_CARDS: Final = frozenset({"document_uncertain", "counterparty_uncertain"})
UNDECIDED_SECONDS: Final = 850.0
ASKED_SECONDS_MAX: Final = 900.0
LOOKED_FOR_SECONDS_MAX: Final = 900.0
"""So long an invoice or a buyer may be looked for before nobody can decide; an act cannot be looked for at all."""
SENDS_MAX: Final = 2
PDF_REFUSALS_MIN: Final = 2
JUMP_SECONDS: Final = 600.0
BREAKS: Final = frozenset(
    {
        "KillService", "KillAtCrashPoint", "FreezeService", "RollingEnd", "TwoOfOne", "KillPostgres", "CutCommits",
        "IdleInTransaction", "RefuseCommits", "SlowPostgres", "SlowLine", "DeadLine", "VendorAway", "KillSandbox",
        "PermitsAway", "MixedVersions", "TokensEnd", "RewindOffsets",
    }
)  # fmt: skip
"""Faults after which nobody may know what came of a call that was under way."""
AROUND_SECONDS: Final = 10.0


def calls_keep_to_the_limits(tenants: Sequence[Row], tables: Tables, lines: Sequence[Line]) -> Iterator[Violation]:
    """I13. The calls of an account stay within its bucket, and of all calls at most one in a hundred is refused for
    there being too many, injected refusals aside."""
    limits = {row["account"]: row for row in tables["ingest"]["connections"]}
    for tenant in tenants:
        names = (("bitrix24", tenant["slug"], f"bitrix24:{tenant['slug']}"),
                 ("elba", tenant["account"], f"elba:{tenant['slug']}:main"))  # fmt: skip
        for vendor, account, ours in names:
            calls = [
                line
                for line in lines
                if line["kind"] == "request" and (line["vendor"], line["account"]) == (vendor, account)
                and line.get("via") != "batch" and not line.get("late") and line["operation"] != "token"
            ]  # fmt: skip
            refused = [line for line in calls if line["error"] in LIMIT_ERRORS and "fault" not in line]
            if len(refused) > max(LIMIT_COUNT_MIN, LIMIT_SHARE_MAX * len(calls)):
                yield Violation("I13", f"{account}: {len(refused)} of {len(calls)} calls were too many", tuple(refused))
            limit = limits.get(ours)
            if limit is not None and limit["burst"] is not None:
                yield from _over(account, calls, limit["burst"], limit["per_second"])


def _over(account: str, calls: Sequence[Line], burst: int, per_second: float) -> Iterator[Violation]:
    level, at = 0.0, 0.0
    for line in calls:
        now = seconds(line["at"])
        level = max(0.0, level - max(0.0, now - at) * per_second) + 1
        at = now
        if level > burst + PERMITS_IN_HAND:
            yield Violation("I13", f"{account}: {level:.0f} calls at once, its bucket holds {burst}", (line,))
            return


def retries_keep_their_time(tables: Tables) -> Iterator[Violation]:
    """I14. What failed is tried again after 5, 15 and 45 seconds of business time, each ±20 %: never sooner, but for
    tasks that are wanted anew meanwhile. A token that was refused is replaced and tried at once, the first time in a
    row."""
    for service, rows in tables.items():
        for row in rows["work"]:
            failures = 0
            for one, following in zip(row["attempts"], row["attempts"][1:], strict=False):
                failures = failures + 1 if one["outcome"] == "retryable" else 0
                waited = seconds(following["at"]) - seconds(one["ended_at"])
                if not failures or following["what"] != one["what"] or following.get("wanted") != one.get("wanted"):
                    continue
                if waited > RETRY_SECONDS[-1] * (1 + JITTER):
                    failures = 0  # a poll that succeeds leaves no attempt: it may have come between these two
                    continue
                if failures == 1 and one["problem"]["code"] == TOKEN_REFUSED:
                    continue
                delay = RETRY_SECONDS[min(failures, len(RETRY_SECONDS)) - 1] * (1 - JITTER)
                if 0 <= waited < delay - EARLY_SECONDS:
                    yield Violation(
                        "I14",
                        f"{service}: {row['kind']} of {row['tenant_id']} was tried again after {waited:.1f} s, "
                        f"not {delay:.0f}",
                        (one, following),
                    )


def one_alert_per_outage(
    tenants: Sequence[Row], portals: Mapping[str, Mapping[str, Sequence[Row]]], tables: Tables
) -> Iterator[Violation]:
    """I14. An outage of a vendor is told once when it begins and once when it ends, whichever services saw it; after
    all has healed each one has ended."""
    for tenant in tenants:
        messages = [str(row["TEXT"]) for row in portals[tenant["slug"]].get("message", ())]
        said: dict[str, list[str]] = defaultdict(list)
        for text in dict.fromkeys(messages):  # a lost answer may repeat one message once
            vendor = text.split(" ", 1)[0]
            if BEGAN in text or ENDED in text:
                said[vendor].append("began" if BEGAN in text else "ended")
        for vendor, told in said.items():
            if told != ["began", "ended"] * (len(told) // 2):
                yield Violation("I14", f"{tenant['slug']}: the chat was told of {vendor}: {told}", tuple(messages))
        for text, count in Counter(messages).items():
            if count > 2:
                yield Violation("I14", f"{tenant['slug']}: the chat was told {count} times: {text[:80]}")
        went_down = _outages(tables, tenant["slug"])
        if went_down and not said:
            yield Violation("I14", f"{tenant['slug']}: outages were seen and nobody was told", tuple(went_down))


def work_resumes_soon(
    campaign: Mapping[str, Any], injections: Sequence[Row], tables: Tables, lines: Sequence[Line]
) -> Iterator[Violation]:
    """I14. What waited for a vendor goes on within 90 s of business time after it answers again (and a few real
    seconds, since house-keeping does not follow the clock's rate), where nothing else was broken meanwhile."""
    clock = Clock(lines)
    grace = RESUME_SECONDS_MAX + REAL_SECONDS_OF_GRACE * campaign["clock_rate"]
    for injection in injections:
        if injection["name"] not in ("VendorAway", "KillSandbox") or not injection["fired"]:
            continue
        back = injection["ended"]
        until = back + grace / campaign["clock_rate"]
        others = [one for one in injections if one is not injection and one["name"] in BREAKS]
        if any(one["began"] - AROUND_SECONDS < until and one["ended"] + AROUND_SECONDS > back for one in others):
            continue
        for service in SERVICES:
            for row in _outage_events(tables[service]):
                if row["type"] != "AccountCameBack":
                    continue
                came = clock.real(row["data"]["at"])
                down = clock.real(_down_before(tables[service], row))
                if down < back < came and came > until:
                    late = (came - back) * campaign["clock_rate"]
                    yield Violation("I14", f"{service}: work went on {late:.0f} s after the vendor was back", (row,))


def cards_are_where_they_belong(
    campaign: Mapping[str, Any],
    deals: Sequence[Row],
    injections: Sequence[Row],
    tables: Tables,
    lines: Sequence[Line],
) -> Iterator[Violation]:
    """I16. People are asked exactly what nobody else can know: about each act whose answer was lost, about what
    look-ups could not settle in fifteen minutes, about what the plan itself left open; and about nothing else. Each
    case is before them fifteen minutes after it became undecidable."""
    clock = Clock(lines)
    cards = list(_cards(tables))
    ids = _work_ids(tables)
    places = [(str(deal["slug"]), str(deal["deal_id"])) for deal in deals]
    plans = {place: {**deal, "work_ids": ids[place]} for place, deal in zip(places, deals, strict=True)}
    for tenant, card in cards:
        deal = plans.get((tenant, card["deal_id"]))
        if late := _late(card, injections, clock, campaign["clock_rate"]):
            yield Violation(
                "I16", f"{tenant} deal {card['deal_id']}: a person was asked {card['kind']} {late:.0f} s late", (card,)
            )
        if deal is None or card["kind"] in deal["expected"]["cards"]:
            continue
        if not _justified(card, deal, lines, injections, clock):
            yield Violation(
                "I16",
                f"{tenant} deal {card['deal_id']} ({deal['scenario']}): a person was asked {card['kind']}, and nothing "
                "shows why",
                (card, *_creates(lines, deal)),
            )
    asked = Counter((tenant, card["deal_id"], card["kind"]) for tenant, card in cards)
    for key, deal in plans.items():
        for kind in deal["expected"]["cards"]:
            if deal["done"] and not asked[(*key, kind)]:
                yield Violation("I16", f"{key[0]} deal {key[1]}: nobody was asked {kind}")
    for line in requests(lines, "elba", "act.create"):
        named = marked(line.get("comment"))
        if line.get("fault") in SURELY_LOST and named is not None:
            tenant = next(deal["slug"] for deal in deals if deal["account"] == line["account"])
            if not asked[tenant, str(named.deal), "document_uncertain"]:
                yield Violation(
                    "I16", f"{tenant} deal {named.deal}: an act's answer was lost, nobody was asked", (line,)
                )


def all_work_came_to_its_end(campaign: Mapping[str, Any], tables: Tables) -> Iterator[Violation]:
    """I19. After faults have stopped and the time to heal is over, all work is at its end, or is delayed and somebody
    was told, or is a dead letter; and nothing that people wait for is under way."""
    if campaign["unsettled"]:
        yield Violation("I19", f"not at rest after {campaign['heal_seconds_max']:.0f} s: {campaign['unsettled']}")
    for service, rows in tables.items():
        told = {row["data"]["work_id"] for row in rows["events"] if row["type"] == "WorkFellBehind"}
        for row in rows["work"]:
            if row["queue"] in ("closed", "person") or row["kind"] in RECURRING:
                continue  # what waits for a person has its card, which is looked at below
            if row["delayed_since"] is not None and row["work_id"] in told:
                continue
            yield Violation(
                "I19", f"{service}: {row['kind']} of {row['tenant_id']} is left {row['state']} ({row['queue']})", (row,)
            )
        for row in rows["decision_cards"]:
            if row["choice"] is None:
                yield Violation("I19", f"{service}: card {row['kind']} of {row['tenant_id']} is still open", (row,))


class Clock:
    """Real time of a business moment, by the ledger's own lines, which carry both."""

    def __init__(self, lines: Sequence[Line]) -> None:
        pairs = sorted((seconds(line["at"]), seconds(line["real_at"])) for line in lines)
        self._business = [one for one, _ in pairs]
        self._real = [other for _, other in pairs]

    def real(self, at: Any) -> float:
        """Unix seconds."""
        return self.real_of(seconds(at))

    def real_of(self, business: float) -> float:
        """Unix seconds of business ones."""
        if not self._business:
            return 0.0
        return self._real[min(bisect_left(self._business, business), len(self._real) - 1)]


def _justified(
    card: Mapping[str, Any], deal: Row, lines: Sequence[Line], injections: Sequence[Row], clock: Clock
) -> bool:
    match card["kind"]:
        case "document_differs":
            return any(line.get("fault") in ("kopeck_off", *LOST) for line in _creates(lines, deal))
        case "pdf_refused":
            return _pdf_refusals(lines, deal) >= PDF_REFUSALS_MIN
        case "document_doubled":
            return any(line.get("late") for line in _creates(lines, deal))
        case "overpaid" | "refunded_after_paid":
            return bool(deal["off_kopecks"])
        case "cancel_refused":
            return _cancel_unknown(card, deal, lines, injections, clock)
        case kind if kind in UNCERTAIN_CARDS:
            return _undecidable(card, deal, lines, injections, clock)
        case _:
            return False


def _cancel_unknown(
    card: Mapping[str, Any], deal: Row, lines: Sequence[Line], injections: Sequence[Row], clock: Clock
) -> bool:
    """The call to void an invoice, or its answer, was lost, and look-ups did not settle it in time."""
    asked = seconds(card["opened_at"])
    cancels = [line for line in requests(lines, "elba", "invoice.cancel") if line["account"] == deal["account"]]
    lost = any(line.get("fault") in LOST and seconds(line["at"]) < asked for line in cancels)
    jumped = any(one["name"] == "ClockJumps" for one in injections)
    since = 0.0 if jumped else clock.real_of(asked - 2 * UNDECIDED_SECONDS) - AROUND_SECONDS
    until = clock.real_of(asked)
    return lost or any(
        float(one["began"]) < until and float(one["ended"]) > since for one in injections if one["name"] in BREAKS
    )


def _undecidable(
    card: Mapping[str, Any], deal: Row, lines: Sequence[Line], injections: Sequence[Row], clock: Clock
) -> bool:
    creates = [line for line in _creates(lines, deal) if not line.get("late")]
    sent_at = card["values"].get("sent_at")
    sent = clock.real(sent_at) if sent_at else clock.real(card["opened_at"])
    lost = [line for line in creates if line.get("fault") in LOST or line["status"] == 0]
    broken = [
        one
        for one in injections
        if one["name"] in BREAKS and one["began"] - AROUND_SECONDS < sent < one["ended"] + AROUND_SECONDS
    ]
    if not lost and not broken:
        return False
    if card["values"].get("document") == "act":
        return True
    jumped = any(one["name"] == "ClockJumps" for one in injections)
    waited = seconds(card["opened_at"]) - seconds(sent_at or card["opened_at"])
    return jumped or waited >= UNDECIDED_SECONDS or len(creates) >= SENDS_MAX or bool(broken)


def _late(card: Mapping[str, Any], injections: Sequence[Row], clock: Clock, rate: float) -> float:
    """Business seconds by which people were asked too late about a call that nobody knows the outcome of. While faults
    break what would ask, the time does not run; a clock that jumps has none."""
    sent_at = card["values"].get("sent_at")
    if card["kind"] not in UNCERTAIN_CARDS or not sent_at or any(one["name"] == "ClockJumps" for one in injections):
        return 0.0
    sent, asked = clock.real(sent_at), clock.real(card["opened_at"])
    breaks = [(float(one["began"]), float(one["ended"])) for one in injections if one["name"] in BREAKS]
    broken = sum(max(0.0, min(ended, asked) - max(began, sent)) for began, ended in breaks)
    looked_for = 0.0 if card["values"].get("document") == "act" else LOOKED_FOR_SECONDS_MAX
    return max(0.0, (asked - sent - broken) * rate - looked_for - ASKED_SECONDS_MAX)


def _creates(lines: Sequence[Line], deal: Row) -> list[Line]:
    """The calls that made, or may have made, something for a deal."""
    calls = requests(lines, "elba", "invoice.create", "act.create", "counterparty.create")
    return [line for line in calls if line["account"] == deal["account"] and _is_for(line, deal)]


def _work_ids(tables: Tables) -> dict[tuple[str, str], set[str]]:
    """The ids of the work of each tenant's deals: a call whose body was never read is known by its key alone."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for rows in tables.values():
        for row in rows["work"]:
            found[row["tenant_id"], row["stream"].removeprefix("deal-")].add(row["work_id"])
    return found


def _is_for(line: Line, deal: Row) -> bool:
    if line.get("idempotency_key") in deal.get("work_ids", ()):
        return True
    named = marked(line.get("comment"))
    if named is not None:
        return bool(named.deal == deal["deal_id"])
    if line.get("inn"):
        return bool(line["inn"] == deal["buyer"]["inn"])
    return line["operation"] == "counterparty.create" and not deal["buyer"]["inn"]


def _pdf_refusals(lines: Sequence[Line], deal: Row) -> int:
    ids = {(line.get("outcome") or {}).get(kind) for line in _creates(lines, deal) for kind in ("invoice", "act")}
    return sum(
        1
        for line in requests(lines, "elba", "invoice.pdf", "act.pdf")
        if line["account"] == deal["account"] and line.get("id") in ids and (line.get("fault") or line["status"] >= 400)
    )


def _cards(tables: Tables) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for rows in tables.values():
        for row in rows["events"]:
            if row["type"] == "CardOpened":
                yield row["tenant_id"], row["data"]


def _outages(tables: Tables, tenant: str) -> list[Row]:
    return [
        row
        for rows in tables.values()
        for row in _outage_events(rows)
        if row["tenant_id"] == tenant and row["type"] == "AccountWentDown"
    ]


def _outage_events(rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    return [row for row in rows["events"] if row["stream"].startswith("outage-")]


def _down_before(rows: Mapping[str, Sequence[Row]], back: Row) -> Any:
    """When the account went down that came back."""
    before = [
        row["data"]["at"]
        for row in _outage_events(rows)
        if row["type"] == "AccountWentDown"
        and row["tenant_id"] == back["tenant_id"]
        and row["stream"] == back["stream"]
        and row["version"] < back["version"]
    ]
    return before[-1] if before else back["data"]["at"]
