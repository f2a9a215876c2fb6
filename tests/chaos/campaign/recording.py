"""Records what processes say of themselves while they live: metrics of every process, memory and open files."""

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Final

import httpx

from tests.chaos.campaign.stage import Stage

METRICS_SECONDS: Final = 2.0
PAGE_BYTES: Final = 4096
TICKS: Final = os.sysconf("SC_CLK_TCK")
PARTS: Final = frozenset({"postgres", "kafka"})


class Recorder:
    """Writes `metrics/NAME.PID.prom` (the last of each process) and `samples.jsonl`."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self._stage = stage
        self._folder = folder / "metrics"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._samples = (folder / "samples.jsonl").open("w", encoding="utf-8")
        self._client = httpx.AsyncClient(timeout=2.0, trust_env=False)

    async def run(self) -> None:
        """Records until it is cancelled."""
        while True:
            await self.last()
            await asyncio.sleep(METRICS_SECONDS)

    async def last(self) -> None:
        """Once."""
        self._sample("campaign", os.getpid())
        for name, running in tuple(self._stage.running.items()):
            pid = running.child.pid
            self._sample(name, pid)
            if name != "sandbox" and name not in PARTS:
                await self._scrape(name, pid)
        self._samples.flush()

    async def close(self) -> None:
        """Ends it."""
        self._samples.close()
        await self._client.aclose()

    def _sample(self, name: str, pid: int) -> None:
        process = Path(f"/proc/{pid}")
        try:
            pages = int((process / "statm").read_text().split()[1])
            files = len(list((process / "fd").iterdir()))
            ticks = sum(map(int, (process / "stat").read_text().rpartition(")")[2].split()[11:15]))
        except (OSError, IndexError):
            return
        line = {
            "at": time.time(), "process": name, "pid": pid, "rss_bytes": pages * PAGE_BYTES, "files": files,
            "cpu_seconds": ticks / TICKS,
        }  # fmt: skip
        self._samples.write(json.dumps(line) + "\n")

    async def _scrape(self, name: str, pid: int) -> None:
        try:
            answer = await self._client.get(f"{self._stage.specs[name].url}/metrics")
        except httpx.HTTPError:
            return
        if answer.is_success:
            (self._folder / f"{name}.{pid}.prom").write_text(answer.text)
