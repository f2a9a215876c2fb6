"""Builds that are broken on purpose: all patches fit the code as it is."""

from tests.chaos.mutants.attempt import RIGS
from tests.chaos.mutants.judging import ROOT
from tests.chaos.mutants.patches import patches

BUILDS_MIN = 15


def test_every_patch_fits_the_code_and_names_its_rig() -> None:
    found = patches()
    assert len(found) >= BUILDS_MIN
    for patch in found:
        assert patch.rig.split()[0] in RIGS, patch.name
        for edit in patch.edits:
            patch.applied((ROOT / edit.path).read_text(), edit)
