"""Companies that come into a portal from elsewhere, over real HTTP: looked for by INN and marker, made whole, once."""

from typing import Any

from chassis.outcomes import Ok, Uncertain
from connectors.ports.crm import NewCompany, Preset
from tests.connectors.bitrix24.office import Office, taken

INN, KPP, MARKER = "7709123453", "770901001", "elba:vektor:main/e1"
VALUES = {
    "name": "ООО «Лотос» $result[company]", "full_name": "Общество «Лотос»", "kpp": KPP, "ogrn": "1237700012340",
    "address": "105062, г Москва, ул Лесная, д 7", "phone": "+7 495 000-00-00", "email": "buh@lotos.example",
}  # fmt: skip


def newcomer(preset: Preset, **changed: Any) -> NewCompany:
    """A company of accounting; ``changed`` fields in place of the usual ones."""
    given: dict[str, Any] = {
        "marker": MARKER, "kind": "company", "inn": INN, "values": VALUES, "preset": preset, **changed,
    }  # fmt: skip
    return NewCompany(**given)


async def test_a_company_is_made_whole_in_one_request_and_found_by_inn_and_marker(office: Office) -> None:
    before = taken(await office.crm.companies_by_inn(office.permit, INN, MARKER))
    assert (before.companies, before.contact, before.marked) == ((), False, "")
    assert {kind: one.name for kind, one in before.presets.items()} == {"company": "Организация", "entrepreneur": "ИП"}
    office.http.calls.clear()
    made = taken(await office.crm.make_company(office.permit, newcomer(before.presets["company"])))
    assert len(office.http.calls) == 1
    found = taken(await office.crm.companies_by_inn(office.permit, INN, MARKER))
    (one,) = found.companies
    assert (one.company.company_id, one.requisite.requisite_id) == (made.company_id, made.requisite_id)
    assert found.marked == made.company_id
    assert one.company.title == "ООО «Лотос» $ result[company]"
    assert (one.company.phones, one.company.emails) == ((VALUES["phone"],), (VALUES["email"],))
    shown = one.requisite
    assert (shown.inn, shown.kpp, shown.ogrn, shown.full_name) == (INN, KPP, VALUES["ogrn"], VALUES["full_name"])
    assert (shown.phone, shown.email) == (VALUES["phone"], VALUES["email"])
    assert one.address is not None
    assert one.address.text == VALUES["address"]


async def test_a_company_whose_answer_was_lost_is_found(office: Office) -> None:
    presets = taken(await office.crm.companies_by_inn(office.permit, INN, MARKER)).presets
    await office.fault("batch", "truncated")
    assert isinstance(await office.crm.make_company(office.permit, newcomer(presets["company"])), Uncertain)
    found = taken(await office.crm.companies_by_inn(office.permit, INN, MARKER))
    assert len(found.companies) == 1


async def test_a_company_that_stayed_without_requisites_gets_them(office: Office) -> None:
    presets = taken(await office.crm.companies_by_inn(office.permit, INN, MARKER)).presets
    half = await office.crm.make_company(office.permit, newcomer(Preset("999", "Нет такого")))
    assert not isinstance(half, Ok)
    found = taken(await office.crm.companies_by_inn(office.permit, INN, MARKER))
    assert found.companies == ()
    assert found.marked
    whole = newcomer(presets["company"], company_id=found.marked)
    made = taken(await office.crm.make_company(office.permit, whole))
    assert made.company_id == found.marked
    assert len(taken(await office.crm.companies_by_inn(office.permit, INN, MARKER)).companies) == 1


async def test_an_entrepreneur_has_a_name_of_three_words(office: Office) -> None:
    presets = taken(await office.crm.companies_by_inn(office.permit, "500100732259", MARKER)).presets
    values = {"name": "ИП Орлов Пётр Ильич", "ogrn": "304500116000157"}
    sole = newcomer(presets["entrepreneur"], kind="entrepreneur", inn="500100732259", values=values)
    taken(await office.crm.make_company(office.permit, sole))
    (one,) = taken(await office.crm.companies_by_inn(office.permit, "500100732259")).companies
    shown = one.requisite
    assert (shown.last_name, shown.first_name, shown.second_name) == ("Орлов", "Пётр", "Ильич")
    assert (shown.ogrn, shown.kpp) == ("304500116000157", "")


async def test_each_company_with_the_inn_is_found_and_whoever_else_has_it_is_told(office: Office) -> None:
    first, second = await office.company(), await office.company(kpp="781343001")
    found = taken(await office.crm.companies_by_inn(office.permit, INN))
    assert {(one.company.company_id, one.requisite.kpp) for one in found.companies} == {
        (str(first["company"]["id"]), KPP), (str(second["company"]["id"]), "781343001"),
    }  # fmt: skip
    assert (found.contact, found.marked, found.presets) == (False, "", {})
