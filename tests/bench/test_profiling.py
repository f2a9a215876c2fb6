"""Profiles are kept with results, so they name no place of the machine that made them."""

import cProfile
from pathlib import Path

from bench.profiling import summary_of
from chassis.values.inn import inn_ok


def test_a_summary_names_functions_and_no_place_of_the_machine(tmp_path: Path) -> None:
    file = tmp_path / "service.profile"
    profile = cProfile.Profile()
    profile.runcall(inn_ok, "7707083893")
    profile.dump_stats(file)
    summary = summary_of(file)
    assert any("chassis/values/inn.py" in line for line in summary)
    assert not any(str(tmp_path) in line or str(Path.cwd()) in line for line in summary)
