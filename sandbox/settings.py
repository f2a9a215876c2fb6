"""What the sandbox process is told at its start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Ports 0 take a free one; `public_url` is the address (with any path prefix) under which others reach it."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 8190
    https_port: int = 0
    public_url: str | None = None
    limits: bool = True
