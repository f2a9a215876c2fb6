"""A seed from beginning to end: its plan, its run, what was found, and which paths it went."""

import gc
import logging
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from tests.simulation.chance import ROUGH
from tests.simulation.checks import violations
from tests.simulation.meaning import differences
from tests.simulation.plan import make_plan
from tests.simulation.points import reached
from tests.simulation.silence import run, uncounted
from tests.simulation.world import World

DEALS = 20
COMPARED_EVERY = 8
"""Of so many seeds one plays its plan twice, roughly and in order, and both must come to the same."""
OBJECTS_BEFORE_COLLECTION = 500_000
"""A seed makes objects that live as long as it does: looking for garbage among them took an eighth of its time."""
AGREE = "rough_and_orderly_runs_agree"


_THRESHOLDS = gc.get_threshold()


@dataclass(frozen=True, slots=True)
class Result:
    """What a seed came to. ``trace`` is the hash of everything that happened; ``seconds`` are of the processor."""

    seed: int
    trace: str
    steps: int
    seconds: float
    violations: tuple[str, ...] = ()
    points: Counter[str] = field(default_factory=Counter)
    lines: tuple[str, ...] = ()


def simulate(seed: int, deals: int = DEALS, *, keep_trace: bool = False) -> Result:
    """Runs one seed. Whatever a domain raises is a violation too."""
    gc.set_threshold(OBJECTS_BEFORE_COLLECTION)
    logging.disable(logging.CRITICAL)  # what handlers raise on purpose would fill the screen
    began = time.process_time()
    compared = seed % COMPARED_EVERY == 0
    world = World(make_plan(seed, deals), seed, ROUGH, phased=compared, keep_trace=keep_trace)
    found: list[str] = []
    try:
        with uncounted():
            run(world.run())
            found += violations(world)
            if compared:
                found += _compared(world, seed)
    except Exception as error:  # noqa: BLE001 - the seed and the error are the report
        place = traceback.extract_tb(error.__traceback__)[-1]
        found.append(f"{type(error).__name__} at {place.filename}:{place.lineno}: {error}")
    finally:
        logging.disable(logging.NOTSET)
        gc.set_threshold(*_THRESHOLDS)
    return Result(
        seed=seed,
        trace=world.trace.digest(),
        steps=world.steps,
        seconds=time.process_time() - began,
        violations=tuple(found),
        points=reached(world),
        lines=tuple(world.trace.lines or ()),
    )


def _compared(rough: World, seed: int) -> list[str]:
    calm = World(rough.plan, seed, ROUGH, phased=True, calm=True)
    run(calm.run())
    return [*(f"in order: {one}" for one in violations(calm)), *(f"{AGREE}: {one}" for one in differences(rough, calm))]


def simulate_all(seeds: Iterable[int], deals: int, processes: int) -> Iterator[Result]:
    """Runs seeds in several processes; results come in the order of the seeds."""
    if processes == 1:
        yield from (simulate(seed, deals) for seed in seeds)
        return
    listed = list(seeds)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(simulate, listed, [deals] * len(listed), chunksize=4)
