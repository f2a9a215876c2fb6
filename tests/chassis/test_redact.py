"""Nothing secret or personal passes the net, and what is neither stays readable."""

import pytest

from chassis.redact import redact, redact_url

PERSON_INN = "500100732259"
COMPANY_INN = "7707083893"

HIDDEN = [
    ("inn 500100732259 of a person", PERSON_INN),
    ("stream counterparty-500100732259", PERSON_INN),
    ("write to ivan.petrov+x@example.ru now", "ivan.petrov"),
    ("phone +7 (916) 123-45-67", "123-45-67"),
    ("phone +79161234567", "79161234567"),
    ("phone 8 916 123 45 67", "916 123"),
    ("phone 89161234567.", "89161234567"),
    ("https://b24.example.ru/rest/1/q1w2e3r4t5y6u7i8/crm.deal.get.json", "q1w2e3r4t5y6u7i8"),
    ("POST /hooks/bitrix24/c2VjcmV0LXBhdGg", "c2VjcmV0LXBhdGg"),
    ("POST /shops/abcdef012345/orders", "abcdef012345"),
    ("Authorization: Bearer eyJhbGciOi.J9", "eyJhbGciOi"),
    ("client_secret=topsecret&x=1", "topsecret"),
    ('{"access_token": "abc123", "n": 1}', "abc123"),
    ("auth[application_token]=deadbeef", "deadbeef"),
    ("X-Kontur-ApiKey: 5f9c", "5f9c"),
    ("postgresql://app:s3cr3t@127.0.0.1:5432/x", "s3cr3t"),
    ("refresh_token=aa.bb-cc", "aa.bb-cc"),
    ("left AbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcdEF right", "AbCdEfGhIj"),
]

KEPT = [
    f"company {COMPANY_INN} found",
    "123456789012",
    "0a1b2c3d-0000-4000-8000-500100732259",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "2026-11-20T09:00:00+03:00",
    "deal-4711 at version 12",
    "topic documents partition 3 offset 123456789",
    "4bf92f3577b34da6a3ce929d0e0e473600f067aa0ba902b7aaaa",
    "Счёт № B24-17 на 120 000,00 ₽",
]


@pytest.mark.parametrize(("text", "secret"), HIDDEN)
def test_hidden(text: str, secret: str) -> None:
    assert secret not in redact(text)


@pytest.mark.parametrize("text", KEPT)
def test_kept(text: str) -> None:
    assert redact(text) == text


def test_persons_inn_keeps_its_last_four() -> None:
    assert redact(f"inn {PERSON_INN}") == "inn ***2259"


def test_long_text_is_cut() -> None:
    assert len(redact("x" * 10_000)) == 2_001


def test_url_keeps_only_what_names_the_place() -> None:
    found = redact_url("https://u:p@portal.example.ru:8443/rest/1/sekret/crm.deal.get?auth=tok&x=1#f")
    assert found == "https://portal.example.ru:8443/rest/1/***/crm.deal.get?…"
