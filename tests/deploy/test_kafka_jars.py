"""Jars are fetched once, checked always, repaired when damaged, and refused when they are not what was expected."""

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.local.kafka_jars import Jar, kafka_jars, read_list
from deploy.local.refusal import Refusal

CONTENT = {"org/a/1/a-1.jar": b"first", "org/b/2/b-2.jar": b"second", "org/c/3/c-3.jar": b"third"}
JARS = tuple(Jar(path, hashlib.sha256(content).hexdigest()) for path, content in CONTENT.items())


class Repository:
    """In the place of the Maven repository: serves `content` and notes what was asked for."""

    def __init__(self, content: dict[str, bytes]) -> None:
        self.content = content
        self.asked: list[str] = []
        self._noting = threading.Lock()

    def fetch(self, path: str, folder: Path) -> Path:
        with self._noting:
            self.asked.append(path)
        folder.mkdir(parents=True)
        file = folder / "fetched"
        file.write_bytes(self.content[path])
        return file


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "sverka" / "maven"


def silent(_: str) -> None:
    return


def resolve(repository: Repository, say: Callable[[str], None] = silent) -> list[Path]:
    return kafka_jars(say, fetch=repository.fetch, jars=JARS)


def test_fetched_once_with_progress(cache: Path) -> None:
    repository, said = Repository(CONTENT), list[str]()
    paths = resolve(repository, said.append)
    assert [path.read_bytes() for path in paths] == list(CONTENT.values())
    assert len(said) == 1 + len(JARS)
    assert said[-1].split()[:3] == ["3", "of", "3"]
    resolve(repository)
    assert sorted(repository.asked) == sorted(CONTENT)


def test_damaged_and_missing_jars_are_fetched_again(cache: Path) -> None:
    repository = Repository(CONTENT)
    damaged, missing, whole = resolve(repository)
    damaged.write_bytes(b"firs")
    missing.unlink()
    repository.asked.clear()
    assert [path.read_bytes() for path in resolve(repository)] == list(CONTENT.values())
    assert whole.exists()
    assert sorted(repository.asked) == ["org/a/1/a-1.jar", "org/b/2/b-2.jar"]


def test_a_jar_with_another_sum_is_refused_and_not_kept(cache: Path) -> None:
    path = "org/b/2/b-2.jar"
    with pytest.raises(Refusal, match=r"b-2\.jar .* does not have the SHA-256"):
        resolve(Repository({**CONTENT, path: b"something else"}))
    assert not (cache / path).exists()
    assert not list(cache.glob(".fetching-*")), "nothing half done stays"


def test_an_unreachable_repository_is_told_in_a_sentence(cache: Path) -> None:
    def unreachable(path: str, folder: Path) -> Path:
        raise OSError("Network is unreachable")

    with pytest.raises(Refusal, match=r"could not be fetched .*Network is unreachable.*KAFKA_BOOTSTRAP"):
        kafka_jars(silent, fetch=unreachable, jars=JARS)


def test_two_runs_at_once_fetch_each_jar_once(cache: Path) -> None:
    repository = Repository(CONTENT)
    with ThreadPoolExecutor(4) as pool:
        for paths in pool.map(lambda _: resolve(repository), range(8)):
            assert [path.read_bytes() for path in paths] == list(CONTENT.values())
    assert sorted(repository.asked) == sorted(CONTENT)


def test_the_committed_list_names_jars_and_sums_only() -> None:
    jars = read_list()
    assert {"org/apache/kafka/kafka_2.13/4.2.0/kafka_2.13-4.2.0.jar"} < {jar.path for jar in jars}
    assert len({jar.path for jar in jars}) == len(jars)
    assert all(jar.path.endswith(".jar") and ":" not in jar.path and len(jar.sha256) == 64 for jar in jars)
