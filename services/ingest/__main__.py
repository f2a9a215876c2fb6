"""Runs ingest as a process: ``python -m services.ingest``."""

import sys

from chassis.service.running import main
from services.ingest.app import SPEC

sys.exit(main(SPEC))
