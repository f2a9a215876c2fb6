"""What a deal shows of an act that is exchanged electronically, and who hears of it (R24)."""

from typing import Any, get_args

import pytest

from contracts.messages import invoicing
from services.notifier.domain import facts, writes
from services.notifier.workers.texts import load_texts
from tests.services.notifier.parts import MOSCOW, tell, told

STATUSES = get_args(invoicing.EdiStatus)
SIGNED = invoicing.DocumentSigned(
    deal_id="15",
    document_id="d1",
    number="88",
    vendor="diadoc",
    buyer="ООО «Север»",
    archive="vektor/zip",
    archive_bytes=300,
    archive_name="УПД подписан 88.zip",
    print_form="vektor/pdf",
    print_bytes=200,
    print_name="УПД подписан 88.pdf",
)


def moved(status: str, **fields: Any) -> invoicing.EdiStatusChanged:
    given = {"deal_id": "15", "document_id": "d1", "number": "88", "vendor": "diadoc", "responsible_id": "7"}
    return invoicing.EdiStatusChanged.model_validate({**given, "status": status, **fields})


def written(message: Any) -> tuple[Any, ...]:
    (event,) = tell(told(), message)
    found: tuple[Any, ...] = event.writes
    return found


@pytest.mark.parametrize("status", STATUSES)
def test_every_state_is_told_in_plain_words_or_left_for_the_files(status: str) -> None:
    comments = [one for one in written(moved(status)) if isinstance(one, writes.AddComment)]
    assert bool(comments) == (status not in ("sending", "signed"))
    fact = facts.EdiMoved(document_id="d1", number="88", status=status, vendor="diadoc", buyer="ООО «Север»")
    values = fact.model_dump(mode="json", exclude={"fact", "responsible_id"})
    for texts in load_texts().values():
        sentence = texts.fact("edi_moved", values, MOSCOW)
        assert "88" in sentence
        assert "ООО «Север»" in sentence
        assert "_" not in sentence


def test_a_refusal_is_told_with_its_words_where_there_are_any() -> None:
    for why, expected in (("Сумма не та", "Причина: Сумма не та."), ("", "Исправьте")):
        (comment, _) = written(moved("rejected", reason=why))
        sentence = load_texts()["ru"].fact("edi_moved", comment.values, MOSCOW)
        assert expected in sentence
        assert ("Причина" in sentence) == bool(why)


@pytest.mark.parametrize(
    ("status", "personal"),
    [
        ("awaiting_own_signature", True),
        ("rejected", True),
        ("delivery_failed", True),
        ("invalid_signature", True),
        ("awaiting_counterparty", False),
        ("roaming", False),
        ("invited", False),
    ],
)
def test_whoever_has_something_to_do_is_notified(status: str, personal: bool) -> None:
    notified = [one for one in written(moved(status)) if isinstance(one, writes.NotifyPerson)]
    assert bool(notified) == personal
    assert all(one.user_id == "7" for one in notified)


def test_the_signed_files_come_as_comments() -> None:
    archive, form = written(SIGNED)
    assert (archive.text, archive.blob, archive.file_name) == ("edi_signed", "vektor/zip", "УПД подписан 88.zip")
    assert (form.text, form.blob, form.file_name) == ("edi_print", "vektor/pdf", "УПД подписан 88.pdf")
