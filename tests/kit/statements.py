"""Writes bank statement files as banks do, for tests and the benchmark."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

OURS = "40702810200000000001"
THEIRS = "40702810600000000777"
OUR_INN = "7725010016"
THEIR_INN = "7810000019"
HEAD = "1CClientBankExchange"
ENCODING_WORDS = {"cp1251": "Windows", "cp866": "DOS", "utf-8": "UTF-8"}


@dataclass(frozen=True)
class Order:
    """One payment order of a file; ``extra`` overrides or adds fields, None removes one."""

    number: str = "318"
    day: date = date(2026, 3, 12)
    amount: str = "85000.00"
    purpose: str = "Оплата по счету № 127 от 12.03.2026. Без НДС"
    payer: str = THEIRS
    payee: str = OURS
    payer_inn: str = THEIR_INN
    payee_inn: str = OUR_INN
    payer_name: str = 'ООО "Вектор"'
    ours: str = OURS
    extra: Mapping[str, str | None] = field(default_factory=dict)

    def fields(self) -> dict[str, str]:
        """The lines of its section as a bank writes them."""
        incoming = self.payee == self.ours
        filled: dict[str, str | None] = {
            "Номер": self.number,
            "Дата": _day(self.day),
            "Сумма": self.amount,
            "КвитанцияДата": "",
            "КвитанцияВремя": "",
            "КвитанцияСодержание": "",
            "ПлательщикСчет": self.payer,
            "ДатаСписано": "" if incoming else _day(self.day),
            "Плательщик": f"ИНН {self.payer_inn} {self.payer_name}",
            "ПлательщикИНН": self.payer_inn,
            "ПлательщикКПП": "781001001",
            "Плательщик1": self.payer_name,
            "ПлательщикРасчСчет": self.payer,
            "ПлательщикБанк1": "АО Примербанк",
            "ПлательщикБИК": "044525593",
            "ПлательщикКорсчет": "30101810200000000593",
            "ПолучательСчет": self.payee,
            "ДатаПоступило": _day(self.day) if incoming else "",
            "Получатель": f"ИНН {self.payee_inn} ООО «Ромашка»",
            "ПолучательИНН": self.payee_inn,
            "ПолучательКПП": "772501001",
            "Получатель1": "ООО «Ромашка»".replace("«", '"').replace("»", '"'),
            "ПолучательРасчСчет": self.payee,
            "ПолучательБанк1": "ПАО Сбербанк",
            "ПолучательБИК": "044525225",
            "ПолучательКорсчет": "30101810400000000225",
            "ВидПлатежа": "электронно",
            "ВидОплаты": "01",
            "Код": "0",
            "Очередность": "5",
            "НазначениеПлатежа": self.purpose,
            **self.extra,
        }
        return {name: value for name, value in filled.items() if value is not None}

    def lines(self, kind: str = "Платежное поручение") -> list[str]:
        """Its whole section."""
        inner = [f"{name}={value}" for name, value in self.fields().items()]
        return [f"СекцияДокумент={kind}", *inner, "КонецДокумента"]


def account_lines(account: str, first: date, last: date, sums: Mapping[str, str] | None = None) -> list[str]:
    """The section of an account."""
    filled = {"ДатаНачала": _day(first), "ДатаКонца": _day(last), "РасчСчет": account, **(sums or {})}
    return ["СекцияРасчСчет", *(f"{name}={value}" for name, value in filled.items()), "КонецРасчСчет"]


def head_lines(accounts: Sequence[str], first: date, last: date, made: date, encoding: str) -> list[str]:
    """The lines before all sections."""
    return [
        HEAD,
        "ВерсияФормата=1.03",
        f"Кодировка={ENCODING_WORDS[encoding]}",
        "Отправитель=Банк-клиент",
        f"ДатаСоздания={_day(made)}",
        "ВремяСоздания=09:00:00",
        f"ДатаНачала={_day(first)}",
        f"ДатаКонца={_day(last)}",
        *(f"РасчСчет={account}" for account in accounts),
    ]


def statement(
    orders: Iterable[Order],
    *,
    first: date = date(2026, 3, 12),
    last: date = date(2026, 3, 12),
    made: date = date(2026, 3, 13),
    accounts: Sequence[str] = (OURS,),
    sums: Mapping[str, str] | None = None,
    encoding: str = "cp1251",
    end: str = "\r\n",
) -> bytes:
    """A whole file."""
    lines = head_lines(accounts, first, last, made, encoding)
    for account in accounts:
        lines += account_lines(account, first, last, sums)
    for order in orders:
        lines += order.lines()
    return end.join([*lines, "КонецФайла", ""]).encode(encoding, "replace")


def _day(day: date) -> str:
    return day.strftime("%d.%m.%Y")
