"""Starts an installation, in front or in the background, and says where it is reached."""

import sys
from collections.abc import Callable
from pathlib import Path

from deploy.local.folder import Run
from deploy.local.installation import Installation
from deploy.local.launch import start_detached
from sverka.installation.processes import environment_of_installation, specs_factory
from sverka.language import tr
from sverka.screen import show
from sverka.versions import product_version


def run_in_front(
    data: Path, *, sandbox: bool, port_base: int | None, say: Callable[[str], None], on_ready: Callable[[Run], None]
) -> None:
    """Runs until a signal ends it in order."""
    environment_of_installation(sandbox)
    Installation(
        data,
        specs_factory(sandbox=sandbox, say=say),
        version=product_version(),
        port_base=port_base,
        say=say,
        on_ready=on_ready,
    ).run()


def start_in_background(
    data: Path, *, sandbox: bool, port_base: int | None, say: Callable[[str], None], end_with_caller: bool = False
) -> Run:
    """Starts `sverka up` on the folder as a process of its own; returns when everything is ready."""
    environment_of_installation(sandbox)
    options = ["--launched", "--data", str(data.resolve())]
    options += ["--sandbox"] if sandbox else []
    options += ["--port-base", str(port_base)] if port_base is not None else []
    command = [sys.executable, "-m", "sverka", "up", *options]
    return start_detached(data, command, say=say, end_with_caller=end_with_caller)


def show_addresses(data: Path, run: Run) -> None:
    """Where everything is, for people."""
    show("")
    for name, service in run.services.items():
        show(f"  {name:<14}{service.url}")
    if run.sandbox is not None:
        show(f"  {'sandbox':<14}{run.sandbox.url}")
    show(f"  {'PostgreSQL':<14}{tr('in', 'в')} {data / 'run.json'}")
    show(f"  {'Kafka':<14}{run.kafka.bootstrap}")
    show("")
    show(tr("API:  ", "API:  ") + f"{run.services['ingest'].url}/api/openapi.json")
    show(tr("Next: ", "Далее: ") + f"sverka tenant apply FILE --data {data}")
    show(tr("Stop: ", "Стоп: ") + f"sverka down --data {data}")
