"""The checker of campaigns is a stranger to the product, and so is all of a campaign but the places that install it."""

import ast
import sys
from collections.abc import Iterator

import pytest

from tests.architecture.sources import PRODUCT, Source, planted, sources

CHECKER = "tests/chaos/checker"
CAMPAIGN = "tests/chaos/campaign"
INSTALLERS = frozenset(
    f"{CAMPAIGN}/{name}.py" for name in ("stage", "keeper", "children", "nursery", "rebuilding", "broker")
)
"""They start and end the product, have it rebuild its read rows, and know which topics a broker must hold."""
CHECKER_MAY = frozenset({*sys.stdlib_module_names, "asyncpg", CHECKER.replace("/", ".")})


def imported(source: Source) -> Iterator[str]:
    """The full names of what a module imports, wherever in it."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "names are absolute"
            yield node.module or ""


def of_strangers(source: Source) -> list[str]:
    """A checker that rounds money by the product's own function finds every sum right, the wrong ones too."""
    return [name for name in imported(source) if not any(_within(name, allowed) for allowed in CHECKER_MAY)]


def of_the_product(source: Source) -> list[str]:
    """People of a campaign who ask the product what to wait for see nothing that it does not see itself."""
    return [name for name in imported(source) if name.split(".")[0] in (*PRODUCT, "sandbox")]


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def test_the_checker_imports_nothing_of_the_product_or_of_the_campaign() -> None:
    found = {source.path: of_strangers(source) for source in sources(CHECKER)}
    assert {path: names for path, names in found.items() if names} == {}


def test_the_campaign_knows_the_product_only_where_it_is_installed() -> None:
    found = {source.path: of_the_product(source) for source in sources(CAMPAIGN) if source.path not in INSTALLERS}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "text",
    [
        "from chassis.values.money import kopecks",
        "import services.payments.domain",
        "def late():\n    from contracts.topics import TOPICS",
        "from tests.chaos.campaign.scenarios import SCENARIOS",
    ],
)
def test_a_planted_import_is_caught(text: str) -> None:
    assert of_strangers(planted(text, f"{CHECKER}/planted.py"))


def test_a_part_of_a_campaign_that_knows_the_product_is_caught() -> None:
    assert of_the_product(planted("from services.payments.domain import balances", f"{CAMPAIGN}/planted.py"))
    assert of_the_product(planted("import sandbox.core.faults", f"{CAMPAIGN}/planted.py"))
