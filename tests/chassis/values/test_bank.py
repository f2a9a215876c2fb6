"""Bank requisites: the regulation's own vectors, and keys as a property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.values.bank import account_ok, bic_ok, correspondent_ok, mask_account, with_key


@pytest.mark.parametrize(
    ("bic", "account"),
    [
        ("049805746", "40602810700000000025"),
        ("044525225", "40702810200000000001"),
        ("044525225", "40702810538050107202"),
        ("044525974", "40802810400000012345"),
        ("044525593", "40702810600000000777"),
        ("004525988", "03100643000000017300"),
        ("004525988", "40102810545370000003"),
    ],
)
def test_right_account(bic: str, account: str) -> None:
    assert bic_ok(bic)
    assert account_ok(bic, account)


@pytest.mark.parametrize(
    ("bic", "account"),
    [
        ("044525225", "40702810200000000002"),
        ("044525974", "40702810200000000001"),
        ("04452522", "40702810200000000001"),
        ("044525225", "4070281020000000000"),
        ("044525225", "4070281020000000000١"),
    ],
)
def test_wrong_account(bic: str, account: str) -> None:
    assert not account_ok(bic, account)


@pytest.mark.parametrize(
    ("bic", "account"),
    [
        ("049805000", "30101810800000000746"),
        ("044525225", "30101810400000000225"),
        ("044525974", "30101810145250000974"),
        ("044525593", "30101810200000000593"),
        ("044525999", "30101810845250000999"),
        ("004525988", "40102810545370000003"),
    ],
)
def test_right_correspondent_account(bic: str, account: str) -> None:
    assert correspondent_ok(bic, account)


def test_wrong_correspondent_account() -> None:
    assert not correspondent_ok("044525111", "30101810345250000111")
    assert not correspondent_ok("", "")


@pytest.mark.parametrize(("bic", "ok"), [("044525225", True), ("004525988", True), ("144525225", False), ("0", False)])
def test_bic(bic: str, ok: bool) -> None:
    assert bic_ok(bic) is ok


def test_only_a_companys_account_is_shown_in_logs() -> None:
    assert mask_account("40702810200000000001") == "40702810200000000001"
    assert mask_account("40802810400000012345") == "****************2345"
    assert mask_account("40817810400000012345") == "****************2345"
    assert mask_account("ivanov") == "******"


ORDINARY_BICS = st.integers(3, 999).map(lambda n: f"044525{n:03d}")
ACCOUNTS = st.integers(0, 10**15 - 1).map(lambda n: f"40702{n:015d}")


@given(ORDINARY_BICS, ACCOUNTS)
def test_one_key_in_ten_is_right(bic: str, account: str) -> None:
    keyed = with_key(bic, account)
    assert account_ok(bic, keyed)
    others = [account[:8] + str(key) + account[9:] for key in range(10)]
    assert [other for other in others if account_ok(bic, other)] == [keyed]


@given(ORDINARY_BICS, ACCOUNTS, st.integers(0, 19), st.integers(1, 9))
def test_any_single_wrong_digit_is_caught(bic: str, account: str, place: int, shift: int) -> None:
    keyed = with_key(bic, account)
    wrong = keyed[:place] + str((int(keyed[place]) + shift) % 10) + keyed[place + 1 :]
    if not wrong.startswith(("03", "40102")):
        assert not account_ok(bic, wrong)


def test_key_needs_whole_requisites() -> None:
    with pytest.raises(ValueError, match="9 digits"):
        with_key("044525225", "4070")
