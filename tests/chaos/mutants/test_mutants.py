"""Broken builds are found: all patches fit the code as it is, and a few of them, others every day, are found again."""

import datetime as dt

import pytest

from tests.chaos.mutants.attempt import RIGS
from tests.chaos.mutants.judging import ROOT, judge, recorded
from tests.chaos.mutants.patches import patches

BUILDS_MIN = 15
AGAIN = 3
CHEAP = ("simulation", "event_store", "messages", "tokens", "tenants")
SEED_SECONDS_MAX = 30.0
"""A build whose recorded seeds take longer is for the night."""
SAYS_HOW = "; if the code has changed since, make mutants finds new seeds"


def test_every_patch_fits_the_code_and_names_its_rig() -> None:
    found = patches()
    assert len(found) >= BUILDS_MIN
    for patch in found:
        assert patch.rig.split()[0] in RIGS, patch.name
        for edit in patch.edits:
            patch.applied((ROOT / edit.path).read_text(), edit)


def test_every_build_was_found_by_an_invariant() -> None:
    found = {one.build for one in recorded() if one.invariants}
    unfound = sorted({patch.name for patch in patches()} - found)
    assert unfound == [], f'make mutants NAMES="{" ".join(unfound)}"'


@pytest.mark.timeout(600)
def test_a_few_builds_are_found_again() -> None:
    seeds_of = {patch.name: [one for one in recorded() if one.build == patch.name] for patch in patches()}
    cheap = [
        patch
        for patch in patches()
        if patch.rig.split()[0] in CHEAP and all(one.seconds <= SEED_SECONDS_MAX for one in seeds_of[patch.name])
    ]
    assert len(cheap) >= BUILDS_MIN
    first = dt.datetime.now(dt.UTC).date().toordinal() * AGAIN
    with judge() as judging:
        for patch in (cheap[(first + number) % len(cheap)] for number in range(AGAIN)):
            seeds = [one.seed for one in seeds_of[patch.name]]
            print(f"{patch.name}: seeds {seeds}")
            assert judging.caught(patch, seeds), f"{patch.name} was not found on {seeds}{SAYS_HOW}"
