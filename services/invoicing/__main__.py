"""Runs invoicing as a process: ``python -m services.invoicing``."""

import sys

from chassis.service.running import main
from services.invoicing.app import SPEC

sys.exit(main(SPEC))
