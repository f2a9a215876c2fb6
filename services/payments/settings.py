"""Settings of payments."""

from chassis.settings import ServiceSettings


class PaymentsSettings(ServiceSettings):
    """Settings of payments: those that every service has."""
