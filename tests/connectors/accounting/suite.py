"""The behaviour of an accounting service, whole: a vendor's tests are a subclass with its traits and a ``desk``."""

import pytest

from connectors.registry import Capability
from tests.connectors.accounting.calls import CALLS, READS, WRITES
from tests.connectors.accounting.capabilities import AccountingCapabilities
from tests.connectors.accounting.faults import AccountingFaults
from tests.connectors.accounting.feeds import AccountingFeeds
from tests.connectors.accounting.values import AccountingValues


class AccountingSuite(AccountingCapabilities, AccountingFaults, AccountingFeeds, AccountingValues):
    """The fixture ``desk`` is an account of the sandbox that has nothing yet, with a connector to it. What a vendor
    cannot do is refused, and that is tested."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Arguments that depend on what the vendor can do and on its words."""
        suite = metafunc.cls
        can = suite.vendor.capabilities
        for argument, values in (
            ("missing", [one for one in CALLS if one not in can]),
            ("read", [one for one in READS if one in can]),
            ("write", [one for one in WRITES if one in can and one in LOST]),
        ):
            if argument in metafunc.fixturenames:
                metafunc.parametrize(argument, values)
        if "shape" in metafunc.fixturenames:
            metafunc.parametrize("shape", suite.shapes)
        if "status_word" in metafunc.fixturenames:
            metafunc.parametrize("status_word", suite.status_words)


LOST = frozenset(WRITES) - {Capability.CREATE_INVOICE, Capability.CREATE_COUNTERPARTY_WITHOUT_INN}
"""Writes whose lost answers are tried besides those of an invoice's creation."""
