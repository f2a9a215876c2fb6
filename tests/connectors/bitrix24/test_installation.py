"""What an installation hands over, read from bodies of every kind."""

from urllib.parse import urlencode

import pytest

from connectors.bitrix24.installation import host_of, parse_offer
from connectors.ports.crm.access import AccessOffer

FORM = "application/x-www-form-urlencoded"
AUTH = {
    "access_token": "aa11", "expires_in": "3600", "scope": "crm,im", "domain": "Romashka-Demo.bitrix24.ru",
    "client_endpoint": "https://romashka-demo.bitrix24.ru/rest/", "member_id": "4f1d", "refresh_token": "rr22",
    "application_token": "9d0f",
}  # fmt: skip
PAGE = {
    "AUTH_ID": "aa11", "AUTH_EXPIRES": "3600", "REFRESH_ID": "rr22", "APPLICATION_TOKEN": "9d0f", "member_id": "4f1d",
    "status": "L", "PLACEMENT": "DEFAULT", "PLACEMENT_OPTIONS": "{}",
}  # fmt: skip


def _event(name: str, auth: dict[str, str]) -> bytes:
    return urlencode({"event": name, "ts": "1", **{f"auth[{key}]": value for key, value in auth.items()}}).encode()


def test_an_installation_and_an_update_bring_access() -> None:
    offer = parse_offer(_event("ONAPPINSTALL", AUTH), FORM)
    assert offer == AccessOffer("installed", "aa11", "rr22", "9d0f", "4f1d", "romashka-demo.bitrix24.ru")
    update = parse_offer(_event("onAppUpdate", {**AUTH, "refresh_token": ""}), FORM)
    assert update is not None
    assert (update.kind, update.refresh_token) == ("updated", "")
    assert "aa11" not in repr(offer)
    assert "rr22" not in repr(offer)


def test_a_page_brings_the_access_of_who_opened_it() -> None:
    offer = parse_offer(urlencode(PAGE).encode(), FORM)
    assert offer == AccessOffer("opened", "aa11", "rr22", "9d0f", "4f1d")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        _event("ONAPPINSTALL", {}),
        _event("ONAPPINSTALL", {**AUTH, "access_token": ""}),
        _event("ONCRMDEALUPDATE", AUTH),
        _event("ONAPPUNINSTALL", AUTH),
        urlencode({**PAGE, "AUTH_ID": ""}).encode(),
        b"auth=aa11&event=ONAPPINSTALL",
        b"\xff\xfe",
        b"x" * 70_000,
    ],
)
def test_what_brings_none_is_none(body: bytes) -> None:
    assert parse_offer(body, FORM) is None


@pytest.mark.parametrize(
    ("text", "host"),
    [("Portal.Bitrix24.ru", "portal.bitrix24.ru"), ("127.0.0.1:8190", "127.0.0.1:8190"), ("", ""), ("a b", ""),
     ("evil.example; script-src *", ""), ("x'", ""), (".ru", ""), ("https://x.ru", "")],
)  # fmt: skip
def test_a_host_is_nothing_but_a_host(text: str, host: str) -> None:
    assert host_of(text) == host
