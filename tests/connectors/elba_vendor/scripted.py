"""A scripted transport and a client over it."""

from typing import Any

from chassis.clock import Clock
from connectors.elba_vendor.client import ElbaVendor
from tests.connectors.kit import Script


def scripted(*answers: Any, clock: Clock | None = None) -> tuple[ElbaVendor, Script]:
    script = Script(*answers)
    return ElbaVendor(script, clock or Clock(rate=1000.0)), script
