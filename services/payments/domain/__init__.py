"""The payments of a deal's invoices, pure."""

from chassis.aggregate import EventCodec
from services.payments.domain.decide import decide
from services.payments.domain.events import EVENTS
from services.payments.domain.plans import planned
from services.payments.domain.questions import CARDS
from services.payments.domain.state import State, evolve, initial

__all__ = ["CARDS", "CODEC", "DEAL_PREFIX", "State", "decide", "evolve", "initial", "planned"]

DEAL_PREFIX = "deal"
CODEC = EventCodec(EVENTS)
