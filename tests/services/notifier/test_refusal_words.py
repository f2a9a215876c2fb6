"""A refused document: its words say what makes the document after all."""

from services.notifier.workers.texts import LANGUAGES, Texts
from tests.services.notifier.parts import MOSCOW

TEXTS = {language: Texts(language) for language in LANGUAGES}


def test_refusal_says_what_makes_the_document_after_all() -> None:
    def refusal(kind: str, *codes: str, **about: str) -> list[str]:
        reasons = [{"code": code, "values": {"sellers": "main, other", "date": "2026-03-12"}} for code in codes]
        values = {"kind": kind, "request_id": "r1", "reasons": reasons, **about}
        return [TEXTS[language].fact("document_refused", values, MOSCOW) for language in ("ru", "en")]

    def ends(sentences: list[str], *wanted: str) -> bool:
        return all(one.endswith(end) for one, end in zip(sentences, wanted, strict=True))

    itself = (" После исправления сделки счёт будет выставлен сам.", " corrected, the invoice is issued by itself.")
    stage = (" ещё раз переведите сделку на эту стадию.", " move the deal to this stage again.")
    changed = (" создан со следующим изменением заказа.", " is made with the order's next change.")
    assert ends(refusal("invoice", "inn_missing"), *itself)
    assert not any("сам." in one or "itself" in one for one in refusal("act", "lines_missing"))
    for code in ("seller_missing", "seller_unclear", "tax_profile_missing", "accounting_period_closed"):
        assert ends(refusal("invoice", "lines_missing", code), *stage), code
        assert ends(refusal("act", code), *stage), code
    assert ends(refusal("invoice", "seller_missing", shop_order="7"), *changed)
    assert ends(refusal("invoice", "deal_too_long", shop_order="7"), " заказа счёт будет выставлен сам.", itself[1])
    by_hand = (" заказу сделайте в бухгалтерии.", " this order in accounting.")
    assert ends(refusal("invoice", "tax_profile_missing", shop_order="7"), *by_hand)
