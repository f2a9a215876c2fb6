"""Settings of counterparty."""

from chassis.settings import ServiceSettings


class CounterpartySettings(ServiceSettings):
    """Settings of counterparty: those that every service has."""
