"""Reading of webhooks: what portals send, and everything that others may send."""

import json
from urllib.parse import quote, urlencode

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.domain import Problem
from connectors.bitrix24.webhook import BODY_BYTES_MAX, FIELDS_MAX, parse_webhook
from connectors.ports.crm import CrmEvent

FORM = "application/x-www-form-urlencoded"
TOKEN = "jv9exampleoutgoinghooktoken000001"
OUTGOING = {
    "event": "ONCRMDEALUPDATE",
    "event_handler_id": "58",
    "data[FIELDS][ID]": "1734",
    "ts": "1789034405",
    "auth[domain]": "romashka-demo.bitrix24.ru",
    "auth[client_endpoint]": "https://romashka-demo.bitrix24.ru/rest/",
    "auth[server_endpoint]": "https://oauth.bitrix24.tech/rest/",
    "auth[member_id]": "4f1d0c2be6a84e7db0e5c0ffee123456",
    "auth[application_token]": TOKEN,
}


def _event(fields: dict[str, str], content_type: str = FORM) -> CrmEvent:
    found = parse_webhook(urlencode(fields).encode(), content_type)
    assert isinstance(found, CrmEvent), found
    return found


def _problem(body: bytes, content_type: str = FORM) -> str:
    found = parse_webhook(body, content_type)
    assert isinstance(found, Problem), found
    return found.code


def test_an_outgoing_webhook() -> None:
    assert _event(OUTGOING) == CrmEvent(
        name="ONCRMDEALUPDATE",
        entity="deal",
        object_id="1734",
        entity_type_id=None,
        application_token=TOKEN,
        domain="romashka-demo.bitrix24.ru",
        member_id="4f1d0c2be6a84e7db0e5c0ffee123456",
        handler_id="58",
        sent_at_unix=1789034405,
    )


def test_only_the_token_is_needed_of_auth() -> None:
    event = _event({"event": "OnCrmDealAdd", "data[FIELDS][ID]": "5", "auth[application_token]": TOKEN})
    assert (event.name, event.object_id, event.handler_id, event.sent_at_unix) == ("ONCRMDEALADD", "5", "", None)
    assert event.token_matches(TOKEN)


@pytest.mark.parametrize("expected", ["", "other", TOKEN[:-1], TOKEN + "x", "токен"])
def test_another_token_does_not_match(expected: str) -> None:
    assert not _event(OUTGOING).token_matches(expected)


def test_a_missing_token_matches_nothing() -> None:
    assert not _event({"event": "ONCRMDEALADD", "data[FIELDS][ID]": "5"}).token_matches("")


@pytest.mark.parametrize(
    ("event", "fields", "entity"),
    [
        ("ONCRMCOMPANYUPDATE", {"data[FIELDS][ID]": "512"}, "company"),
        ("ONCRMCONTACTADD", {"data[FIELDS][ID]": "9"}, "contact"),
        ("onCrmRequisiteUpdate", {"data[FIELDS][ID]": "77"}, "requisite"),
        ("ONCRMBANKDETAILADD", {"data[FIELDS][ID]": "31"}, "bank_detail"),
        ("ONCRMDYNAMICITEMUPDATE_147", {"data[FIELDS][ID]": "4", "data[FIELDS][ENTITY_TYPE_ID]": "147"}, "item"),
        ("ONCRMTIMELINECOMMENTADD", {"data[ID]": "20991"}, "comment"),
        ("ONAPPUNINSTALL", {"data[LANGUAGE_ID]": "ru", "data[CLEAN]": "0"}, "other"),
        ("ONCRMDEALUSERFIELDADD", {"data[FIELDS][ID]": "3", "data[FIELDS][ENTITY_ID]": "CRM_DEAL"}, "other"),
    ],
)
def test_what_an_event_is_about(event: str, fields: dict[str, str], entity: str) -> None:
    assert _event({"event": event, **fields}).entity == entity


def test_the_stock_robot() -> None:
    event = _event(
        {"document_id[0]": "crm", "document_id[1]": "CCrmDocumentDeal", "document_id[2]": "DEAL_1734",
         "auth[domain]": "Romashka-Demo.bitrix24.ru"}
    )  # fmt: skip
    assert (event.name, event.entity, event.object_id) == ("ROBOT", "deal", "1734")
    assert event.domain == "romashka-demo.bitrix24.ru"


def test_json_with_a_number_for_an_id() -> None:
    body = orjson.dumps(
        {"event": "ONCRMDEALUPDATE", "data": {"FIELDS": {"ID": 1734}}, "auth": {"application_token": "t"}}
    )
    found = parse_webhook(body, "application/json; charset=utf-8")
    assert isinstance(found, CrmEvent)
    assert (found.object_id, found.application_token) == ("1734", "t")


def test_bodies_that_are_refused() -> None:
    good = urlencode(OUTGOING).encode()
    assert _problem(b"x" * (BODY_BYTES_MAX + 1)) == "webhook_too_large"
    assert _problem(good, "multipart/form-data; boundary=x") == "webhook_content_type"
    assert _problem(good, "text/xml") == "webhook_content_type"
    assert _problem(b"") == "webhook_event_missing"
    assert _problem(b"a=1") == "webhook_event_missing"
    assert _problem(b"event=drop+table") == "webhook_event_missing"
    assert _problem(b"event=ONCRMDEALUPDATE") == "webhook_object_id"
    assert _problem(b"event=ONCRMDEALUPDATE&data[FIELDS][ID]=1%20OR%201") == "webhook_object_id"
    assert _problem(b"event=ONCRMDEALUPDATE&data[FIELDS][ID]=0") == "webhook_object_id"
    assert _problem(b"event=ONCRMDEALUPDATE&data[FIELDS][ID]=" + b"9" * 40) == "webhook_object_id"
    assert _problem(b"event=ONCRMDEALUPDATE&data[FIELDS][ID][x]=1") == "webhook_object_id"
    assert _problem(b"\xff\xfe=1") == "webhook_unreadable"
    assert _problem(b"event=%ff%fe") == "webhook_unreadable"
    assert _problem(b"event=ONX&a[b][c][d][e][f]=1") == "webhook_too_deep"
    assert _problem(b"&".join(b"a%d=1" % number for number in range(FIELDS_MAX + 1))) == "webhook_too_many_fields"
    assert _problem(b"document_id[0]=crm&document_id[1]=x&document_id[2]=DEAL_x") == "webhook_object_id"
    assert _problem(b"document_id=DEAL_5") == "webhook_object_id"
    assert _problem(b'{"document_id":5}', "application/json") == "webhook_object_id"
    assert _problem(b'{"event":', "application/json") == "webhook_unreadable"
    assert _problem(b"[1]", "application/json") == "webhook_unreadable"
    assert _problem(b'{"a":{"b":{"c":{"d":{"e":{"f":1}}}}}}', "application/json") == "webhook_too_deep"
    assert _problem(orjson.dumps({"a": list(range(500))}), "application/json") == "webhook_too_many_fields"


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "crm", "DEAL_5", "5"]),
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["FIELDS", "ID"]), inner),
                max_leaves=5,
            )
            for name in ("event", "data", "auth", "ts", "event_handler_id", "document_id")
        },
    )
)
def test_no_value_in_a_known_place_breaks_the_parser(document: dict[str, object]) -> None:
    assert isinstance(parse_webhook(json.dumps(document).encode(), "application/json"), CrmEvent | Problem)


@given(st.binary(max_size=300), st.sampled_from([FORM, "application/json", "", "text/plain"]))
def test_no_body_breaks_the_parser(body: bytes, content_type: str) -> None:
    assert isinstance(parse_webhook(body, content_type), CrmEvent | Problem)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["event", "data", "data[FIELDS]", "data[FIELDS][ID]", "auth", "auth[x", "document_id[2]", "[", "a]"]
            ),
            st.text(max_size=20),
        ),
        max_size=8,
    )
)
def test_names_that_contradict_each_other_do_not_break_it(pairs: list[tuple[str, str]]) -> None:
    body = "&".join(f"{name}={quote(value)}" for name, value in pairs).encode()
    assert isinstance(parse_webhook(body, FORM), CrmEvent | Problem)
