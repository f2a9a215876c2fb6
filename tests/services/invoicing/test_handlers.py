"""The buyer of a deal, as invoicing names it, is the party that counterparty links."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from chassis.values.inn import InnFound, clean_inn
from contracts.messages import values as wire
from services.counterparty.domain.values import Buyer, Rules, check
from services.invoicing.domain.values import Link
from services.invoicing.handlers import _party

INNS = st.sampled_from(
    [
        "",
        " ",
        "7736207543",
        "77 3620 7543",
        "ИНН 7736207543",
        "7736207543/773601001",
        "500100732259",
        "12",
        "0000000000",
    ]
)
KPPS = st.sampled_from(["", " ", "773601001", "7725АВ001", "7725ab001", "000000000", "1"])
BUYERS = st.builds(
    wire.Buyer,
    crm_kind=st.sampled_from(["company", "contact"]),
    crm_id=st.sampled_from(["77", "78"]),
    kind=st.sampled_from(["company", "entrepreneur", "person"]),
    name=st.just("Ромашка"),
    inn=INNS,
    kpp=KPPS,
)


@settings(max_examples=300, deadline=None)
@given(BUYERS)
@example(wire.Buyer(crm_kind="contact", crm_id="77", kind="person", name="И", inn="", kpp=""))
def test_both_services_name_a_buyer_alike(buyer: wire.Buyer) -> None:
    party, reasons, _ = check(Buyer.model_validate(buyer.model_dump(include=set(Buyer.model_fields))), Rules())
    ours = _party(buyer)
    if [reason.code for reason in reasons] == ["kpp_missing"]:
        found = clean_inn(buyer.inn)
        assert isinstance(found, InnFound)
        assert ours == found.inn, "what the register may yet complete"
    else:
        assert ours == (party.party if party is not None else "")
    if party is not None:
        older = Link(counterparty_id="c", remote_id="e", kind=party.kind, inn=party.inn, kpp=party.kpp)
        assert older.is_of(ours), "links of older builds have no party"
        assert older.model_copy(update={"party": party.party}).is_of(ours)
