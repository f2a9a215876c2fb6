"""The jars of Apache Kafka: fetched once per user by Maven coordinates, checked against committed SHA-256 sums.

`python -m deploy.local.kafka_jars > deploy/local/kafka-jars.sha256` makes the list again, after a change of VERSION.
"""

import hashlib
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.cache import cache_folder, exclusive
from deploy.local.refusal import Refusal

VERSION: Final = "4.2.0"
ROOTS: Final = (("org.apache.kafka", "kafka_2.13", VERSION), ("org.slf4j", "slf4j-simple", "1.7.36"))
LIST: Final = Path(__file__).with_name("kafka-jars.sha256")
PARALLEL: Final = 4
FETCH_SECONDS_MAX: Final = 60

Say = Callable[[str], None]
Fetch = Callable[[str, Path], Path]
"""(path of the jar inside a Maven repository, an empty folder to work in) → the file that was fetched."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the list."""

    path: str  # inside a Maven repository: group/artifact/version/file
    sha256: str

    def is_intact(self, file: Path) -> bool:
        """Whether the file is there and is this jar to the last byte."""
        try:
            with file.open("rb") as content:
                return hashlib.file_digest(content, "sha256").hexdigest() == self.sha256
        except FileNotFoundError:
            return False


def read_list(file: Path = LIST) -> tuple[Jar, ...]:
    """The committed list; the format is that of sha256sum."""
    lines = (line.split() for line in file.read_text().splitlines() if line)
    return tuple(Jar(path, sha256) for sha256, path in lines)


def to_stderr(text: str) -> None:
    """Progress for people; stdout belongs to the command's answer."""
    print(text, file=sys.stderr, flush=True)


def fetch_from_maven(path: str, folder: Path) -> Path:
    """Fetch one jar from the Maven repository that `jgo` uses."""
    from jgo.maven import MavenContext, PythonResolver

    group, artifact, version, _ = path.rsplit("/", 3)
    context = MavenContext(
        resolver=PythonResolver(), repo_cache=folder, local_repos=[], timeout=FETCH_SECONDS_MAX, offline=False
    )
    found: Path = context.project(group.replace("/", "."), artifact).at_version(version).artifact().resolve()
    return found


def kafka_jars(say: Say = to_stderr, *, fetch: Fetch = fetch_from_maven, jars: Sequence[Jar] = ()) -> list[Path]:
    """All jars, each of them intact; what is missing or damaged is fetched. Safe to call from several processes."""
    wanted = jars or read_list()
    folder = cache_folder() / "maven"
    if _missing(wanted, folder):
        with exclusive(folder / ".lock"):
            missing = _missing(wanted, folder)  # another process may have brought them while this one waited
            if missing:
                _fetch_all(missing, folder, say, fetch)
    return [folder / jar.path for jar in wanted]


def _missing(jars: Sequence[Jar], folder: Path) -> list[Jar]:
    return [jar for jar in jars if not jar.is_intact(folder / jar.path)]


def _fetch_all(jars: Sequence[Jar], folder: Path, say: Say, fetch: Fetch) -> None:
    say(f"Fetching Apache Kafka {VERSION}: {len(jars)} jars, kept in {folder}")
    done = 0
    counting = threading.Lock()
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as work, ThreadPoolExecutor(PARALLEL) as pool:

        def bring(numbered: tuple[int, Jar]) -> None:
            nonlocal done
            number, jar = numbered
            size = _bring(jar, folder, Path(work) / str(number), fetch)
            with counting:
                done += 1
                say(f"  {done:>2} of {len(jars)}  {Path(jar.path).name}  {size / 1e6:.1f} MB")

        for _ in pool.map(bring, enumerate(jars)):
            pass


def _bring(jar: Jar, folder: Path, work: Path, fetch: Fetch) -> int:
    name = Path(jar.path).name
    try:
        fetched = fetch(jar.path, work)
    except Exception as error:
        raise Refusal(
            f"{name} of Apache Kafka could not be fetched from the Maven repository ({error}). "
            f"Check the network and try again, or set KAFKA_BOOTSTRAP to a broker that already runs."
        ) from error
    if not jar.is_intact(fetched):
        raise Refusal(
            f"{name} as fetched does not have the SHA-256 that this version of Sverka expects, and is not used. "
            f"Something between here and the Maven repository changed it: try another network."
        )
    size = fetched.stat().st_size
    target = folder / jar.path
    target.parent.mkdir(parents=True, exist_ok=True)
    fetched.replace(target)
    return size


def _make_list() -> None:
    """Resolve ROOTS with all they need and print the list."""
    from jgo.maven import Dependency, MavenContext, PythonResolver

    with tempfile.TemporaryDirectory() as work:
        context = MavenContext(resolver=PythonResolver(), repo_cache=Path(work), local_repos=[])
        roots = [
            Dependency(context.project(group, name).at_version(version).artifact()) for group, name, version in ROOTS
        ]
        inputs, needed = context.resolver.resolve(roots)
        files = [found.artifact.resolve() for found in [*inputs, *needed] if found.type == "jar"]
        for file in sorted(files):
            print(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(work).as_posix()}")


if __name__ == "__main__":
    _make_list()
