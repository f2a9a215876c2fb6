"""`sandbox portal | company | contact | deal | edit`: what people do in portals."""

from typing import Annotated, Any

import typer

from sverka.amounts import goods, kopecks, pairs
from sverka.commands.grouping import group
from sverka.commands.sandbox.asking import answer, ask
from sverka.endings import WrongUse
from sverka.language import example, tr
from sverka.reach import AsJson, Reach, with_reach

Portal = Annotated[str, typer.Argument(help=tr("The portal's slug.", "Имя портала."))]
Id = Annotated[int, typer.Argument(help=tr("The record's id.", "Номер записи."))]
Values = Annotated[list[str], typer.Argument(metavar="NAME=VALUE…")]
Rows = Annotated[
    list[str] | None,
    typer.Option(
        "--row", metavar="NAME;PRICE;QUANTITY[;VAT]", help=tr("Goods, repeatable.", "Товар, можно несколько.")
    ),
]
By = Annotated[int | None, typer.Option(help=tr("The user who acts.", "Кто действует."))]
EDITABLE = {"deal": "deals", "company": "companies", "contact": "contacts", "requisite": "requisites"}


def register(parent: typer.Typer) -> None:
    """Adds the commands."""
    portal = group(parent, "portal", tr("Bitrix24 portals.", "Порталы Битрикс24."))
    portal.command("list", help=example("All portals.", "Все порталы.", "sandbox portal list"))(with_reach(portals))
    portal.command("open", help=example("Open one.", "Открыть.", "sandbox portal open vektor --title 'ООО «Вектор»'"))(
        with_reach(open_portal)
    )
    portal.command("show", help=example("Its credentials.", "Его доступы.", "sandbox portal show vektor"))(
        with_reach(show_portal)
    )
    portal.command(
        "dial", help=example("How it behaves.", "Как себя ведёт.", "sandbox portal dial vektor limit_burst=5")
    )(with_reach(dial_portal))
    portal.command(
        "subscribe",
        help=example(
            "Where its outgoing webhook goes.",
            "Куда идёт исходящий вебхук.",
            "sandbox portal subscribe vektor http://127.0.0.1:8080/hooks/bitrix24/SECRET",
        ),
    )(with_reach(subscribe))
    portal.command("rename", help=example("Move to another host.", "Сменить адрес.", "sandbox portal rename vektor"))(
        with_reach(rename_portal)
    )

    portal.command(
        "messages",
        help=example("Chats and notifications.", "Чаты и уведомления.", "sandbox portal messages vektor"),
    )(with_reach(show_messages))

    company = group(parent, "company", tr("Companies of a portal.", "Компании портала."))
    company.command(
        "add", help=example("Add one.", "Добавить.", "sandbox company add vektor 'ООО «Лотос»' --inn 7709123453")
    )(with_reach(add_company))
    company.command("list", help=example("All companies.", "Все компании.", "sandbox company list vektor"))(
        with_reach(companies)
    )
    company.command("show", help=example("Show one.", "Показать.", "sandbox company show vektor 1001"))(
        with_reach(show_company)
    )
    contact = group(parent, "contact", tr("Contacts of a portal.", "Контакты портала."))
    contact.command("add", help=example("Add one.", "Добавить.", "sandbox contact add vektor Анна --last-name Ершова"))(
        with_reach(add_contact)
    )

    deal = group(parent, "deal", tr("Deals of a portal.", "Сделки портала."))
    deal.command(
        "add", help=example("Add one.", "Добавить.", "sandbox deal add vektor --company 1001 --row 'Стеллаж;12500;2'")
    )(with_reach(add_deal))
    deal.command("list", help=example("All deals.", "Все сделки.", "sandbox deal list vektor"))(with_reach(deals))
    deal.command("show", help=example("One as people see it.", "Как её видят.", "sandbox deal show vektor 1042"))(
        with_reach(show_deal)
    )
    deal.command("move", help=example("To a stage.", "На стадию.", "sandbox deal move vektor 1042 PREPAYMENT_INVOICE"))(
        with_reach(move_deal)
    )
    deal.command(
        "rows",
        help=example("Replace its goods.", "Заменить товары.", "sandbox deal rows vektor 1042 --row 'Стол;100;1'"),
    )(with_reach(replace_rows))
    deal.command("delete", help=example("Delete it.", "Удалить.", "sandbox deal delete vektor 1042"))(
        with_reach(delete_deal)
    )
    parent.command(
        "edit",
        help=example(
            "Edit a deal, company, contact or requisite by hand.",
            "Изменить вручную сделку, компанию, контакт, реквизит.",
            "sandbox edit vektor requisite 1001 RQ_KPP=770901001",
        ),
    )(with_reach(edit))


def portals(reach: Reach, *, as_json: AsJson = False) -> None:
    """Portals with their credentials."""
    columns = ("portal", "title", "webhook_url", "application_token", "chat")
    answer(ask(reach, "GET", "/bitrix24/portals"), as_json=as_json, columns=columns, under="portals")


def open_portal(
    reach: Reach,
    slug: Portal,
    *,
    title: Annotated[str, typer.Option(help=tr("The company's name.", "Название компании."))] = "",
    as_json: AsJson = False,
) -> None:
    """A new portal with users, funnels, fields, a chat and webhooks."""
    body = {"slug": slug} | ({"title": title} if title else {})
    answer(ask(reach, "POST", "/bitrix24/portals", body), as_json=as_json)


def show_portal(reach: Reach, slug: Portal, *, as_json: AsJson = False) -> None:
    """Credentials and dials."""
    answer(ask(reach, "GET", f"/bitrix24/portals/{slug}"), as_json=as_json)


def dial_portal(reach: Reach, slug: Portal, values: Values, *, as_json: AsJson = False) -> None:
    """Turns dials."""
    answer(ask(reach, "PATCH", f"/bitrix24/portals/{slug}", pairs(values)), as_json=as_json)


def subscribe(
    reach: Reach,
    slug: Portal,
    address: Annotated[str, typer.Argument(metavar="URL")],
    *,
    as_json: AsJson = False,
) -> None:
    """Points the outgoing webhook that the portal has to an address, or makes one."""
    known = ask(reach, "GET", f"/bitrix24/portals/{slug}")["subscription"]
    path = f"/bitrix24/portals/{slug}/subscriptions"
    body = {"url": address}
    done = ask(reach, "POST", path, body) if known is None else ask(reach, "PATCH", f"{path}/{known}", body)
    answer(done, as_json=as_json)


def rename_portal(
    reach: Reach,
    slug: Portal,
    *,
    host: Annotated[str, typer.Option(help=tr("The new host.", "Новый адрес."))] = "",
    as_json: AsJson = False,
) -> None:
    """The old address answers 302 from now on."""
    body = {"host": host} if host else {}
    answer(ask(reach, "POST", f"/bitrix24/portals/{slug}/rename", body), as_json=as_json)


def show_messages(reach: Reach, slug: Portal, *, as_json: AsJson = False) -> None:
    """What the portal's people were told."""
    chats = ask(reach, "GET", f"/bitrix24/portals/{slug}/chats")
    notifications = ask(reach, "GET", f"/bitrix24/portals/{slug}/notifications")
    answer({**chats, **notifications}, as_json=as_json)


def add_company(
    reach: Reach,
    portal: Portal,
    title: Annotated[str, typer.Argument()],
    *,
    inn: Annotated[str, typer.Option()] = "",
    kpp: Annotated[str, typer.Option()] = "",
    address: Annotated[str, typer.Option()] = "",
    email: Annotated[str, typer.Option()] = "",
    as_json: AsJson = False,
) -> None:
    """A company with a requisite where an INN is given; nothing is checked, as in the portal itself."""
    given = {"inn": inn, "kpp": kpp, "address": address, "email": email}
    body = {"title": title} | {name: value for name, value in given.items() if value}
    answer(ask(reach, "POST", f"/bitrix24/portals/{portal}/companies", body), as_json=as_json)


def companies(reach: Reach, portal: Portal, *, as_json: AsJson = False) -> None:
    """All companies with their requisites."""
    found = ask(reach, "GET", f"/bitrix24/portals/{portal}/companies")
    answer(found, as_json=as_json, columns=("company", "requisites"), under="companies")


def show_company(reach: Reach, portal: Portal, number: Id, *, as_json: AsJson = False) -> None:
    """With its requisites."""
    answer(ask(reach, "GET", f"/bitrix24/portals/{portal}/companies/{number}"), as_json=as_json)


def add_contact(
    reach: Reach,
    portal: Portal,
    name: Annotated[str, typer.Argument()],
    *,
    last_name: Annotated[str, typer.Option()] = "",
    email: Annotated[str, typer.Option()] = "",
    phone: Annotated[str, typer.Option()] = "",
    as_json: AsJson = False,
) -> None:
    """A person."""
    given = {"last_name": last_name, "email": email, "phone": phone}
    body = {"name": name} | {key: value for key, value in given.items() if value}
    answer(ask(reach, "POST", f"/bitrix24/portals/{portal}/contacts", body), as_json=as_json)


def add_deal(
    reach: Reach,
    portal: Portal,
    *,
    title: Annotated[str, typer.Option()] = "",
    company: Annotated[int | None, typer.Option(help=tr("The buyer's company.", "Компания покупателя."))] = None,
    contact: Annotated[int | None, typer.Option(help=tr("The buyer's contact.", "Контакт покупателя."))] = None,
    stage: Annotated[str, typer.Option(help=tr("The first one by default.", "Иначе первая."))] = "",
    category: Annotated[int | None, typer.Option(help=tr("The funnel.", "Воронка."))] = None,
    opportunity: Annotated[
        str, typer.Option(help=tr("A sum set by hand, in roubles.", "Сумма вручную, в рублях."))
    ] = "",
    row: Rows = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """A deal with goods."""
    body: dict[str, Any] = {"title": title or tr("Delivery", "Поставка"), "rows": goods(row or [])}
    given = {"company": company, "contact": contact, "stage": stage or None, "category": category, "by": by}
    body |= {name: value for name, value in given.items() if value is not None}
    if opportunity:
        body["opportunity"] = kopecks(opportunity) / 100
    answer(ask(reach, "POST", f"/bitrix24/portals/{portal}/deals", body), as_json=as_json)


def deals(reach: Reach, portal: Portal, *, as_json: AsJson = False) -> None:
    """All deals in short."""
    columns = ("id", "title", "category", "stage", "opportunity_kopecks", "company")
    answer(ask(reach, "GET", f"/bitrix24/portals/{portal}/deals"), as_json=as_json, columns=columns, under="deals")


def show_deal(reach: Reach, portal: Portal, number: Id, *, as_json: AsJson = False) -> None:
    """With goods, timeline, files and history."""
    answer(ask(reach, "GET", f"/bitrix24/portals/{portal}/deals/{number}"), as_json=as_json)


def move_deal(
    reach: Reach,
    portal: Portal,
    number: Id,
    stage: Annotated[str, typer.Argument()],
    *,
    category: Annotated[int | None, typer.Option(help=tr("To another funnel.", "В другую воронку."))] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """As a person drags it."""
    body = {"stage": stage} | {name: value for name, value in (("category", category), ("by", by)) if value is not None}
    answer(ask(reach, "POST", f"/bitrix24/portals/{portal}/deals/{number}/move", body), as_json=as_json)


def replace_rows(reach: Reach, portal: Portal, number: Id, *, row: Rows = None, as_json: AsJson = False) -> None:
    """All goods at once."""
    body = {"rows": goods(row or [])}
    answer(ask(reach, "PUT", f"/bitrix24/portals/{portal}/deals/{number}/rows", body), as_json=as_json)


def delete_deal(reach: Reach, portal: Portal, number: Id, *, as_json: AsJson = False) -> None:
    """For good."""
    answer(ask(reach, "DELETE", f"/bitrix24/portals/{portal}/deals/{number}"), as_json=as_json)


def edit(
    reach: Reach,
    portal: Portal,
    kind: Annotated[str, typer.Argument(help="deal | company | contact | requisite")],
    number: Id,
    values: Values,
    *,
    as_json: AsJson = False,
) -> None:
    """Fields by their names in the portal."""
    if kind not in EDITABLE:
        known = ", ".join(EDITABLE)
        raise WrongUse(tr(f"{kind} cannot be edited; choose {known}.", f"{kind} не изменить; есть {known}."))
    fields = pairs(values)
    body = fields if kind == "requisite" else {"fields": fields}
    answer(ask(reach, "PATCH", f"/bitrix24/portals/{portal}/{EDITABLE[kind]}/{number}", body), as_json=as_json)
