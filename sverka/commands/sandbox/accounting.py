"""`sandbox account | counterparty | invoice | pay | payment | act | token`: what accountants and banks do.

An account is found by its id, whichever accounting service it is of.
"""

from typing import Annotated, Any

import typer

from sverka.amounts import kopecks, pairs, seconds
from sverka.commands.grouping import group
from sverka.commands.sandbox.asking import accounts_of, answer, ask, at, services, state_of
from sverka.endings import WrongUse
from sverka.language import example, tr
from sverka.reach import AsJson, Reach, with_reach

Account = Annotated[str, typer.Argument(help=tr("The account's id.", "Номер учётной записи."))]
Invoice = Annotated[str, typer.Argument(help=tr("The invoice's number or id.", "Номер счёта или его id."))]
Payment = Annotated[str, typer.Argument(help=tr("The payment's id.", "id платежа."))]
Values = Annotated[list[str], typer.Argument(metavar="NAME=VALUE…")]
Amount = Annotated[
    str,
    typer.Option(
        "--amount", metavar="ROUBLES", help=tr("In roubles; what is left by default.", "В рублях; иначе остаток.")
    ),
]


def register(parent: typer.Typer) -> None:
    """Adds the commands."""
    account = group(parent, "account", tr("Accounts of accounting services.", "Учётные записи бухгалтерий."))
    account.command("list", help=example("All accounts.", "Все.", "sandbox account list"))(with_reach(accounts))
    account.command("open", help=example("Open one.", "Открыть.", "sandbox account open 'ООО «Вектор»' 500123456750"))(
        with_reach(open_account)
    )
    account.command("show", help=example("All that is in it.", "Всё, что в ней.", "sandbox account show elba-1"))(
        with_reach(show_account)
    )
    account.command(
        "dial", help=example("How it behaves.", "Как себя ведёт.", "sandbox account dial elba-1 pdf_render_seconds=0")
    )(with_reach(dial_account))
    counterparty = group(parent, "counterparty", tr("Counterparties of an account.", "Контрагенты учётной записи."))
    counterparty.command(
        "add",
        help=example(
            "Add one by hand.", "Добавить вручную.", "sandbox counterparty add elba-1 'ООО «Лотос»' --inn 7709123453"
        ),
    )(with_reach(add_counterparty))
    counterparty.command(
        "edit",
        help=example("Change one by hand.", "Изменить вручную.", "sandbox counterparty edit elba-1 ID email=a@b.ru"),
    )(with_reach(edit_counterparty))
    counterparty.command(
        "duplicate",
        help=example("A second record of one.", "Вторая такая же.", "sandbox counterparty duplicate elba-1 ID"),
    )(with_reach(duplicate_counterparty))
    invoice = group(parent, "invoice", tr("Invoices by hand in the accounting.", "Счета вручную в бухгалтерии."))
    invoice.command("list", help=example("All invoices.", "Все счета.", "sandbox invoice list elba-1"))(
        with_reach(invoices)
    )
    invoice.command(
        "edit", help=example("Edit one.", "Изменить.", "sandbox invoice edit elba-1 B24-1042 comment=исправлено")
    )(with_reach(edit_invoice))
    invoice.command("cancel", help=example("Cancel one.", "Аннулировать.", "sandbox invoice cancel elba-1 B24-1042"))(
        with_reach(cancel_invoice)
    )
    invoice.command("delete", help=example("Delete one.", "Удалить.", "sandbox invoice delete elba-1 B24-1042"))(
        with_reach(delete_invoice)
    )
    parent.command(
        "pay",
        help=example("Pay an invoice.", "Оплатить счёт.", "sandbox pay elba-1 B24-1042 --amount 50000 --order 57"),
    )(with_reach(pay))
    payment = group(parent, "payment", tr("Payments that are there.", "Платежи, которые уже есть."))
    payment.command("reverse", help=example("Reverse one.", "Отозвать.", "sandbox payment reverse elba-1 ID"))(
        with_reach(reverse)
    )
    payment.command("rename", help=example("Give it a new id.", "Сменить id.", "sandbox payment rename elba-1 ID"))(
        with_reach(rename)
    )
    payment.command("twice", help=example("List it twice.", "Показать дважды.", "sandbox payment twice elba-1 ID"))(
        with_reach(twice)
    )
    payment.command(
        "revise", help=example("Correct it.", "Исправить.", "sandbox payment revise elba-1 ID --amount 45000")
    )(with_reach(revise))
    parent.command("act", help=example("An act's state.", "Состояние акта.", "sandbox act elba-1 ID Signed"))(
        with_reach(act)
    )


def accounts(
    reach: Reach,
    *,
    vendor: Annotated[str, typer.Option(metavar="NAME", help=tr("One service.", "Одна бухгалтерия."))] = "",
    as_json: AsJson = False,
) -> None:
    """Accounts with their credentials."""
    found = [one for vendor in ([vendor] if vendor else services(reach)) for one in accounts_of(reach, vendor)]
    columns = ("vendor", "account", "title", "inn", "client_id", "client_secret", "api_url", "page")
    answer(found, as_json=as_json, columns=columns)


def open_account(
    reach: Reach,
    title: Annotated[str, typer.Argument()],
    inn: Annotated[str, typer.Argument()],
    *,
    account: Annotated[str, typer.Option(help=tr("Its id.", "Её номер."))] = "",
    vendor: Annotated[str, typer.Option(metavar="NAME", help=tr("Of which service.", "Какой бухгалтерии."))] = "elba",
    as_json: AsJson = False,
) -> None:
    """A new account."""
    body = {"title": title, "inn": inn} | ({"account": account} if account else {})
    answer(ask(reach, "POST", f"/{vendor}/accounts", body), as_json=as_json)


def show_account(reach: Reach, account: Account, *, as_json: AsJson = False) -> None:
    """Its whole state."""
    answer(state_of(reach, account), as_json=as_json)


def dial_account(reach: Reach, account: Account, values: Values, *, as_json: AsJson = False) -> None:
    """Turns dials."""
    answer(at(reach, "POST", account, "/dials", pairs(values)), as_json=as_json)


def add_counterparty(
    reach: Reach,
    account: Account,
    name: Annotated[str, typer.Argument()],
    *,
    inn: Annotated[str, typer.Option()] = "",
    kpp: Annotated[str, typer.Option()] = "",
    address: Annotated[str, typer.Option()] = "",
    phone: Annotated[str, typer.Option()] = "",
    email: Annotated[str, typer.Option()] = "",
    as_json: AsJson = False,
) -> None:
    """It may be a second one of its INN."""
    given = {"inn": inn, "kpp": kpp, "address": address, "phone": phone, "email": email}
    body = {"fullName": name} | {key: value for key, value in given.items() if value}
    answer(at(reach, "POST", account, "/counterparties", body), as_json=as_json)


def edit_counterparty(
    reach: Reach,
    account: Account,
    counterparty: Annotated[str, typer.Argument()],
    values: Values,
    *,
    as_json: AsJson = False,
) -> None:
    """fullName, shortName, inn, kpp, ogrn, address, email, phone."""
    answer(at(reach, "PATCH", account, f"/counterparties/{counterparty}", pairs(values)), as_json=as_json)


def duplicate_counterparty(
    reach: Reach, account: Account, counterparty: Annotated[str, typer.Argument()], *, as_json: AsJson = False
) -> None:
    """A second record with the same INN and KPP."""
    answer(at(reach, "POST", account, f"/counterparties/{counterparty}/duplicate", {}), as_json=as_json)


def invoices(reach: Reach, account: Account, *, as_json: AsJson = False) -> None:
    """All invoices of an account."""
    state = state_of(reach, account)
    found = list(state["invoices"].values())
    answer(found, as_json=as_json, columns=("id", "number", "date", "due_date", "sum_kopecks", "comment"))


def edit_invoice(reach: Reach, account: Account, invoice: Invoice, values: Values, *, as_json: AsJson = False) -> None:
    """number, date, paymentDueDate, comment, counterpartyId."""
    answer(at(reach, "PATCH", account, f"/invoices/{invoice}", pairs(values)), as_json=as_json)


def cancel_invoice(reach: Reach, account: Account, invoice: Invoice, *, as_json: AsJson = False) -> None:
    """As the accountant does."""
    answer(at(reach, "POST", account, f"/invoices/{invoice}/cancel", {}), as_json=as_json)


def delete_invoice(reach: Reach, account: Account, invoice: Invoice, *, as_json: AsJson = False) -> None:
    """As the accountant does."""
    answer(at(reach, "DELETE", account, f"/invoices/{invoice}"), as_json=as_json)


def pay(
    reach: Reach,
    account: Account,
    invoice: Invoice,
    *,
    amount: Amount = "",
    date: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help=tr("Today by default.", "Иначе сегодня."))] = "",
    order: Annotated[str, typer.Option(help=tr("The payment order's number.", "Номер поручения."))] = "",
    refund: Annotated[bool, typer.Option("--refund", help=tr("Money goes back.", "Возврат."))] = False,
    listed_twice: Annotated[bool, typer.Option("--twice", help=tr("Listed twice.", "В списке дважды."))] = False,
    late: Annotated[str, typer.Option(metavar="DURATION", help=tr("Seen only later.", "Видна позже."))] = "",
    as_json: AsJson = False,
) -> None:
    """In part, in full, too much, back."""
    body: dict[str, Any] = {"invoice": invoice}
    if amount:
        body["amount_kopecks"] = kopecks(amount)
    if late:
        body["late_seconds"] = seconds(late)
    given = {"date": date, "payment_order_number": order, "refund": refund, "listed_twice": listed_twice}
    body |= {name: value for name, value in given.items() if value}
    answer(at(reach, "POST", account, "/payments", body), as_json=as_json)


def reverse(
    reach: Reach,
    account: Account,
    payment: Payment,
    *,
    vanish: Annotated[bool, typer.Option("--vanish", help=tr("Without a trace.", "Бесследно."))] = False,
    as_json: AsJson = False,
) -> None:
    """The bank took it back."""
    answer(at(reach, "POST", account, f"/payments/{payment}/remove", {"vanish": vanish}), as_json=as_json)


def rename(reach: Reach, account: Account, payment: Payment, *, as_json: AsJson = False) -> None:
    """The same payment under a new id."""
    answer(at(reach, "POST", account, f"/payments/{payment}/rename", {}), as_json=as_json)


def twice(reach: Reach, account: Account, payment: Payment, *, as_json: AsJson = False) -> None:
    """Listed twice in one answer."""
    answer(at(reach, "POST", account, f"/payments/{payment}/twice", {"twice": True}), as_json=as_json)


def revise(
    reach: Reach,
    account: Account,
    payment: Payment,
    *,
    amount: Annotated[str, typer.Option(metavar="ROUBLES")] = "",
    date: Annotated[str, typer.Option(metavar="YYYY-MM-DD")] = "",
    order: Annotated[str, typer.Option()] = "",
    as_json: AsJson = False,
) -> None:
    """Corrected by the bank."""
    body: dict[str, Any] = {"amount_kopecks": kopecks(amount)} if amount else {}
    body |= {name: value for name, value in (("date", date), ("payment_order_number", order)) if value}
    if not body:
        raise WrongUse(tr("Give --amount, --date or --order.", "Укажите --amount, --date или --order."))
    answer(at(reach, "PATCH", account, f"/payments/{payment}", body), as_json=as_json)


def act(
    reach: Reach,
    account: Account,
    number: Annotated[str, typer.Argument(metavar="ACT")],
    state: Annotated[str, typer.Argument(help="Created | Sent | Signed")],
    *,
    as_json: AsJson = False,
) -> None:
    """Created, sent or signed."""
    answer(at(reach, "POST", account, f"/acts/{number}/status", {"status": state}), as_json=as_json)
