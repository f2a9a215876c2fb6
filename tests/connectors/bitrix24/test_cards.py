"""Cards of companies over real HTTP: read whole, filled absolutely."""

from typing import Final

from chassis.outcomes import Ok, Rejected
from connectors.ports.crm import CardEntity, CrmCommand, PutAddress, PutRequisite
from tests.connectors.bitrix24.office import Office, taken

ENTITIES: Final[tuple[CardEntity, ...]] = ("company", "requisite")


async def test_a_companys_card_is_read_and_filled(office: Office) -> None:
    made = await office.company(kpp="", address="")
    company, requisite = str(made["company"]["id"]), str(made["requisites"][0]["ID"])
    for entity, number in zip(ENTITIES, (company, requisite), strict=True):
        card = taken(await office.crm.read_card(office.permit, entity, number))
        assert (card.company.company_id, [one.inn for one in card.requisites]) == (company, ["7709123453"])
        assert card.addresses == {}
    values = {"full_name": "Общество «Лотос»", "kpp": "770901001", "ogrn": "1237700012340"}
    for known, address in ((False, "105062, Москва"), (True, "105062, г Москва, ул Лесная, д 7")):
        fill: list[CrmCommand] = [PutRequisite(requisite, values), PutAddress(requisite, address, known)]
        assert [type(one) for one in await office.crm.write(office.permit, fill)] == [Ok, Ok]
    card = taken(await office.crm.read_card(office.permit, "company", company))
    (one,) = card.requisites
    assert (one.full_name, one.kpp, one.ogrn) == ("Общество «Лотос»", "770901001", "1237700012340")
    assert card.addresses[requisite].text == "105062, г Москва, ул Лесная, д 7"
    (again,) = await office.crm.write(office.permit, [PutAddress(requisite, "Тула", known=False)])
    assert isinstance(again, Rejected)


async def test_a_card_that_is_not_there_is_none(office: Office) -> None:
    for entity in ENTITIES:
        assert taken(await office.crm.read_card(office.permit, entity, "99999")) is None
