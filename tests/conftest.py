"""Fixtures that every test may ask for; property tests are judged by what they find, however busy the machine is."""

from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.kit.parts",
    "tests.kit.database",
    "tests.kit.kafka",
    "tests.kit.mortal",
    "tests.kit.errors",
    "tests.kit.statuses",
]

_chosen = settings()
settings.register_profile(
    "any-machine",
    _chosen,
    deadline=None,
    suppress_health_check=[*_chosen.suppress_health_check, HealthCheck.too_slow],
)
settings.load_profile("any-machine")
