"""Documents of our own making, as PDF: for accounting services that give no file of an invoice or an act."""

import asyncio
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import orjson
import segno
import typst

from chassis.values.money import decimal_from_kopecks
from chassis.values.payment_qr import Payee, payment_qr
from chassis.values.words import sum_in_words
from services.invoicing.domain.state import Document
from services.invoicing.domain.values import Draft, Issued, Line, Link

TEMPLATE: Final = Path(__file__).parent / "templates" / "document.typ"
COMPILES_MAX: Final = 1
"""A compiler takes a processor for some tens of milliseconds; more at once would only starve the event loop."""
_NO_BREAK: Final = "\N{NO-BREAK SPACE}"
_TITLES: Final = {"invoice": "Счёт на оплату", "act": "Акт", "sale": "Акт", "waybill": "Накладная", "upd": "УПД"}
_SIGNERS: Final = {
    "invoice": ("Руководитель", "Бухгалтер"),
    "act": ("Исполнитель", "Заказчик"),
    "waybill": ("Отпустил", "Получил"),
}
_WATERMARKS: Final = {"ru": "ПРОЕКТ — на проверке у бухгалтера", "en": "DRAFT — under the accountant's review"}
_COLUMNS: Final = ("№", "Товары (работы, услуги)", "Кол-во", "Ед.", "Цена", "НДС", "Сумма")


@dataclass(frozen=True, slots=True)
class Seller:
    """Who sells, as the paper shows it; without a bank there is no QR code."""

    name: str
    inn: str
    kpp: str = ""
    address: str = ""
    bank: str = ""
    bic: str = ""
    account: str = ""
    correspondent_account: str = ""

    @classmethod
    def of(cls, settings: Mapping[str, Any], seller_id: str) -> "Seller | None":
        """The seller in a tenant's settings; None where it is not there any more."""
        for seller in settings.get("sellers", ()):
            if seller["seller_id"] == seller_id:
                requisites = dict(seller.get("requisites") or {})
                requisites.setdefault("name", settings.get("name", ""))
                return cls(inn=seller["inn"], **requisites)
        return None

    def payee(self) -> Payee | None:
        """Where the money goes; None without an account."""
        if not self.account:
            return None
        return Payee(self.name, self.inn, self.kpp, self.account, self.bank, self.bic, self.correspondent_account)


class Renderer:
    """Compiles one document at a time, off the event loop."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(COMPILES_MAX)

    async def pdf(self, document: Document, seller: Seller, buyer: str) -> bytes:
        """The file of an issued document; the same document gives the same file. One that is not posted yet says so
        across the page."""
        assert document.draft is not None, "an issued document has its draft"
        assert document.issued is not None, "only an issued document has a file"
        watermark = _WATERMARKS[document.terms.language] if document.issued.unposted else ""
        content = content_of(document.draft, document.issued, document.link, seller, buyer, watermark)
        async with self._slots:
            return await asyncio.to_thread(compiled, content)


def compiled(content: Mapping[str, Any]) -> bytes:
    """The PDF of a document's content."""
    found = typst.compile(
        TEMPLATE.read_bytes(),
        format="pdf",
        ignore_system_fonts=True,
        sys_inputs={"document": orjson.dumps(content).decode()},
        timestamp=0,
    )
    assert isinstance(found, bytes), "one document is one file"
    return found


def content_of(
    draft: Draft, issued: Issued, link: Link | None, seller: Seller, buyer: str, watermark: str = ""
) -> dict[str, Any]:
    """All that the paper says, as texts. ``buyer`` is the name, which events have of companies alone; with a
    ``watermark`` the paper has neither code nor account to pay by."""
    day = _day(issued.date)
    invoice = draft.kind == "invoice"
    title = f"{_TITLES['invoice' if invoice else issued.form]} № {issued.number} от {day}"
    goods = invoice or issued.form == "waybill"
    payee = seller.payee() if invoice and not watermark else None
    return {
        "language": "ru",
        "title": title,
        "footer": title,
        "watermark": watermark,
        "words": {
            "seller": "Поставщик" if goods else "Исполнитель",
            "buyer": "Покупатель" if goods else "Заказчик",
            "columns": _COLUMNS,
            "qr": "Оплата по QR-коду в приложении банка",
        },
        "seller": {"name": seller.name, "inn": seller.inn, "kpp": seller.kpp, "line": _party(seller)},
        "bank": None if payee is None else _bank(payee),
        "buyer": _buyer(buyer, link),
        "lines": [_line(place, line) for place, line in enumerate(draft.lines, 1)],
        "sums": _sums(draft),
        "count_line": f"Всего наименований {len(draft.lines)}, на сумму {_money(draft.total_kopecks)} руб.",
        "sum_in_words": sum_in_words(draft.total_kopecks),
        "due": f"Оплатить не позднее {_day(draft.due_date)}" if draft.due_date is not None else "",
        "comment": draft.comment,
        "signers": _SIGNERS["invoice" if invoice else "waybill" if goods else "act"],
        "qr": "" if payee is None else _qr(payee, draft, issued),
    }


def purpose_of(draft: Draft, issued: Issued) -> str:
    """What the buyer's payment should say: it names the invoice so that it can be found by it."""
    rates = {line.vat for line in draft.lines} - {"none"}
    vat = "без НДС" if not rates else "НДС 0%" if rates == {"0"} else f"в т.ч. НДС {_money(draft.vat_kopecks)}"
    return f"Оплата по счету № {issued.number} от {_day(issued.date)}, {vat}"


def _qr(payee: Payee, draft: Draft, issued: Issued) -> str:
    text = payment_qr(payee, sum_kopecks=draft.total_kopecks, purpose=purpose_of(draft, issued))
    out = io.BytesIO()
    # Error correction M and bytes, as the standard asks for.
    segno.make(text, error="m", mode="byte", encoding="utf-8", eci=False, micro=False).save(out, kind="svg", border=2)
    return out.getvalue().decode()


def _bank(payee: Payee) -> dict[str, str]:
    return {
        "name": payee.bank,
        "bic": payee.bic,
        "account": payee.account,
        "correspondent_account": payee.correspondent_account,
    }


def _party(seller: Seller) -> str:
    kpp = f", КПП {seller.kpp}" if seller.kpp else ""
    return ", ".join(part for part in (seller.name, f"ИНН {seller.inn}{kpp}", seller.address) if part)


def _buyer(name: str, link: Link | None) -> str:
    if link is None:
        return name
    numbers = (f"ИНН {link.inn}" if link.inn else "", f"КПП {link.kpp}" if link.kpp else "")
    return ", ".join(part for part in (name, *numbers) if part)


def _line(place: int, line: Line) -> tuple[str, ...]:
    rate = "без НДС" if line.vat == "none" else f"{line.vat}%"
    return (
        str(place),
        line.name,
        _count(line.quantity),
        line.unit_name,
        _money(line.price_kopecks),
        rate,
        _money(line.amount_kopecks),
    )


def _sums(draft: Draft) -> Sequence[tuple[str, str]]:
    rows = [("Итого:", _money(draft.total_kopecks))]
    if all(line.vat == "none" for line in draft.lines):
        rows.append(("Без налога (НДС)", "–"))
    else:
        rows.append(("В том числе НДС:", _money(draft.vat_kopecks)))
    return (*rows, ("Всего к оплате:", _money(draft.total_kopecks)))


def _count(quantity: Decimal) -> str:
    return f"{quantity.normalize():f}".replace(".", ",")


def _money(kopecks: int) -> str:
    return f"{decimal_from_kopecks(kopecks):,.2f}".replace(",", _NO_BREAK).replace(".", ",")


def _day(day: date) -> str:
    return day.strftime("%d.%m.%Y")
