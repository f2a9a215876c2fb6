"""What a demonstration shows: progress while it plays, and the closing tables; also as one JSON document."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from sverka.demo.actions import Phase
from sverka.demo.plan import Plan
from sverka.demo.scenarios import BY_NAME
from sverka.demo.verdict import DealVerdict, Verdict
from sverka.language import language, tr
from sverka.models import StatusDocument
from sverka.models.demo import DealPart, DemoDocument, MissPart
from sverka.screen import err, out, show

MISSES_SHOWN_MAX = 20
EXAMPLES_SHOWN_MAX = 3


def phase_name(phase: Phase) -> str:
    """For people."""
    names = {
        Phase.MORNING: ("Deals enter the invoicing stage", "Сделки входят на стадию счёта"),
        Phase.REPAIRS: ("Managers correct and change deals", "Менеджеры исправляют и меняют сделки"),
        Phase.MONEY: ("Buyers pay", "Покупатели платят"),
        Phase.MORE_MONEY: ("The rest, refunds, reversals", "Остатки, возвраты, отзывы"),
        Phase.CLOSING: ("Deals are won: closing documents", "Сделки успешны: закрывающие документы"),
        Phase.DECISIONS: ("The accountant decides", "Бухгалтер принимает решения"),
    }
    return tr(*names[phase])


class Progress:
    """Live lines on a terminal, one plain line per phase elsewhere; on stderr."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._done: list[tuple[str, float]] = []
        self._phase = ""
        self._phase_began = self._began
        self._status: StatusDocument | None = None
        self._live: Live | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Shows while the block runs."""
        if not err.is_terminal:
            yield
            self._finish()
            return
        with Live(self._drawn(), console=err, refresh_per_second=4, transient=False) as live:
            self._live = live
            yield
            self._finish()
            live.update(self._drawn())
        self._live = None

    def phase(self, name: str) -> None:
        """The next phase begins."""
        self._finish()
        self._phase, self._phase_began = name, time.monotonic()
        if self._live is not None:
            self._live.update(self._drawn())

    def look(self, status: StatusDocument) -> None:
        """How the services are."""
        self._status = status
        if self._live is not None:
            self._live.update(self._drawn())

    def _finish(self) -> None:
        if not self._phase:
            return
        seconds = time.monotonic() - self._phase_began
        self._done.append((self._phase, seconds))
        if self._live is None:
            err.print(f"  ✓ {self._phase} ({seconds:.1f} s)", markup=False)
        self._phase = ""

    def _drawn(self) -> Table:
        grid = Table.grid(padding=(0, 2))
        for name, seconds in self._done:
            grid.add_row(Text("✓", style="green"), name, f"{seconds:.1f} s", "")
        if self._phase:
            seconds = time.monotonic() - self._phase_began
            grid.add_row(Text("…", style="yellow"), self._phase, f"{seconds:.1f} s", self._numbers())
        return grid

    def _numbers(self) -> str:
        if self._status is None:
            return ""
        services = self._status.services.values()
        open_work = sum(one.open_work + one.consumer_lag + one.outbox_unsent + one.busy for one in services)
        delayed = sum(one.delayed_work for one in services)
        cards = sum(one.cards_open for one in services)
        return tr(
            f"open {open_work}, delayed {delayed}, cards {cards}",
            f"в работе {open_work}, отложено {delayed}, решений {cards}",
        )


def print_report(plan: Plan, verdict: Verdict, document: DemoDocument, data: Path, *, kept: bool) -> None:
    """What happened, what missed its planned end, and where to look."""
    _print_scenarios(verdict)
    if document.faults_fired:
        fired = ", ".join(f"{kind} ×{count}" for kind, count in sorted(document.faults_fired.items()) if count)
        show(tr("Faults that fired: ", "Сбои: ") + (fired or "–"))
    if document.decisions:
        taken = ", ".join(f"{what} ×{count}" for what, count in sorted(document.decisions.items()))
        show(tr("Decisions taken: ", "Решения: ") + taken)
    for name in document.unsettled:
        show(tr(f"Did not come to rest in time: {name}", f"Не завершилось вовремя: {name}"))
    for sentence in verdict.accounts:
        show(f"✗ {sentence}")
    missed = [deal for deal in verdict.deals if not deal.ok]
    for deal in missed[:MISSES_SHOWN_MAX]:
        _print_missed(deal)
    if len(missed) > MISSES_SHOWN_MAX:
        show(f"… {len(missed) - MISSES_SHOWN_MAX}")
    _print_where(verdict, data, kept)
    planned = len(verdict.deals) - len(missed)
    show("")
    show(
        tr(
            f"{planned} of {len(plan.deals)} deals ended as planned, in {document.seconds:.0f} s "
            f"({document.seconds_with_start:.0f} s with the start).",
            f"Как задумано завершились {planned} из {len(plan.deals)} сделок, за {document.seconds:.0f} с "
            f"(с запуском {document.seconds_with_start:.0f} с).",
        )
    )


def make_document(
    plan: Plan, verdict: Verdict, *, portals: str, accounting: str, faults: str, unsettled: list[str], **measured: Any
) -> DemoDocument:
    """The whole outcome as one document."""
    return DemoDocument(
        ok=verdict.ok,
        seed=plan.seed,
        deals=len(plan.deals),
        tenants=len(plan.tenants),
        portals=portals,
        accounting=accounting,
        faults=faults,
        unsettled=unsettled,
        unexplained=list(verdict.accounts),
        results=[
            DealPart(
                number=deal.plan.number,
                tenant=deal.tenant,
                deal_id=deal.deal_id,
                scenario=deal.plan.scenario,
                ok=deal.ok,
                page=deal.page,
                misses=[MissPart(what=one.what, expected=one.expected, found=one.found) for one in deal.misses],
                troubles=list(deal.troubles),
            )
            for deal in verdict.deals
        ],
        **measured,
    )


def _print_scenarios(verdict: Verdict) -> None:
    all_of, missed_of = Counter[str](), Counter[str]()
    for deal in verdict.deals:
        all_of[deal.plan.scenario] += 1
        missed_of[deal.plan.scenario] += 0 if deal.ok else 1
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    drawn.add_column(tr("what happens to the deal", "что происходит со сделкой"))
    drawn.add_column(tr("deals", "сделок"), justify="right")
    drawn.add_column(tr("as planned", "как задумано"), justify="right")
    drawn.add_column("")
    for scenario in BY_NAME.values():
        count = all_of[scenario.name]
        if not count:
            continue
        good = count - missed_of[scenario.name]
        title = scenario.title if language() == "ru" else scenario.english
        mark = "[green]✓[/green]" if good == count else "[red]✗[/red]"
        drawn.add_row(escape(title), str(count), str(good), mark)
    out.print(drawn, soft_wrap=False)


def _print_missed(deal: DealVerdict) -> None:
    show(f"✗ {deal.tenant} {deal.deal_id} ({deal.plan.scenario})")
    for miss in deal.misses:
        show(f"    {miss}")
    for trouble in deal.troubles:
        show(f"    {trouble}")


def _print_where(verdict: Verdict, data: Path, kept: bool) -> None:
    show("")
    if not kept:
        show(
            tr(
                "The installation has been stopped. Keep it to look around: sverka demo --keep",
                "Установка остановлена. Чтобы осмотреться, запустите: sverka demo --keep",
            )
        )
        return
    first = sorted(verdict.deals, key=lambda deal: deal.ok)[:EXAMPLES_SHOWN_MAX]
    show(tr("Where to look:", "Где посмотреть:"))
    for deal in first:
        show(f"  {deal.page}")
        show(f"  sverka deal show {deal.tenant} {deal.deal_id} --data {data}")
    show(tr(f"Stop it with: sverka down --data {data}", f"Остановить: sverka down --data {data}"))
