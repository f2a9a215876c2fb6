"""Ends tasks for sure: a cancellation may be swallowed by what a task awaits."""

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_SECONDS = 5.0


async def cancel_all(tasks: Iterable["asyncio.Future[Any]"]) -> None:
    """Cancels tasks until each has ended; what they raise is passed over.

    aiokafka swallows a cancellation that comes while a client closes (``Fetcher.close``, ``AIOKafkaClient.close`` in
    0.14), ``asyncio.wait_for`` of Python 3.11 one that comes together with its answer. A loop would go on after it, and
    who waits for its end would wait for ever.
    """
    every = list(tasks)
    left = {task for task in every if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_SECONDS)
    for task in every:
        if not task.cancelled():
            task.exception()  # looked at, else the loop complains of it
