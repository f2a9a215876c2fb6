"""What the domain asks for is there: each text by its name, each kind of write."""

from typing import get_args

from services.notifier.domain import facts as f
from services.notifier.domain import writes as w
from services.notifier.workers.texts import LANGUAGES, Texts

TEXTS = {language: Texts(language) for language in LANGUAGES}


def test_every_text_that_the_domain_may_ask_for_exists() -> None:
    asked = {"card_opened", "writes_delayed", "write_refused", "outage_began", "outage_ended", "payment_unmatched"}
    asked |= {"payment_matched", "delay_lasts", "delay_ended"}
    silent = {"balance_changed", "overdue_ended", "work_resumed", "document_rendered", "order_placed"}
    facts = {get_args(one.model_fields["fact"].annotation)[0] for one in get_args(f.AnyFact)}
    asked |= (facts - silent) | {"invoice_pdf", "invoice_draft_pdf", "act_pdf"}
    for texts in TEXTS.values():
        assert asked <= set(texts.sections["facts"])


def test_writes_are_all_understood() -> None:
    assert {get_args(one.model_fields["write"].annotation)[0] for one in get_args(w.AnyWrite)} == {
        "fields",
        "file",
        "stage",
        "comment",
        "notification",
        "chat",
    }
