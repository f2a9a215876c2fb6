"""Runs payments as a process: ``python -m services.payments``."""

import sys

from chassis.service.running import main
from services.payments.app import SPEC

sys.exit(main(SPEC))
