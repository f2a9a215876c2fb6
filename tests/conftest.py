"""Fixtures that every test may ask for."""

pytest_plugins = [
    "tests.kit.parts",
    "tests.kit.database",
    "tests.kit.kafka",
    "tests.kit.mortal",
    "tests.kit.errors",
    "tests.kit.statuses",
]
