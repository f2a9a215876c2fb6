"""Every test speaks English and finds no installation by accident."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sverka.cli import run

Called = tuple[int, str, str]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the caller's own settings."""
    for name in (
        "SVERKA_DATA",
        "SVERKA_URL",
        "SVERKA_TOKEN",
        "SVERKA_SANDBOX_CONTROL_URL",
        "SVERKA_VENDOR_CA_FILE",
        "SVERKA_ENV",
        "DATABASE_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SVERKA_LANGUAGE", "en")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def called(capsys: pytest.CaptureFixture[str]) -> Callable[..., Called]:
    """``called("status", "--json")`` gives exit code, stdout and stderr of a command."""

    def call(*arguments: str) -> Called:
        try:
            run(list(arguments))
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return call
