"""Small campaigns, as CI runs them with every change; whole ones are ``make campaign`` and ``make campaigns``."""

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chaos.campaign import share
from tests.chaos.campaign.drawing import make_plan
from tests.chaos.campaign.drawing_faults import ALL, HEAVY, STARTS, draw_faults, shape_of
from tests.chaos.campaign.evidence import NOT_SPOKEN_WITH, ROOT, meaning
from tests.chaos.campaign.scenarios import SCENARIOS
from tests.chaos.campaign.seeds import CI, SLOW
from tests.chaos.campaign.table import (
    CATALOGUE,
    FRONT,
    MARKS,
    NOT_IN,
    README,
    bound,
    evidence,
    faults,
    front,
    rate_max,
    seeds,
    together,
)
from tests.chaos.checker.sometimes import CARDS, CODES, NOT_IN_CAMPAIGNS

SEEDS = (9, 12)
SMALL = ("--deals", "12", "--tenants", "2", "--seconds", "10", "--injections", "9", "--heal-seconds", "120")
SECONDS_MAX = 280


@pytest.mark.parts
@pytest.mark.slow
@pytest.mark.timeout(SECONDS_MAX + 20)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_small_campaign_breaks_nothing(seed: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.chaos.campaign", "--seed", str(seed), *SMALL]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_the_same_seed_gives_the_same_plan() -> None:
    def plans(seed: int) -> tuple[object, list[tuple[float, str]]]:
        work = make_plan(deals=60, tenants=3, seed=seed, seconds=40)
        strikes = draw_faults(seed, 40, count=None, deals=200)
        return work, [(one.at, type(one.fault).__name__) for one in strikes]

    assert plans(5) == plans(5)
    assert plans(5) != plans(6)


def test_tenants_have_the_same_deals_buyers_and_numbers() -> None:
    plan = make_plan(deals=200, tenants=3, seed=1, seconds=40)
    slots: dict[int, set[tuple[str, str]]] = {}
    for deal in plan.deals:
        slots.setdefault(deal.slot, set()).add((deal.buyer.inn, deal.buyer.email))
    assert all(len(buyers) == 1 or {inn for inn, _ in buyers} >= {""} for buyers in slots.values())
    assert {deal.scenario for deal in plan.deals} == {scenario.name for scenario in SCENARIOS if scenario.weight}


def test_evidence_stays_when_words_change_and_not_when_code_does() -> None:
    before = 'def pay():\n    """Pays."""\n    return 1\n'
    assert meaning(before) == meaning('def pay():\n    """Pays once."""  # no more\n    return 1\n')
    assert meaning(before) != meaning(before.replace("1", "2"))


def test_only_connectors_that_no_campaign_speaks_with_leave_evidence_as_it_is() -> None:
    source = (ROOT / "tests" / "chaos" / "campaign" / "run.py").read_text(encoding="utf-8")
    assert set(re.findall(r'"vendor": "(\w+)", "profile": "(\w+)"', source)) == {("elba", "seed")}
    assert not {"bitrix24", "elba"} & set(NOT_SPOKEN_WITH)
    assert all((ROOT / "connectors" / name).is_dir() for name in NOT_SPOKEN_WITH)


@pytest.mark.parametrize("seed", range(len(HEAVY)))
def test_a_whole_campaign_has_a_whole_mix(seed: int) -> None:
    strikes = draw_faults(seed, 40, count=None, deals=200)
    assert len(strikes) >= 40
    assert len({one.fault.code for one in strikes}) >= 12


def test_the_seeds_of_ci_have_every_heavy_fault_and_every_beginning() -> None:
    shapes = [shape_of(seed) for seed in CI]
    assert len(CI) >= 8
    assert {shape_of(seed).heavy for seed in SLOW} == {"NoKafka"}
    assert {shape.heavy for shape in shapes} == {fault.__name__ for fault in HEAVY} - {"NoKafka"}
    assert {shape.start for shape in shapes} == set(STARTS)


def test_every_fault_of_the_catalogue_is_in_or_has_its_reason() -> None:
    inside = {fault.code for fault in ALL} | {"F27", "F28", "F44", "F46", "F47"}
    assert inside | NOT_IN.keys() == CATALOGUE.keys()
    assert not inside & NOT_IN.keys()
    assert set(CODES) == inside
    for fault in ALL:
        assert (fault.__doc__ or "").startswith(fault.code), "a fault says in its own words what it is"


def test_every_kind_of_card_is_reached_or_has_its_reason() -> None:
    texts = yaml.safe_load((ROOT / "services" / "notifier" / "texts" / "ru.yaml").read_text(encoding="utf-8"))
    assert {*CARDS} | NOT_IN_CAMPAIGNS.keys() == texts["cards"].keys() - {"unknown"}
    assert not {*CARDS} & NOT_IN_CAMPAIGNS.keys()


def test_the_readme_has_the_table_of_the_code() -> None:
    text = README.read_text(encoding="utf-8")
    assert all(table in text for table in (faults(), seeds())), "run: python -m tests.chaos.campaign.table --write"


def _said(seed: int, money_path: str, *, ok: bool = True) -> dict[str, Any]:
    fired, cards = {"F01": 5, "F30": 2}, {"overpaid": 1}
    return {
        "seed": seed,
        "money_path": money_path,
        "commit": "abc",
        "ok": ok,
        "violations": {} if ok else {"I1": ["two invoices"]},
        "ended_as_planned": 200,
        "deals": 200,
        "fired": fired,
        "cards": cards,
        "healed_in_business_seconds": 300 * seed,
        "healed_by_the_clock": 450 * seed,
        "seconds": {"whole": 30.0 * seed},
        "real_seconds": 50.0 * seed,
    }


def test_evidence_of_older_code_proves_nothing_of_this_one() -> None:
    said = together([_said(1, "old", ok=False), _said(2, "new"), _said(3, "new")], "new")
    assert (said["campaigns"], said["seeds"], said["deals"], said["failed_seeds"]) == (2, [2, 3], 400, [])
    assert (said["fired"], said["cards"]) == ({"F01": 10, "F30": 4}, {"overpaid": 2})
    assert said["campaigns_of_older_code"] == 1
    assert "| campaigns | 2 (seeds 2, 3) |" in evidence(said)
    assert "business time | 15.0 min as on a machine of its own; by the clock, beside others, 22.5 min |" in evidence(
        said
    )
    assert "| longest campaign, of 90 s | 90 s as on a machine of its own; by the clock, beside others, 150 s |" in (
        evidence(said)
    )
    assert "| 2 | 400 | 14 of 2 kinds | 0 campaigns | a lost or doubled deal in under 0.0075 of deals" in front(said)


def test_a_run_whose_rig_struck_too_little_counts_neither_way() -> None:
    idle = {**_said(2, "new", ok=False), "violations": {"vacuity": ["F15 never fired"]}}
    stuck = {**idle, "seed": 3, "ended_as_planned": 189}
    said = together([_said(1, "new"), idle, stuck], "new")
    assert (said["seeds"], said["failed_seeds"], said["idle_seeds"]) == ([1, 3], [3], [2])


def test_a_run_that_the_rig_spoiled_is_set_aside_once_its_seed_held() -> None:
    spoiled = {**_said(2, "new", ok=False), "spoiled": "the rig set the clock back twice"}
    assert together([spoiled, _said(3, "new")], "new")["failed_seeds"] == [2]
    said = together([spoiled, _said(3, "new"), _said(2, "new")], "new")
    assert (said["seeds"], said["failed_seeds"]) == ([3, 2], [])
    assert "played again | 2: the rig set the clock back twice |" in evidence(said)


def test_a_set_with_failures_bounds_what_so_few_of_them_allow() -> None:
    said = together([_said(2, "new"), _said(3, "new", ok=False)], "new")
    assert said["failed_seeds"] == [3]
    assert front(said).endswith("| 1 campaigns | a broken campaign in under 0.97 |")
    assert rate_max(200, 0) == pytest.approx(1 - 0.05 ** (1 / 200))
    assert rate_max(200, 1) == pytest.approx(0.0235, abs=0.0001)  # the tables of Clopper and Pearson
    assert bound(1, 200, 1) == bound(0, 0, 0) == "nothing"


def test_both_pages_have_places_for_what_is_made() -> None:
    for page, names in ((README, ("faults", "seeds", "evidence")), (FRONT, ("campaigns",))):
        text = page.read_text(encoding="utf-8")
        for name in names:
            assert all(text.count(mark.format(name=name)) == 1 for mark in MARKS), f"{page}: {name}"


def test_second_of_a_slow_processor_counts_for_what_it_does_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def counted(loop_seconds: float) -> float:
        monkeypatch.setattr(share, "LOOP_SECONDS", loop_seconds)
        own, began = share.OwnTime(), time.monotonic()
        while time.monotonic() < began + 0.2:
            pass
        return own.seconds(now=True)

    assert counted(loop_seconds=1.0) > 0.02, "faster than was written down counts as it passes"
    assert counted(loop_seconds=1e-9) < 0.001
