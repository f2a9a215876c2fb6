"""``python -m tests.chaos.campaign.table``: the READMEs' tables of faults and of evidence, from the code and the data.

With ``--write`` they are put between their marks in ``README.md`` and ``tests/chaos/README.md``, and what campaigns say
together into ``bench/results/campaigns.json``.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import comb
from typing import Any, Final

from tests.chaos.campaign.drawing_faults import ALL
from tests.chaos.campaign.evidence import (
    CRASH_POINTS,
    EVENT_STORE,
    ROOT,
    SIMULATION,
    WEBHOOKS,
    money_path,
    read,
    read_run,
)
from tests.chaos.campaign.faults.business import BY_SCENARIO, ECHO
from tests.chaos.campaign.seeds import REGRESSIONS
from tests.chaos.checker.vacuity import ENDED_SHARE_MIN
from tests.chaos.mutants.judging import Caught, recorded
from tests.chaos.mutants.patches import patches

README: Final = ROOT / "tests" / "chaos" / "README.md"
FRONT: Final = ROOT / "README.md"
RESULTS: Final = ROOT / "bench" / "results" / "campaigns.json"
CATALOGUE: Final = {
    "F01": "SIGKILL at random", "F02": "SIGKILL at a crash point", "F03": "SIGSTOP past leases and sessions",
    "F04": "rolling SIGTERM", "F05": "Postgres SIGKILL", "F06": "reset during COMMIT", "F07": "pool exhausted",
    "F08": "disk of Postgres full", "F09": "idle in transaction", "F10": "40001, 40P01", "F11": "broker killed",
    "F12": "broker's data lost", "F13": "broker away from start to end", "F14": "broker, database or ingest slow",
    "F15": "rebalance storm", "F16": "offsets rewound", "F17": "two relays at once", "F18": "clock ±2 h, midnight, "
    "year end", "F19": "CPU starved", "F20": "webhooks dropped", "F21": "webhooks doubled", "F22": "webhooks reordered",
    "F23": "webhooks late", "F24": "burst of 1,000", "F25": "forged, foreign, replayed", "F26": "malformed, oversized",
    "F27": "echo of our own update", "F28": "stage flapping", "F29": "timeout before commit",
    "F30": "timeout after commit", "F31": "late commit", "F32": "5xx with commit", "F33": "5xx without; vendor away",
    "F34": "vendor's limit", "F35": "operating-time limit", "F36": "byte by byte", "F37": "half, empty or HTML answer",
    "F38": "error under 200", "F39": "paging shift", "F40": "read-after-write lag", "F41": "tokens end, crash after "
    "the next", "F42": "field added, missing, retyped", "F43": "a kopeck off", "F44": "hand edit or delete",
    "F45": "PDF empty, late, HTML", "F46": "payments twice, revised, refunded, in part, too much",
    "F47": "several records of an INN, INN changed", "F48": "equal ids across tenants", "F49": "uninstall mid-run",
    "F50": "keys rotated mid-run", "F51": "two versions with a migration",
}  # fmt: skip
NOT_IN: Final = {
    "F07": "the pools are bounded by a test of their sums, and a full one only queues; F09 and F14 make them wait",
    "F08": "needs a file system of its own; ingest's answer to a full disk has its own test (`tests/services/ingest`)",
    "F19": "a shared machine starves campaigns by itself; on purpose it would only make them late",
    "F48": "holds in every campaign: portals, deals, companies, invoice numbers and INNs are equal in all tenants",
    "F49": "comes with the portal's application, whose uninstalling it is",
    "F50": "comes with the commands that rotate keys",
}
MARKS: Final = ("<!-- {name}: made by python -m tests.chaos.campaign.table -->", "<!-- end of {name} -->")


def faults() -> str:
    """Every fault of the catalogue: what strikes, or why nothing does."""
    names: dict[str, list[str]] = {}
    for fault in ALL:
        names.setdefault(fault.code, []).append(f"`{fault.__name__}`")
    for scenario, (code, _) in BY_SCENARIO.items():
        names.setdefault(code, []).append(f"scenario `{scenario}`")
    names.setdefault(ECHO[0], []).append("every write to the CRM")
    rows = ["| Fault | | In campaigns by |", "|---|---|---|"]
    for code, title in CATALOGUE.items():
        rows.append(f"| {code} | {title} | {', '.join(names.get(code, ())) or f'not in: {NOT_IN[code]}'} |")
    return "\n".join(rows)


def together(runs: Sequence[dict[str, Any]], present: str) -> dict[str, Any]:
    """What the runs of the present money path say together; older ones are counted, and prove nothing of it."""
    here = [run for run in runs if run["money_path"] == present]
    spoiled = [run for number, run in enumerate(here) if is_spoiled(run, here[number + 1 :])]
    valid = [run for run in here if not is_idle(run) and run not in spoiled]
    fired, cards = Counter[str](), Counter[str]()
    for run in valid:
        fired.update(run["fired"])
        cards.update(run["cards"])
    return {
        "money_path": present,
        "commits": sorted({run["commit"] for run in valid}),
        "campaigns": len(valid),
        "seeds": [run["seed"] for run in valid],
        "deals": sum(run["deals"] for run in valid),
        "failed_seeds": [run["seed"] for run in valid if not run["ok"]],
        "idle_seeds": [run["seed"] for run in here if is_idle(run)],
        "spoiled_seeds": {str(run["seed"]): run["spoiled"] for run in spoiled},
        "fired": dict(sorted(fired.items())),
        "cards": dict(sorted(cards.items())),
        "healed_in_business_seconds_max": max((run["healed_in_business_seconds"] for run in valid), default=0),
        "healed_by_the_clock_max": max((run.get("healed_by_the_clock", 0) for run in valid), default=0),
        "seconds_max": max((run["seconds"]["whole"] for run in valid), default=0),
        "real_seconds_max": max((run["real_seconds"] for run in valid), default=0),
        "campaigns_of_older_code": len(runs) - len(here),
    }


def is_idle(run: Mapping[str, Any]) -> bool:
    """Whether no invariant broke and the deals ended as planned, but the rig struck less than it was told: such a run
    speaks neither for the code nor against it."""
    return set(run["violations"]) == {"vacuity"} and run["ended_as_planned"] >= ENDED_SHARE_MIN * run["deals"]


def is_spoiled(run: Mapping[str, Any], later: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a failed run was the rig's own fault: its line says so under `spoiled`, with the cause that was found and
    mended, and its seed was played again in this code and held."""
    return bool(run.get("spoiled")) and any(one["seed"] == run["seed"] and one["ok"] for one in later)


def evidence(said: Mapping[str, Any]) -> str:
    """The table of it, with the last long runs of the event store and of webhooks."""
    healed = (said["healed_in_business_seconds_max"] / 60, said["healed_by_the_clock_max"] / 60)
    rows = [
        "| Of the code as it is | |",
        "|---|---|",
        f"| campaigns | {said['campaigns']} (seeds {', '.join(map(str, said['seeds'])) or '–'}) |",
        f"| deals | {said['deals']} |",
        f"| with a broken invariant, or under 95 % of the deals at their planned end | {len(said['failed_seeds'])} |",
        f"| set aside, since the rig struck less than it was told | {', '.join(map(str, said['idle_seeds'])) or '–'} |",
        f"| set aside, since the rig itself was at fault; mended, played again | {_spoiled(said['spoiled_seeds'])} |",
        f"| faults fired | {_counts(said['fired'])} |",
        f"| cards raised and taken | {_counts(said['cards'])} |",
        f"| longest healing, of 20 min of business time | {_longest(*healed, 'min')} |",
        f"| longest campaign, of 90 s | {_longest(said['seconds_max'], said['real_seconds_max'], 's')} |",
        f"| what that bounds, at 95 % | {bound_of(said)} |",
        f"| campaigns of older code | {said['campaigns_of_older_code']} |",
        f"| broken builds | {_builds(recorded(), said['money_path'])} |",
        f"| crash points | {_long_run(read_run(CRASH_POINTS), said['money_path'], _of_crash_points)} |",
        f"| event store | {_long_run(read_run(EVENT_STORE), said['money_path'], _of_the_store)} |",
        f"| webhooks | {_long_run(read_run(WEBHOOKS), said['money_path'], _of_webhooks)} |",
        f"| simulation | {_long_run(read_run(SIMULATION), said['money_path'], _of_simulation)} |",
    ]
    return "\n".join(rows)


def front(said: Mapping[str, Any]) -> str:
    """What the first page tells of it."""
    strikes, kinds = sum(said["fired"].values()), len(said["fired"])
    return "\n".join(
        [
            "| Campaigns of the code as it is | Deals | Faults that struck | Not as promised | Bound at 95 % |",
            "|---|---|---|---|---|",
            f"| {said['campaigns']} | {said['deals']} | {strikes} of {kinds} kinds "
            f"| {len(said['failed_seeds'])} campaigns | {bound_of(said)} |",
        ]
    )


def _longest(own: float, clock: float, unit: str) -> str:
    if not own:
        return "–"
    places = 1 if unit == "min" else 0
    there = f"; by the clock, beside others, {clock:.{places}f} {unit}" if clock else ""
    return f"{own:.{places}f} {unit} as on a machine of its own{there}"


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counted.items()) or "–"


def _spoiled(reasons: Mapping[str, str]) -> str:
    return "; ".join(f"{seed}: {reason}" for seed, reason in reasons.items()) or "–"


def _builds(found: Sequence[Caught], present: str) -> str:
    names = {patch.name for patch in patches()}
    ever = {one.build for one in found} & names
    here = {one.build for one in found if one.money_path == present} & names
    return f"{len(ever)} of {len(names)} found, {len(here)} of them in this code"


def _long_run(run: dict[str, Any] | None, present: str, told: Callable[[dict[str, Any]], str]) -> str:
    if run is None:
        return "–"
    return f"{told(run)} ({'this code' if run.get('money_path') == present else 'older code'}, {run['commit']})"


def _of_crash_points(run: dict[str, Any]) -> str:
    return f"{run['kills']} kills at {run['points']} points, {run['pair_kills']} at {run['pairs']} pairs: all recovered"


def _of_simulation(run: dict[str, Any]) -> str:
    return f"{run['seeds']} seeds of {run['deals']} deals in {run['seconds']:.0f} s: {run['failed']} failed"


def _of_the_store(run: dict[str, Any]) -> str:
    return f"{run['events']} events by 16 writers, {run['kills']} kills: {len(run['anomalies'])} anomalies"


def _of_webhooks(run: dict[str, Any]) -> str:
    return f"{run['acknowledged']} acknowledged, {sum(run['kills'].values())} kills and cuts: {run['lost']} lost"


def seeds() -> str:
    """The seeds that once failed, and why."""
    return "\n".join(["| Seed | What it found |", "|---|---|", *(f"| {n} | {why} |" for n, why in REGRESSIONS.items())])


def bound_of(said: Mapping[str, Any]) -> str:
    """What campaigns together allow to say."""
    return bound(said["campaigns"], said["deals"], len(said["failed_seeds"]))


def bound(campaigns: int, deals: int, broken: int) -> str:
    """What n campaigns bound, against these simulators and this mix of faults. No failure in n means a rate below 3/n
    (the rule of three), of campaigns and of deals; after failures the campaigns alone are counted."""
    if campaigns == broken:
        return "nothing"
    if broken:
        return f"a broken campaign in under {rate_max(campaigns, broken):.2g}"
    of_deals, of_campaigns = 3 / deals, 3 / campaigns
    return f"a lost or doubled deal in under {of_deals:.2g} of deals, a broken campaign in under {of_campaigns:.2g}"


def rate_max(runs: int, failed: int, confidence: float = 0.95) -> float:
    """The greatest rate of failure at which so few failures would still be seen (Clopper and Pearson, one-sided)."""
    low, high = failed / runs, 1.0
    for _ in range(50):
        rate = (low + high) / 2
        seen = sum(comb(runs, n) * rate**n * (1 - rate) ** (runs - n) for n in range(failed + 1))
        low, high = (rate, high) if seen > 1 - confidence else (low, rate)
    return high


def written(text: str, name: str, table: str) -> str:
    """A text with a table put between its marks."""
    begin, end = (mark.format(name=name) for mark in MARKS)
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{table}\n{end}{after}"


def main() -> int:
    """Prints them, or writes them."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.campaign.table", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put them into the READMEs, and the sums into JSON")
    said = together(read(), money_path())
    pages = {
        README: {"faults": faults(), "seeds": seeds(), "evidence": evidence(said)},
        FRONT: {"campaigns": front(said)},
    }
    if not parser.parse_args().write:
        print("\n\n".join(table for tables in pages.values() for table in tables.values()))
        return 0
    for page, tables in pages.items():
        text = page.read_text(encoding="utf-8")
        for name, table in tables.items():
            text = written(text, name, table)
        page.write_text(text, encoding="utf-8")
    RESULTS.write_text(json.dumps(said, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
