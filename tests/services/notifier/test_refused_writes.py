"""Writes that the portal refuses: the admin chat hears of them, once for what was refused of a deal and the reason."""

import pytest

from chassis.aggregate import EffectPlan
from chassis.domain import Problem
from chassis.values.money import Language
from chassis.work.handlers import RejectedFinally
from services.notifier.domain import deal
from services.notifier.domain.facts import Reason
from services.notifier.workers.texts import LANGUAGES, Texts
from tests.services.notifier.parts import MOSCOW, Told, balance, issued, received, rejected, rendered, tell, told
from tests.services.notifier.test_stand_ins import become, called

ACCOUNT = "bitrix24:vektor"
FIELD = Reason(code="crm_field_missing", values={"field": "UF_PDF"})
TEXTS = {language: Texts(language) for language in LANGUAGES}


def complaints(stream: Told) -> list[tuple[str, str]]:
    """The write and the reason of each refusal that the admin chat is told of."""
    plans = (plan for plan in stream.effects_of(deal.CRM_CHAT) if plan.request["text"] == "write_refused")
    return [(plan.request["values"]["write"], plan.request["values"]["reason"]["code"]) for plan in plans]


def refuse(stream: Told, fact_id: str, code: str) -> None:
    """The portal refuses the first write of a fact."""
    stream.ran(become(called(_writes(stream, fact_id)[0]), RejectedFinally(Problem(code))))


def refuse_all(stream: Told, fact_id: str, code: str) -> list[str]:
    """The portal refuses every write of a fact; the writes."""
    writes = _writes(stream, fact_id)
    for sent in writes:
        stream.ran(become(called(sent), RejectedFinally(Problem(code))))
    return [sent.request["write"] for sent in writes]


def _writes(stream: Told, fact_id: str) -> list[EffectPlan]:
    return [one for one in stream.effects_of(deal.CRM_WRITE) if one.request["fact_id"] == fact_id]


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


@pytest.mark.parametrize("code", ["crm_access_denied", "crm_plan_refused", "crm_not_found"])
def test_nothing_more_is_told_of_a_deal_whose_fields_are_denied(code: str) -> None:
    stream = told()
    messages = (rendered(), issued(), balance(2, 40_00), rejected(), balance(3, 100_00))
    refused = set()
    for place, message in enumerate(messages):
        tell(stream, message, f"m{place}")
        refused |= set(refuse_all(stream, f"m{place}", code))
    assert refused == {"fields", "file", "comment", "notification", "stage"}
    assert complaints(stream) == [("file", code), ("comment", code), ("fields", code)]
    assert stream.replayed() == stream.state


def test_a_comment_that_is_denied_hides_no_later_refusal_of_the_sum() -> None:
    stream, code = told(), "crm_access_denied"
    for place, message in enumerate((received(), balance(2, 40_00), balance(3, 50_00), received())):
        tell(stream, message, f"m{place}")
        refuse(stream, f"m{place}", code)
    assert complaints(stream) == [("comment", code), ("fields", code)]


def test_refusals_of_the_deal_and_of_a_value_hide_nothing_of_each_other() -> None:
    stream, value, denied = told(), "crm_value_refused", "crm_access_denied"
    messages = (rendered(), balance(2, 40_00), balance(3, 50_00), received())
    for place, (message, code) in enumerate(zip(messages, (value, value, denied, value), strict=True)):
        tell(stream, message, f"m{place}")
        refuse(stream, f"m{place}", code)
    assert complaints(stream) == [("file", value), ("fields", value), ("fields", denied), ("comment", value)]


def test_a_refused_file_hides_no_later_refusal_of_the_sum() -> None:
    stream, code = told(), "crm_value_refused"
    tell(stream, rendered(), "m1")
    tell(stream, issued(), "m2")
    tell(stream, balance(2, 40_00), "m3")
    tell(stream, balance(3, 50_00), "m4")
    for fact_id in ("m1", "m2", "m3", "m4"):
        refuse(stream, fact_id, code)
    # Neither the number, which was refused before it, nor a second sum, whose reason people know.
    assert complaints(stream) == [("file", code), ("fields", code), ("fields", code)]
    assert stream.replayed() == stream.state


def test_one_field_that_is_refused_again_beside_others_is_told_once() -> None:
    stream, code = told(), "crm_value_refused"
    for version, paid in ((2, 40_00), (3, 100_00), (4, 50_00)):  # the sum, each with another state
        tell(stream, balance(version, paid), f"m{version}")
        refuse(stream, f"m{version}", code)
    assert complaints(stream) == [("fields", code)]


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
