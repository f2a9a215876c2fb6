"""Guards against a rig that proves nothing: faults that never fired, deals that went nowhere, paths never taken."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tests.chaos.checker.ends import missed
from tests.chaos.checker.history import SERVICES, History, Line, Row, Violation, marked, seconds

ENDED_SHARE_MIN: Final = 0.95
TOUCHED_SHARE_MIN: Final = 0.6
WHOLE_DEALS: Final = 200
"""From so many deals on a campaign is a whole one, with a whole mix of faults."""
INJECTIONS_MIN: Final = 40
KINDS_MIN: Final = 12
BUSINESS: Final = frozenset({"F27", "F28", "F44", "F46", "F47"})
"""Deeds of the plan; they count as kinds, not as injections."""


def guards(history: History) -> Iterator[Violation]:
    """Why this run proves nothing."""
    yield from every_fault_fired(history.injections)
    yield from deals_ended(history)
    if len(history.deals) >= WHOLE_DEALS:
        yield from the_mix_is_whole(history)


def every_fault_fired(injections: Sequence[Row]) -> Iterator[Violation]:
    """An armed fault that never fired tested nothing."""
    for one in injections:
        if one["trouble"]:
            yield Violation(
                "vacuity", f"{one['code']} {one['name']} at {one['at']} s: {one['trouble']}", (one["detail"],)
            )
        elif not one["fired"] or not all(one["rules"].values()):
            yield Violation("vacuity", f"{one['code']} {one['name']} at {one['at']} s never fired", (one["detail"],))


def deals_ended(history: History) -> Iterator[Violation]:
    """Fewer than 95 % of the deals as planned: whatever held did so for want of work."""
    found = misses(history)
    ended = len(history.deals) - len(found)
    if ended < ENDED_SHARE_MIN * len(history.deals):
        sentences = tuple(f"{name}: {'; '.join(why)}" for name, why in found.items())
        yield Violation("vacuity", f"only {ended} of {len(history.deals)} deals ended as planned", sentences)


def the_mix_is_whole(history: History) -> Iterator[Violation]:
    """At least 40 injections of 12 kinds, six deals of ten hit, every service and Postgres killed."""
    struck = [one for one in history.injections if one["code"] not in BUSINESS and one["fired"]]
    kinds = {one["code"] for one in history.injections if one["fired"]}
    if len(struck) < INJECTIONS_MIN or len(kinds) < KINDS_MIN:
        yield Violation("vacuity", f"only {len(struck)} injections of {len(kinds)} kinds")
    for name in (*SERVICES, "postgres"):
        if not history.campaign["kills"].get(name):
            yield Violation("vacuity", f"{name} was never killed")
    for one in struck:
        if one["name"] == "NoKafka" and (came := acknowledged(history.lines, one)) < len(history.deals):
            yield Violation("vacuity", f"only {came} webhooks were acknowledged while Kafka was away")
    hit = touched(history)
    if len(hit) < TOUCHED_SHARE_MIN * len(history.deals):
        yield Violation("vacuity", f"only {len(hit)} of {len(history.deals)} deals met a fault")


def acknowledged(lines: Sequence[Line], injection: Row) -> int:
    """Webhooks that were acknowledged while a fault struck."""
    return sum(
        line["kind"] == "event"
        and line["phase"] == "sent"
        and injection["began"] < seconds(line["real_at"]) < injection["ended"]
        for line in lines
    )


def misses(history: History) -> dict[str, list[str]]:
    """Deals that did not end as planned, with what missed."""
    return {
        f"{deal['slug']} {deal['deal_id']} ({deal['scenario']})": found
        for deal in history.deals
        if (found := missed(deal, history.accounts[deal["account"]], history.portals[deal["slug"]]))
    }


def touched(history: History) -> set[tuple[str, int]]:
    """Deals that a fault hit: one of their own calls went wrong, or something broke between a deed and its effects."""
    found: set[tuple[str, int]] = set()
    by_account = {(deal["account"], deal["deal_id"]): deal for deal in history.deals}
    for line in history.lines:
        if line["kind"] == "request" and "fault" in line:
            deal = _deal_of(line, by_account)
            if deal is not None:
                found.add((deal["slug"], deal["deal_id"]))
    breaks = [
        (one["began"], one["ended"]) for one in history.injections if not one["rules"] and one["code"] not in BUSINESS
    ]
    for deal in history.deals:
        if deal["deeds"]:
            first, last = deal["deeds"][0]["real"], deal["deeds"][-1]["real"]
            if any(began < last and ended > first for began, ended in breaks):
                found.add((deal["slug"], deal["deal_id"]))
    return found


def _deal_of(line: Line, by_account: Mapping[tuple[str, int], Row]) -> Row | None:
    named = marked(line.get("comment"))
    return by_account.get((line["account"], named.deal)) if named else None


def histogram(injections: Sequence[Row]) -> dict[str, int]:
    """How often each kind of fault fired."""
    fired: Counter[str] = Counter()
    for one in injections:
        fired[one["code"]] += one["fired"]
    return dict(sorted(fired.items()))


def strikes(injections: Sequence[Row]) -> dict[str, int]:
    """How many injections of each kind there were."""
    return dict(sorted(Counter(one["code"] for one in injections).items()))


def healed_in(campaign: Mapping[str, Any]) -> float:
    """Business seconds from the end of faults to rest, as on a machine of its own."""
    times = campaign["own_times"]
    return float((times["settled"] - times["faults_ended"]) * campaign["clock_rate"])


def healed_by_the_clock(campaign: Mapping[str, Any]) -> float:
    """The same by the clock of the campaign, whoever else had the machine."""
    times = campaign["times"]
    return float((times["settled"] - times["faults_ended"]) * campaign["clock_rate"])


def lasted(lines: Sequence[Line]) -> float:
    """Business seconds from the first line to the last."""
    return seconds(lines[-1]["at"]) - seconds(lines[0]["at"]) if lines else 0.0
