"""What a base's description of itself tells at a check."""

import pytest

from connectors.onec import metadata
from connectors.onec.schema import REQUIRED, VAT_WORDS, WANTED


def _description(
    *, sets: tuple[str, ...] = (*REQUIRED, *WANTED), columns: tuple[str, ...] = ("Номенклатура", "СтавкаНДС"),
    rates: tuple[str, ...] = tuple(VAT_WORDS.values()),
) -> bytes:  # fmt: skip
    members = "".join(f'<Member Name="{rate}" Value="{place}"/>' for place, rate in enumerate(rates))
    properties = "".join(f'<Property Name="{name}" Type="Edm.String" Nullable="true"/>' for name in columns)
    published = "".join(f'<EntitySet Name="{name}" EntityType="StandardODATA.{name}"/>' for name in sets)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"><edmx:DataServices>'
        '<Schema Namespace="StandardODATA" xmlns="http://schemas.microsoft.com/ado/2009/11/edm">'
        f'<ComplexType Name="Document_СчетНаОплатуПокупателю_Товары_RowType">{properties}</ComplexType>'
        f'<EnumType Name="СтавкиНДС">{members}</EnumType>'
        f'<EntityContainer Name="EnterpriseV8">{published}</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>'
    ).encode()


def _problems(body: bytes) -> dict[str, list[str]]:
    problems = metadata.problems_of(metadata.read_metadata(body))
    return {one.code: one.values.get("names", [one.values.get("field", "")]) for one in problems}


def test_a_base_with_all_that_is_needed() -> None:
    assert _problems(_description()) == {}


def test_what_is_not_ticked_is_named() -> None:
    kept = tuple(name for name in (*REQUIRED, *WANTED) if name not in (REQUIRED[1], WANTED[0]))
    assert _problems(_description(sets=kept)) == {
        "accounting_not_published": [REQUIRED[1]],
        "accounting_partly_published": [WANTED[0]],
    }


def test_a_release_without_new_rates_is_told_of() -> None:
    rates = tuple(word for word in VAT_WORDS.values() if word != "НДС22")
    assert _problems(_description(rates=rates)) == {"accounting_vat_words_missing": ["НДС22"]}


def test_trade_and_erp_are_another_configuration() -> None:
    assert _problems(_description(columns=("Номенклатура_Key", "СтавкаНДС_Key"))) == {
        "accounting_configuration_other": ["СтавкаНДС_Key"]
    }


@pytest.mark.parametrize(
    "body",
    [b"", b"<html><body>login</body></html>", b"<a>", b"{}", _description()[:-40],
     b'<?xml version="1.0"?><!DOCTYPE x><x/>', "<?xml version='1.0' encoding='utf-16'?><x/>".encode("utf-16")],
)  # fmt: skip
def test_what_is_no_description_is_refused(body: bytes) -> None:
    with pytest.raises(metadata.NotMetadata):
        metadata.read_metadata(body)
