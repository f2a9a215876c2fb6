"""The key by which a vendor knows a repeat: the same for what a person has sent once more, another for all else."""

import pytest

from chassis.aggregate import EffectPlan
from chassis.work.handlers import EffectCall, Permit
from chassis.work.plans import effect_id
from services.invoicing.domain import commands as c
from services.invoicing.domain import edi_commands as ec
from services.invoicing.domain import edi_plans
from services.invoicing.workers.effects import key_of
from tests.services.invoicing import edi_parts
from tests.services.invoicing.parts import NO, Documents, deal, documents, last, linked, request, take
from tests.services.streams import NOW, TENANT


def key(sent: EffectPlan) -> str:
    """The key of an effect as its handler has it."""
    name = str(effect_id(TENANT, sent.kind, sent.key))
    permit = Permit(sent.account, "", "", 1, NOW)
    return key_of(EffectCall(TENANT, name, sent.kind, "deal-15", sent.account, sent.request, sent.marker, 1, permit))


def lost(stream: Documents, attempt: int, kind: str) -> None:
    stream.ran(c.Doubt(last(stream, f"create-{kind}").request["document_id"], attempt, NO, None))


@pytest.mark.parametrize("kind", ["invoice", "act"])
def test_what_a_person_has_sent_once_more_is_the_same_call(kind: str) -> None:
    stream = documents()
    stream.ran(request(kind="act" if kind == "act" else "invoice"))
    stream.ran(linked())
    for attempt in (1, 2):
        lost(stream, attempt, kind)
        take(stream, "document_uncertain", "resend")
    sent = stream.effects_of(f"create-{kind}")
    assert len({one.key for one in sent}) == 3
    assert {key(one) for one in sent} == {str(effect_id(TENANT, sent[0].kind, sent[0].key))}


def test_what_was_refused_in_between_is_another_call() -> None:
    stream = documents()
    stream.ran(request())
    stream.ran(linked())
    lost(stream, 1, "invoice")
    take(stream, "document_uncertain", "resend")
    stream.ran(c.Reject(last(stream).request["document_id"], 2, NO))
    stream.ran(c.SeeDeal(deal("b")))
    first, again, anew = stream.effects_of("create-invoice")
    assert key(first) == key(again) != key(anew) == str(effect_id(TENANT, anew.kind, anew.key))


def test_electronic_document_that_a_person_has_sent_once_more_is_the_same_call() -> None:
    """The operator takes the same bytes under another key for another document once a minute has passed."""
    stream = edi_parts.prepared()
    document_id = edi_parts.key(stream)
    for attempt in (1, 2):
        stream.ran(ec.RefusePost(document_id, attempt, NO, doubtful=True))
        edi_parts.answered(stream, "edi_uncertain", "resend")
    stream.ran(ec.RefusePost(document_id, 3, NO))
    edi_parts.answered(stream, "edi_not_posted", "look_again")
    edi_parts.prepared(stream)
    first, *again, anew = stream.effects_of(edi_plans.POST)
    assert [key(one) for one in again] == [key(first)] * 2
    assert key(anew) == str(effect_id(TENANT, anew.kind, anew.key)) != key(first)
