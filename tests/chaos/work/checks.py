"""Judges a run of work, each rule in one pass."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from tests.chaos.work.history import Called, Change, Granted, History, Told


def calls_leave_after_their_intent(history: History) -> Iterator[str]:
    """A call is at the vendor only after its sender has committed that it would leave: else a crash forgets it."""
    intents: dict[tuple[str, str, int], datetime] = {}
    for change in history.changes:
        if change.after.state == "INTENT" and change.before != change.after:
            intents.setdefault((change.effect, change.runner, change.after.sends), change.at)
    for entry in history.ledger:
        if isinstance(entry, Called) and entry.send:
            intent = intents.get((entry.effect, entry.runner, entry.send))
            if intent is None or intent > entry.at:
                late = "none" if intent is None else f"one of {(intent - entry.at).total_seconds():.3f} s later"
                yield f"{entry.effect}: send {entry.send} left {entry.runner} without an intent; it has {late}"


def rows_are_changed_by_who_holds_them(history: History) -> Iterator[str]:
    """While a row is in somebody's hands nobody else commits an intent or an outcome to it; when the lease is over
    anybody may put it back, as it stood."""
    holders: dict[str, str] = {}
    for change in history.changes:
        if change.after.epoch != change.before.epoch:
            holders[change.effect] = change.runner
        elif change.before.queue == "taken" and not _put_back(change):
            holder = holders.get(change.effect, "nobody")
            if change.runner != holder:
                yield (
                    f"{change.effect}: {change.runner} made {change.after.state} of {change.before.state} "
                    f"in the hands of {holder}"
                )


def _put_back(change: Change) -> bool:
    over = change.before.lease_until is not None and change.before.lease_until < change.at
    return over and change.after.queue == "ready" and change.after.state == change.before.state


def calls_keep_within_permits(history: History) -> Iterator[str]:
    """At no moment has a runner called more often than it had leave for, less what it gave back."""
    allowed: dict[str, int] = defaultdict(int)
    made: dict[str, int] = defaultdict(int)
    over: set[str] = set()
    for entry in history.ledger:
        match entry:
            case Granted():
                allowed[entry.runner] += entry.count - entry.unused
            case Called():
                made[entry.runner] += 1
        if made[entry.runner] > allowed[entry.runner] and entry.runner not in over:
            over.add(entry.runner)
            yield f"{entry.runner} made call {made[entry.runner]} with leave for {allowed[entry.runner]}"


def no_effect_is_carried_out_twice(history: History) -> Iterator[str]:
    """An effect made at most one document."""
    for effect, documents in history.documents.items():
        if len(documents) > 1:
            yield f"{effect} made {', '.join(documents)}"


def all_work_comes_to_its_end(history: History) -> Iterator[str]:
    """Every effect is confirmed when faults have been over for long."""
    for effect, stand in history.rows.items():
        if (stand.queue, stand.state) != ("closed", "CONFIRMED"):
            yield f"{effect} is {stand.queue} and {stand.state}"


def outcomes_are_told_once(history: History) -> Iterator[str]:
    """A stream hears once of each of its effects that is confirmed, and of the very document that there is."""
    told: dict[str, list[Told]] = defaultdict(list)
    for one in history.told:
        told[one.effect].append(one)
    for effect, stand in history.rows.items():
        if stand.state == "CONFIRMED" and len(told[effect]) != 1:
            yield f"{effect} is confirmed, and its stream heard of it {len(told[effect])} times"
    for effect, heard in told.items():
        for one in heard:
            if one.how != "confirmed" or one.document not in history.documents.get(effect, []):
                yield f"{effect}: the stream heard of {one.document or 'nothing'}, {one.how}"


CHECKS = (
    calls_leave_after_their_intent,
    rows_are_changed_by_who_holds_them,
    calls_keep_within_permits,
    no_effect_is_carried_out_twice,
    all_work_comes_to_its_end,
    outcomes_are_told_once,
)


def anomalies(history: History) -> list[str]:
    """Everything that runners without faults could not have shown, each with the check that found it."""
    return [f"{check.__name__}: {found}" for check in CHECKS for found in check(history)]
