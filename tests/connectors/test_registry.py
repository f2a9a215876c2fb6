"""The registry says of each vendor what is true of it."""

from chassis.work.handlers import Probe
from connectors.matrix import README, written
from connectors.registry import ACCOUNTING, CRM, AccountingVendor, Capability, CrmVendor
from tests.connectors.kit import Script, clock

VENDORS: list[AccountingVendor | CrmVendor] = [*ACCOUNTING.values(), *CRM.values()]
CHANGING = {
    Capability.CREATE_COUNTERPARTY, Capability.CREATE_COUNTERPARTY_WITHOUT_INN, Capability.CREATE_INVOICE,
    Capability.CANCEL_INVOICE, Capability.CREATE_ACT, Capability.SET_FIELDS, Capability.MOVE_STAGE,
    Capability.CREATE_PRODUCT, Capability.UPLOAD_FILE,
    Capability.ADD_COMMENT, Capability.NOTIFY_USER, Capability.CHAT_MESSAGE, Capability.MAKE_COMPANY,
}  # fmt: skip


def test_what_changes_something_has_a_policy_and_nothing_else() -> None:
    for vendor in VENDORS:
        assert set(vendor.policies) == CHANGING & vendor.capabilities


def test_names_are_the_keys() -> None:
    assert all((one.vendor, one.profile) == key for key, one in ACCOUNTING.items())
    assert all(one.vendor == key for key, one in CRM.items())


def test_no_policy_allows_a_third_send_of_what_a_repeat_could_double() -> None:
    for vendor in VENDORS:
        doubling = (policy for policy in vendor.policies.values() if policy.probe is not Probe.REPEAT)
        assert all(policy.sends_max <= 2 for policy in doubling)


def test_a_chat_message_never_becomes_a_card() -> None:
    policy = CRM["bitrix24"].policies[Capability.CHAT_MESSAGE]
    assert (policy.probe, policy.sends_max, policy.human_when_exhausted) == (Probe.REPEAT, 5, False)


def test_every_vendor_can_be_made() -> None:
    for accounting in ACCOUNTING.values():
        accounting.connect(Script(), clock())
    for crm in CRM.values():
        crm.connect(Script(), clock(), lambda moved: None)


def test_the_table_of_what_vendors_can_do_is_current() -> None:
    readme = README.read_text("utf-8")
    assert written(readme) == readme, "run python -m connectors.matrix"
