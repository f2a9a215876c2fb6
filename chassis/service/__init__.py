"""A service from its parts: declare a ServiceSpec, give it to ``main``."""

from chassis.service.running import Service, main
from chassis.service.spec import Parts, ReadTopic, ServiceSpec, Work

__all__ = ["Parts", "ReadTopic", "Service", "ServiceSpec", "Work", "main"]
