"""The behaviour suite is whole: every accounting service is under it, and it tries all that the sandbox can do."""

from importlib import import_module

import pytest

from chassis.values.vat import VAT_RATES
from connectors.registry import ACCOUNTING, AccountingVendor, Capability
from sandbox.core.faults import EXCHANGE_KINDS, VENDOR_KINDS
from tests.connectors.accounting.calls import CALLS, WITHOUT_A_CALL
from tests.connectors.accounting.faults import BODIES, CREATE_FAULTS, ELSEWHERE, PDF_FAULTS, READ_FAULTS, WRITE_FAULTS
from tests.connectors.accounting.suite import AccountingSuite
from tests.connectors.accounting.values import RATES


@pytest.mark.parametrize("vendor", ACCOUNTING.values(), ids=lambda vendor: vendor.api)
def test_every_accounting_service_is_under_the_suite(vendor: AccountingVendor) -> None:
    module = import_module(f"tests.connectors.{vendor.api.replace('-', '_')}.test_suite")
    assert issubclass(module.TestSuite, AccountingSuite)
    assert module.TestSuite.vendor is vendor
    assert vendor.capabilities <= set(CALLS) | WITHOUT_A_CALL


def test_every_kind_of_fault_is_tried() -> None:
    tables = (BODIES, CREATE_FAULTS, PDF_FAULTS, READ_FAULTS)
    tried = {one[0] for table in tables for one in table} | set(WRITE_FAULTS) | ELSEWHERE
    assert tried == set(EXCHANGE_KINDS | VENDOR_KINDS)


def test_every_rate_of_vat_is_tried() -> None:
    assert {rate for rate, _, _ in RATES} == set(VAT_RATES)


def test_what_only_some_can_do_is_refused_by_the_others() -> None:
    able = [{one for one in Capability if vendor.can(one)} for vendor in ACCOUNTING.values()]
    assert set.union(*able) == set(CALLS) | WITHOUT_A_CALL
