"""The documents of a deal: from request and buyer to an issued invoice or act, pure."""

from chassis.aggregate import EventCodec, StreamKind
from services.invoicing.domain.decide import decide
from services.invoicing.domain.events import EVENTS
from services.invoicing.domain.plans import planned
from services.invoicing.domain.questions import CARDS
from services.invoicing.domain.state import State, evolve, initial

__all__ = ["CARDS", "CODEC", "DEAL_PREFIX", "EVENTS", "State", "StreamKind", "decide", "evolve", "initial", "planned"]

DEAL_PREFIX = "deal"
CODEC = EventCodec(EVENTS)
