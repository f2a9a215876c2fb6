"""One process of ours under the supervisor: a service, or the sandbox."""

import http.client
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from deploy.local.child import Child
from deploy.local.folder import DataFolder

ASK_SECONDS_MAX: Final = 2
STOP_SECONDS_MAX: Final = 40  # a call to a vendor may take 25 s, and is waited for


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What to run. The sandbox starts before the services and ends after them."""

    name: str
    argv: Sequence[str]
    url: str
    ready_url: str
    """Answers 200 when the process can be used."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to the environment of the launcher."""
    role: Literal["service", "sandbox"] = "service"
    control_url: str = ""
    """Of the sandbox."""
    ready_seconds_max: float = 60


class Service:
    """A part that a spec describes."""

    def __init__(self, spec: ProcessSpec, folder: DataFolder) -> None:
        self.spec = spec
        self._folder = folder

    @property
    def name(self) -> str:
        """The spec's name."""
        return self.spec.name

    @property
    def title(self) -> str:
        """The spec's name."""
        return self.spec.name

    @property
    def ready_seconds_max(self) -> float:
        """The spec's limit."""
        return self.spec.ready_seconds_max

    def spawn(self) -> Child:
        """Start the process."""
        return Child.start(
            self.name,
            self.spec.argv,
            log=self._folder.logs / f"{self.name}.log",
            env={**os.environ, **self.spec.env},
        )

    def is_ready(self, child: Child) -> bool:
        """Whether it runs and says so."""
        return child.exit_code() is None and answers(self.spec.ready_url)

    def ask_to_end(self, child: Child) -> None:
        """SIGTERM."""
        child.send(signal.SIGTERM)

    def finish(self, child: Child) -> None:
        """Wait until it has ended, at last by force."""
        child.finish(STOP_SECONDS_MAX)


def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ASK_SECONDS_MAX)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
