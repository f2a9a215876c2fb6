"""The PostgreSQL and the Apache Kafka of a test run, started when a test first asks for them."""

from collections.abc import Iterator

import pytest

from deploy.local.pool import Pool


@pytest.fixture(scope="session")
def parts() -> Iterator[Pool]:
    """The parts of this run; they end with it, also when it is killed."""
    with Pool() as pool:
        yield pool


@pytest.fixture(scope="session")
def postgres_url(parts: Pool) -> str:
    """An administrator's address (may create databases and roles) of a PostgreSQL that all tests of the run share."""
    return parts.postgres_url()


@pytest.fixture(scope="session")
def kafka_bootstrap(parts: Pool) -> str:
    """host:port of a broker that all tests of the run share; topics are not created by themselves."""
    return parts.kafka_bootstrap()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks for a part, through whatever fixture, is marked ``parts``: the daily loop leaves it out."""
    for item in items:
        if "parts" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.parts)
