"""A first start that is killed half-way leaves nothing that hinders the next one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.conftest import LAUNCHER, Installed, until


@pytest.mark.usefixtures("own_parts")
def test_killed_while_the_data_folders_are_made(tmp_path: Path) -> None:
    installed = Installed(tmp_path / "data")
    for half_done in ("postgres.new", "kafka/data.new"):
        argv = [sys.executable, str(LAUNCHER), str(installed.folder)]
        launcher = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
        until((installed.folder / half_done).exists, f"{half_done} is there")
        launcher.kill()
        launcher.wait()
    run = installed.up()
    assert not list(installed.folder.rglob("*.new"))
    assert [path.name for path in (installed.folder / "secrets").iterdir() if "new" in path.name] == []
    assert os.path.samefile(run.token_file, installed.folder / "secrets" / "api-token")
    assert installed.down()
    assert not installed.processes()
