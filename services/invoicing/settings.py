"""Settings of invoicing."""

from chassis.settings import ServiceSettings


class InvoicingSettings(ServiceSettings):
    """Settings of invoicing: those that every service has."""
