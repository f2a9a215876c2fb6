"""What becomes of goods that accounting does not know: a connection's own word, else the tenant's policy."""

from pathlib import Path

import pytest

from contracts.tenant_file import from_document, load
from services.ingest.api.documents import accounts_of, settings_of
from tests.contracts.test_tenant_file import ENVIRON, MINIMAL

KONTUR = """\
sellers:
  - id: main
    inn: "500123456750"
    tax: [{from: 2025-01-01, regime: usn_income, vat: exempt}]
    accounting: {vendor: kontur, auth_mode: api_key, api_key: key%s}
"""


@pytest.mark.parametrize(
    ("own", "policy", "option", "goods"),
    [
        ("", "", "list", "list"),
        ("text", "list", "text", ""),
        ("", "list", "list", "list"),
        ("", "create", "create", "create"),
        ("create", "list", "create", "create"),
    ],
)
def test_the_policy_stands_where_the_connection_says_nothing(own: str, policy: str, option: str, goods: str) -> None:
    text = MINIMAL + KONTUR % (f", unknown_goods: {own}" if own else "")
    text += f"policies: {{unknown_goods: {policy}}}\n" if policy else ""
    file = from_document(load(text, ENVIRON, Path()).document())
    assert accounts_of(file, {})["kontur:vektor:main"].options.get("unknown_goods") == option
    (seller,) = settings_of(file).sellers
    assert (seller.connection.goods, settings_of(file).maps_goods) == (goods, goods != "")


def test_items_of_1c_are_for_a_person_to_map_unless_somebody_says_otherwise() -> None:
    onec = "{vendor: onec, odata_url: https://1c.example/buh, user: u, password: p, organization: o}"
    text = MINIMAL + KONTUR.replace("{vendor: kontur, auth_mode: api_key, api_key: key%s}", onec)
    for policy, goods in (("", "list"), ("policies: {unknown_goods: create}\n", "create")):
        file = from_document(load(text + policy, ENVIRON, Path()).document())
        assert settings_of(file).sellers[0].connection.goods == goods
