"""A whole demonstration: an installation with a sandbox, the day on it, the verdict, and the end of it."""

import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.folder import Run
from deploy.local.launch import running, stop_running
from sverka.api import connect
from sverka.demo.accounting import SERVICES
from sverka.demo.day import Day, Watch
from sverka.demo.drawing import make_plan
from sverka.demo.faults import Level, rules
from sverka.demo.plan import Plan, Portals
from sverka.demo.report import Progress, make_document, phase_name, print_report
from sverka.demo.verdict import Verdict, judge
from sverka.demo.world import World
from sverka.endings import NotAsWished
from sverka.http import Json
from sverka.installation.starting import start_in_background
from sverka.language import tr
from sverka.models.demo import DemoDocument
from sverka.reach import Reach
from sverka.screen import say
from sverka.status import question

PHASE_SECONDS_MAX: Final = {"none": 90.0, "mild": 240.0, "rough": 600.0}


@dataclass(frozen=True, slots=True)
class Wish:
    """What the options say. `data` None: a folder of its own."""

    deals: int
    tenants: int
    portals: Portals
    accounting: str
    seed: int
    faults: Level
    keep: bool
    data: Path | None


def run_demo(wish: Wish) -> DemoDocument:
    """Plays and prints. NotAsWished if the installation cannot be had; the outcome is in the document."""
    began = time.monotonic()
    plan = make_plan(deals=wish.deals, tenants=wish.tenants, seed=wish.seed, portals=wish.portals)
    data = wish.data or Path(tempfile.mkdtemp(prefix="sverka-demo-"))
    if running(data) is not None:
        raise NotAsWished(
            tr(
                f"An installation runs in {data}. Stop it first: sverka down --data {data}, or name another folder.",
                f"В {data} уже запущена установка. Остановите: sverka down --data {data}, или укажите другую папку.",
            )
        )
    if (data / "postgres").exists():
        raise NotAsWished(
            tr(
                f"{data} holds an installation already. A demonstration begins anew: name an empty folder.",
                f"В {data} уже есть установка. Демонстрация начинается с чистой папки: укажите пустую.",
            )
        )
    good = False
    try:
        run = start_in_background(data, sandbox=True, port_base=None, say=say, end_with_caller=not wish.keep)
        verdict, document = _play(wish, plan, data, run, began)
        print_report(plan, verdict, document, data, kept=wish.keep)
        good = document.ok
    finally:
        if not wish.keep:
            stop_running(data)
            _clean_up(data, temporary=wish.data is None, good=good)
    return document


def _play(wish: Wish, plan: Plan, data: Path, run: Run, began: float) -> tuple[Verdict, DemoDocument]:
    assert run.sandbox is not None, "it was started with one"
    reach = Reach(data)
    progress = Progress()
    with (
        Json(run.sandbox.control_url, what="sandbox") as control,
        connect(reach) as api,
        question(reach) as asked,
        progress.shown(),
    ):
        world = World(control, run.sandbox.url, SERVICES[wish.accounting])
        watch = Watch(progress.phase, progress.look)
        day = Day(plan, world, api, asked, watch, seconds_max=PHASE_SECONDS_MAX[wish.faults])
        played = time.monotonic()
        progress.phase(tr("Portals, accounts, tenants, deals", "Порталы, учётные записи, клиенты, сделки"))
        day.prepare(data / "demo", wish.seed)
        world.add_faults(rules(wish.faults, wish.seed, world.service))
        day.play(phase_name)
        progress.phase(tr("Plan and outcome are compared", "Сверка плана с итогом"))
        verdict = judge(world, day.deals, day.pairs, day.accountant.found_acts())
        document = make_document(
            plan,
            verdict,
            portals=wish.portals,
            accounting=wish.accounting,
            faults=wish.faults,
            unsettled=day.unsettled,
            seconds=round(time.monotonic() - played, 1),
            seconds_with_start=round(time.monotonic() - began, 1),
            business_ended_at=world.now(),
            faults_fired=world.faults_fired(),
            decisions=dict(Counter(f"{one.kind}: {one.choice}" for one in day.accountant.taken)),
        )
    return verdict, document


def _clean_up(data: Path, *, temporary: bool, good: bool) -> None:
    if temporary and good:
        shutil.rmtree(data, ignore_errors=True)
    elif temporary:
        say(tr(f"Logs and data stay in {data}.", f"Журналы и данные остались в {data}."))
