"""What a deal and an admin chat are told in whole stories; together they say every event and message that there is."""

from typing import Any

from contracts.messages import operations
from contracts.messages.values import Reason
from services.notifier.app import COMPANIES, NEWCOMERS
from services.notifier.domain import company, deal, newcomer
from services.notifier.domain.delays import TOLD_AFTER
from services.notifier.domain.facts import Reason as FactReason
from services.notifier.domain.letters import GATHERED_FOR
from services.notifier.domain.writes import NotifyPerson
from tests.services.notifier.parts import (
    asked,
    issued,
    letters_began,
    letters_ended,
    look_at_delays,
    outages,
    received,
    rejected,
    tell,
    told,
    waited,
    waits,
)
from tests.services.streams import NOW, Stream


def written() -> Stream[Any, Any]:
    """Facts whose writes are settled, one of them refused."""
    stream = told()
    tell(stream, rejected(), "m1")
    refused = FactReason(code="crm_refused", values={"text": "нет"})
    for index in range(3):
        stream.ran(deal.SeeWritten("m1", index, refused if index else None, "bitrix24:vektor"))
    tell(stream, issued(), "m2")
    tell(stream, received(), "m3")
    gone = NotifyPerson(user_id="7", text="payment_received", tag="sverka|payment_received|p1", values={"date": "x"})
    stream.ran(deal.SeeWritten("m3", 1, FactReason(code="crm_recipient_refused"), "bitrix24:vektor", gone))
    return stream


def alerted() -> Stream[Any, Any]:
    """An outage that two services see, and a question about no deal."""
    stream = outages()
    began = operations.OutageBegan(vendor="elba", accounts=("elba:a",), since=NOW, reason=Reason(code="vendor_fault"))
    ended = operations.OutageEnded(vendor="elba", accounts=("elba:a",), since=NOW, ended_at=NOW)
    tell(stream, began, "1", "invoicing")
    tell(stream, began, "2", "payments")
    tell(stream, ended, "3", "payments")
    tell(stream, ended, "4", "invoicing")
    backwards = outages()
    tell(backwards, ended, "6", "payments")
    tell(backwards, began, "7", "payments")
    stream.events += backwards.events
    notices = outages("notice/5")
    tell(notices, asked(deal_id=""), "5")
    stream.events += notices.events
    return stream


def waited_long() -> Stream[Any, Any]:
    """Work of no deal that waits for a quarter of an hour, and goes on."""
    stream = outages()
    tell(stream, waits(), "1", "payments")
    stream.now = NOW + TOLD_AFTER
    look_at_delays(stream)
    tell(stream, waited(), "2", "payments")
    return stream


def waited_for_a_person() -> Stream[Any, Any]:
    """Keys of two deals and of a payment wait behind dead letters, and go on."""
    stream = outages("letters")
    tell(stream, letters_began("15"), "1", "invoicing", 1)
    tell(stream, letters_began("16"), "2", "invoicing", 1)
    tell(stream, letters_began("operation-p1"), "3", "notifier", 1)
    stream.now = NOW + GATHERED_FOR * 2
    look_at_delays(stream)
    tell(stream, letters_ended("16"), "4", "invoicing", 2)
    tell(stream, letters_ended("15"), "5", "invoicing", 2)
    tell(stream, letters_ended("operation-p1"), "6", "notifier", 2)
    return stream


def filled() -> Stream[Any, Any]:
    """A company's card is filled, then refuses to be."""
    stream: Stream[Any, Any] = Stream(COMPANIES, "company-512")
    values = {"full_name": "ООО «РОМАШКА»", "kpp": "773601001"}
    for fact_id, refused in (("m1", None), ("m2", FactReason(code="crm_refused", values={"text": "нет"}))):
        stream.ran(
            company.TellCompany("vektor", "bitrix24:vektor", fact_id, "77", "7736207543", values, "liquidating", "7")
        )
        stream.ran(company.SeeCompanyWritten(fact_id, refused))
    return stream


def newcomer_made() -> Stream[Any, Any]:
    """A company is made, is told of anew meanwhile, then refused."""
    stream: Stream[Any, Any] = Stream(NEWCOMERS, "newcomer-7736207543-773601001")
    for fact_id, sequence in (("m1", 1), ("m2", 2)):
        stream.ran(
            newcomer.TellNewcomer(
                "bitrix24:vektor", fact_id, "elba:vektor:main/e1", "company", "7736207543", "773601001",
                {"name": "ООО «Ромашка»", "kpp": "773601001"}, sequence,
            )
        )  # fmt: skip
    stream.ran(newcomer.SeeNewcomer("m1", "512"))
    stream.ran(newcomer.SeeNewcomer("m2", refused=FactReason(code="crm_refused", values={"text": "нет"})))
    return stream


def all_stories() -> list[Stream[Any, Any]]:
    """Every story, told."""
    return [written(), alerted(), waited_long(), waited_for_a_person(), filled(), newcomer_made()]
