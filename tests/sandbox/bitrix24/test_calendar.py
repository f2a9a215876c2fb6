"""calendar.* over HTTP."""

from __future__ import annotations

from tests.sandbox.bitrix24.application import Application
from tests.sandbox.bitrix24.client import PortalClient

MINE = {"type": "user", "ownerId": 1}
START, END = "2026-12-11T17:59:00", "2026-12-11T18:59:00"


async def test_a_calendar_is_made_changed_and_taken_away_with_its_events(crm: PortalClient) -> None:
    number = await crm.result("calendar.section.add", {**MINE, "name": "Встречи", "color": "#9cbeee"})
    (section,) = await crm.result("calendar.section.get", MINE)
    assert (section["ID"], section["NAME"], section["OWNER_ID"]) == (str(number), "Встречи", "1")
    assert section["EXPORT"] == {"ALLOW": True}
    assert await crm.result("calendar.section.update", {**MINE, "id": number, "name": "Дела"}) == number
    event = await crm.result("calendar.event.add", {**MINE, "section": number, "name": "a", "from": START, "to": END})
    wrong = await crm.refused("calendar.section.delete", {"type": "group", "ownerId": 1, "id": number})
    assert wrong == (400, "", "Доступ запрещен")
    assert (await crm.refused("calendar.section.delete", MINE))[2] == "Не задан id секции"
    assert await crm.result("calendar.section.delete", {**MINE, "id": number}) is True
    assert await crm.result("calendar.event.getbyid", {"id": event}) is None


async def test_an_event_is_told_with_its_zone_its_guests_and_its_repetition(crm: PortalClient) -> None:
    await crm.sandbox.control("/clock", {"set": "2026-12-01T09:00:00+03:00"})
    given = {**MINE, "name": "Сверка", "from": START, "to": END, "timezone_from": "Europe/Riga", "is_meeting": "Y",
             "attendees": [1, 7], "crm_fields": ["D_1"], "remind": [{"type": "min", "count": "50"}],
             "rrule": {"FREQ": "WEEKLY", "BYDAY": ["MO", "WE"], "UNTIL": "2026-12-24"}}  # fmt: skip
    number = await crm.result("calendar.event.add", given)
    event = await crm.result("calendar.event.getbyid", {"id": number})
    assert (event["ID"], event["SECTION_ID"]) == (str(number), event["SECT_ID"])
    assert (event["DATE_FROM"], event["DATE_FROM_TS_UTC"]) == ("11.12.2026 17:59:00", "1797004740")
    assert (event["TZ_FROM"], event["TZ_OFFSET_FROM"], event["DT_LENGTH"]) == ("Europe/Riga", "7200", 3600)
    assert (event["MEETING_STATUS"], event["ATTENDEES_CODES"]) == ("H", ["U1", "U7"])
    assert (event["RRULE"]["BYDAY"], event["RRULE"]["UNTIL"]) == ({"MO": "MO", "WE": "WE"}, "24.12.2026")
    assert (event["UF_CRM_CAL_EVENT"], event["REMIND"]) == (["D_1"], [{"type": "min", "count": 50}])
    await crm.control("/apps/install", {"install_url": "http://127.0.0.1:9/"})
    guest = Application(crm, await crm.control("/tokens", {"state": "valid", "user_id": 7}))
    assert await guest.result("calendar.meeting.status.get", {"eventId": number}) == "Q"
    assert await guest.result("calendar.meeting.status.set", {"eventId": number, "status": "N"}) is True
    assert await guest.result("calendar.event.get.nearest") == []
    assert [one["ID"] for one in await crm.result("calendar.event.get.nearest", {"days": 20})] == [str(number)]
    busy = {"users": [1, 7], "from": "2026-12-11", "to": "2026-12-11"}
    told = await crm.result("calendar.accessibility.get", busy)
    assert ([one["ID"] for one in told["1"]], told["7"]) == ([str(number)], [])
    later = {**MINE, "from": "2026-12-22", "to": "2026-12-23"}
    assert [one["ID"] for one in await crm.result("calendar.event.get", later)] == [str(number)]
    assert await crm.result("calendar.event.get", {**MINE, "from": "2026-12-26"}) == []
    assert await crm.result("calendar.event.update", {**MINE, "id": number, "name": "Итог"}) == number
    day = {**MINE, "id": number, "skip_time": "Y", "from": "2026-12-20", "to": "2026-12-21"}
    assert await crm.result("calendar.event.update", day) == number
    event = await crm.result("calendar.event.getbyid", {"id": number})
    assert (event["NAME"], event["DT_LENGTH"], event["VERSION"]) == ("Итог", 172800, "3")
    assert event["DATE_FROM_FORMATTED"] == "Sun Dec 20 2026"
    assert (await guest.refused("calendar.event.delete", {"id": number}))[0] == 400
    assert await crm.result("calendar.event.delete", {"id": number}) is True


async def test_an_event_is_refused_in_the_vendors_words(crm: PortalClient) -> None:
    given = {**MINE, "name": "a", "from": START, "to": END}
    for name in ("type", "ownerId", "name", "from", "to"):
        rest = {key: value for key, value in given.items() if key != name}
        text = f'Не задан обязательный параметр "{name}" для метода "calendar.event.add"'
        assert await crm.refused("calendar.event.add", rest) == (400, "", text)
    for more, text in (
        ({"section": 5}, "Вы задали неверный ID секции календаря или у данного пользователя нет к ней доступа"),
        ({"crm_fields": "D_1"}, "Список связей события с CRM должен быть массивом"),
        ({"to": "2026-12-10"}, "При создании события произошла ошибка"),
        ({"description": ["a"]}, 'Недопустимое значение параметра "description"'),
    ):
        assert (await crm.refused("calendar.event.add", {**given, **more}))[2] == text
    assert (await crm.refused("calendar.event.delete"))[2] == "Не задан id события"
    assert (await crm.refused("calendar.meeting.status.get", {"eventId": 1}))[2] == (
        "При выборке статуса произошла ошибка"
    )


async def test_settings_and_resources_of_the_calendar_are_kept(crm: PortalClient) -> None:
    assert (await crm.result("calendar.settings.get"))["week_holidays"] == ["SA", "SU"]
    assert await crm.result("calendar.user.settings.set", {"settings": {"view": "week", "showDeclined": "1"}}) is True
    settings = await crm.result("calendar.user.settings.get")
    assert (settings["view"], settings["showDeclined"], settings["timezoneOffsetUTC"]) == ("week", True, 10800)
    number = await crm.result("calendar.resource.add", {"name": "Зал"})
    assert await crm.result("calendar.resource.update", {"resourceId": number, "name": "Зал 2"}) == number
    assert await crm.result("calendar.resource.list") == [{"ID": str(number), "NAME": "Зал 2", "CREATED_BY": "1"}]
    asked = {"filter": {"resourceTypeIdList": [number]}}
    assert await crm.result("calendar.resource.booking.list", asked) == []
    assert (await crm.refused("calendar.resource.booking.list"))[0] == 400
    assert await crm.result("calendar.resource.delete", {"resourceId": number}) is True
    assert await crm.result("calendar.section.get", MINE) == []
