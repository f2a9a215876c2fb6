"""What must come back as it went: sums to the kopeck under every VAT rate, texts of all kinds, unknown words."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from chassis.outcomes import Rejected
from chassis.values.lines import SourceRow, totals
from chassis.values.vat import VatMode
from connectors.ports.accounting import InvoiceStatus
from connectors.registry import Capability
from tests.connectors.accounting.desk import BUYER, DAY, INN, AccountingDesk, taken
from tests.connectors.accounting.samples import lines, row
from tests.connectors.accounting.traits import Traits

RATES: list[tuple[str, VatMode, date]] = [
    ("none", "exempt", DAY), ("0", "standard", DAY), ("5", "usn5", DAY), ("7", "usn7", DAY), ("10", "standard", DAY),
    ("18", "standard", date(2018, 3, 12)), ("20", "standard", date(2025, 3, 10)), ("22", "standard", DAY),
]  # fmt: skip
NAME_CHARS = 400
TEXT = '«Ёлка "Люкс"» 🎄 <b>&amp;</b> О\'Нил + 100% \\ 日本 '
NAME = (TEXT * 10)[: NAME_CHARS - 1] + "."


class AccountingValues(Traits):
    """Sums, texts and words."""

    @pytest.mark.parametrize(("rate", "mode", "on"), RATES)
    async def test_sums_are_the_services_own_to_the_kopeck(
        self, desk: AccountingDesk, rate: str, mode: VatMode, on: date
    ) -> None:
        buyer = await desk.buyer()
        rows = [row("33.33", "3", rate=rate), row("0.07", "1.5", rate=rate), row("10.55", "100", rate=rate)]
        if mode != "exempt":
            rows += [row("10.55", "100", rate=rate, included=False), row("10.55", "33.3", rate=rate, included=False)]
        made = lines(*rows, vat_mode=mode, on=on)
        outcome = await desk.create_invoice(buyer, issued_on=on, due_on=None, lines=made)
        if rate in self.rates_refused:
            assert isinstance(outcome, Rejected)
            assert outcome.problem.code in ("vat_rate_not_supported", "accounting_refused")
            assert await desk.documents() == 0
            return
        told = taken(outcome)
        for card in (told, taken(await desk.accounting.read_invoice(desk.permit, told.invoice_id))):
            assert card.total_kopecks == totals(made).amount_kopecks
            slack = self.vat_slack_kopecks * len(card.lines)
            assert abs((card.vat_kopecks or 0) - totals(made).vat_kopecks) <= slack
            assert {line.vat_rate for line in card.lines} == {rate}

    async def test_texts_of_all_kinds_come_back_as_they_went(self, desk: AccountingDesk) -> None:
        buyer = await desk.buyer()
        assert len(NAME) == NAME_CHARS
        source = SourceRow(NAME, Decimal(2), Decimal(100), Decimal(100), "none", True, unit_name="шт")
        comment = f"Комментарий\nв две строки {TEXT}" * 5
        made = await desk.issued(buyer, lines=lines(source), comment=comment)
        card = taken(await desk.accounting.read_invoice(desk.permit, made))
        assert [line.name for line in card.lines] == [self.as_stored(NAME)]
        assert " ".join(comment.split()) in " ".join(card.comment.split())

    async def test_a_buyers_name_of_all_kinds_of_letters(self, desk: AccountingDesk) -> None:
        taken(await desk.accounting.create_counterparty(desk.permit, replace(BUYER, name=NAME), key="long"))
        (found,) = taken(await desk.accounting.find_counterparty(desk.permit, INN))
        assert found.name == self.as_stored_buyer(NAME)

    async def test_a_word_that_nobody_knows_is_information(
        self, desk: AccountingDesk, status_word: tuple[str, Any, InvoiceStatus]
    ) -> None:
        field, word, expected = status_word
        invoice = await desk.invoice()
        await desk.fault(self.operation(Capability.READ_INVOICE), "field_retyped", field=field, value=word)
        card = taken(await desk.accounting.read_invoice(desk.permit, invoice))
        assert (card.status, card.total_kopecks) == (expected, 8_500_000)
