"""Settings of notifier."""

from chassis.settings import ServiceSettings


class NotifierSettings(ServiceSettings):
    """Settings of notifier: those that every service has."""
