"""Runs counterparty as a process: ``python -m services.counterparty``."""

import sys

from chassis.service.running import main
from services.counterparty.app import SPEC

sys.exit(main(SPEC))
