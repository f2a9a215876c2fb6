"""Of several invoices of a deal its fields show the newest that stands."""

import itertools
from typing import Any

import pytest

from contracts.messages import invoicing
from tests.services.notifier.parts import issued, rendered, shown, tell, told, writes

FIELDS = ("invoice_number", "invoice_url", "invoice_date", "invoice_pdf")


def void(invoice_id: str) -> invoicing.InvoiceCancelled:
    """An invoice is void."""
    return invoicing.InvoiceCancelled(deal_id="15", invoice_id=invoice_id, number=f"B24-{invoice_id}")


def paper(invoice_id: str, revision: int) -> invoicing.DocumentRendered:
    """The PDF of an invoice."""
    return rendered(revision, blob=f"blob-{invoice_id}").model_copy(update={"document_id": invoice_id})


def repeat() -> list[Any]:
    """An invoice, and its repeat, each with its PDF."""
    return [issued("i1", url="https://elba.example/i1"), paper("i1", 1), issued("i2"), paper("i2", 2)]


def after(*messages: Any) -> dict[str, Any]:
    """The deal's fields of its invoice."""
    stream = told()
    for sequence, message in enumerate(messages, 1):
        tell(stream, message, f"m{sequence}", sequence=sequence)
    assert stream.replayed() == stream.state
    return {name: shown(stream).get(name) for name in FIELDS}


def test_repeat_that_is_cancelled_gives_the_fields_back_to_the_invoice_that_stands() -> None:
    first = after(*repeat()[:2])
    assert (first["invoice_number"], first["invoice_pdf"]) == ("B24-i1", "blob-i1")
    assert after(*repeat())["invoice_number"] == "B24-i2"
    assert after(*repeat(), void("i2")) == first


def test_older_invoice_that_is_cancelled_leaves_the_newer_one_shown() -> None:
    assert after(*repeat(), void("i1")) == after(*repeat())


def test_last_invoice_that_is_cancelled_stays_shown() -> None:
    assert after(*repeat(), void("i2"), void("i1"))["invoice_number"] == "B24-i1"


def test_file_that_comes_late_is_that_of_the_invoice_that_stands() -> None:
    first, file, second, other = repeat()
    assert after(first, second, other, void("i2"), file) == after(first, file)
    assert after(first, file, second, void("i2"), other) == after(first, file)


def test_file_of_a_void_invoice_never_stands_beside_the_number_of_another() -> None:
    first, file, second, other = repeat()
    assert after(first, second, other, void("i2"))["invoice_pdf"] == ""
    assert after(first, file, void("i1"), second)["invoice_pdf"] == ""
    assert after(first, file, void("i1"), second, other)["invoice_pdf"] == "blob-i2"
    assert after(first, file, second)["invoice_pdf"] == "blob-i1"
    assert after(first, file, second, void("i1"))["invoice_pdf"] == ""


def test_cancelling_without_another_invoice_writes_no_more_than_it_did() -> None:
    stream = told()
    tell(stream, issued())
    assert writes(tell(stream, void("i1"))) == ["fields", "comment"]


def test_file_of_an_invoice_that_is_not_posted_yet_never_comes_back() -> None:
    draft = paper("i1", 1).model_copy(update={"draft": True, "blob": "draft"})
    assert after(issued("i1"), draft, issued("i2"), paper("i2", 2), void("i2"))["invoice_pdf"] == ""


@pytest.mark.parametrize(("gone", "stands"), [(("i2",), "i1"), (("i1",), "i2"), ((), "i2")])
def test_fields_are_those_of_the_invoice_that_stands_whatever_order_facts_come_in(
    gone: tuple[str, ...], stands: str
) -> None:
    facts = [*enumerate([*repeat(), *map(void, gone)], 1)]
    found = set()
    for order in itertools.permutations(facts):
        stream = told()
        for sequence, message in order:
            tell(stream, message, f"m{sequence}", sequence=sequence)
        assert stream.replayed() == stream.state
        found.add((shown(stream)["invoice_number"], shown(stream)["invoice_pdf"]))
    assert found == {(f"B24-{stands}", f"blob-{stands}")}
