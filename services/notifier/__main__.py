"""Runs notifier as a process: ``python -m services.notifier``."""

import sys

from chassis.service.running import main
from services.notifier.app import SPEC

sys.exit(main(SPEC))
