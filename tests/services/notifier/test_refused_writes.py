"""Writes that the portal refuses: the admin chat hears of them, once for a deal and reason."""

import pytest

from chassis.values.money import Language
from services.notifier.domain import deal
from services.notifier.domain.facts import Reason
from services.notifier.workers.texts import LANGUAGES, Texts
from tests.services.notifier.parts import MOSCOW, Told, issued, rejected, tell, told

ACCOUNT = "bitrix24:vektor"
FIELD = Reason(code="crm_field_missing", values={"field": "UF_PDF"})
TEXTS = {language: Texts(language) for language in LANGUAGES}


def complaints(stream: Told) -> list[tuple[str, str]]:
    """The write and the reason of each refusal that the admin chat is told of."""
    plans = (plan for plan in stream.effects_of(deal.CRM_CHAT) if plan.request["text"] == "write_refused")
    return [(plan.request["values"]["write"], plan.request["values"]["reason"]["code"]) for plan in plans]


def test_admin_chat_hears_of_refused_writes_once_for_each_reason() -> None:
    stream = told()
    for fact_id in ("m1", "m2"):
        tell(stream, issued(), fact_id)
        stream.ran(deal.SeeWritten(fact_id, 0, FIELD, ACCOUNT))
        stream.ran(deal.SeeWritten(fact_id, 1, Reason(code="crm_access_denied"), ACCOUNT))
    assert complaints(stream) == [("fields", "crm_field_missing"), ("comment", "crm_access_denied")]
    (plan, _) = stream.effects_of(deal.CRM_CHAT)
    assert (plan.account, plan.request["deal_id"], plan.group) == (ACCOUNT, "", "")
    assert stream.replayed() == stream.state


def test_what_was_written_and_what_the_chat_itself_refused_is_not_told_there() -> None:
    stream = told()
    tell(stream, rejected(responsible_id=""), "m1")
    kinds = [write.write for event in stream.happened(deal.Told) for write in event.writes]
    assert kinds == ["fields", "comment", "chat"]
    stream.ran(deal.SeeWritten("m1", 0))
    stream.ran(deal.SeeWritten("m1", 2, Reason(code="crm_recipient_refused"), ACCOUNT))
    assert complaints(stream) == []


def test_the_end_of_a_tenant_is_no_refusal_of_its_portal() -> None:
    stream = told()
    tell(stream, issued(), "m1")
    stream.ran(deal.SeeWritten("m1", 0, Reason(code="tenant_removed"), ACCOUNT))
    assert complaints(stream) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_name_the_deal_the_write_and_the_reason(language: Language) -> None:
    texts = TEXTS[language]
    for write in ("fields", "file", "stage", "comment", "notification"):
        values = {"deal": "15", "write": write, "reason": FIELD.model_dump(mode="json")}
        sentence = texts.fact("write_refused", values, MOSCOW)
        assert "15" in sentence
        assert "UF_PDF" in sentence
        assert sentence == " ".join(sentence.split())
    assert "(  " not in sentence
