"""`sandbox shop`: what buyers and managers do in simulated shops."""

from typing import Annotated, Any

import typer

from sverka.commands.grouping import group
from sverka.commands.sandbox.asking import SHOPS, answer, ask
from sverka.endings import WrongUse
from sverka.language import example, tr
from sverka.reach import AsJson, Reach, with_reach

Shop = Annotated[str, typer.Argument(help=tr("The shop's id.", "Номер магазина."))]
Order = Annotated[str, typer.Argument(help=tr("The order's id.", "Номер заказа."))]
Rows = Annotated[list[str] | None, typer.Option("--row", metavar="NAME;PRICE;QUANTITY", help=tr("Goods.", "Товар."))]
Delivery = Annotated[str, typer.Option("--delivery", metavar="ROUBLES", help=tr("Its price.", "Её цена."))]


def register(parent: typer.Typer) -> None:
    """Adds the commands."""
    shop = group(parent, "shop", tr("Shops and their orders.", "Магазины и их заказы."))
    shop.command("list", help=example("All shops.", "Все магазины.", "sandbox shop list"))(with_reach(listed))
    shop.command(
        "open",
        help=example("Open one.", "Открыть.", "sandbox shop open main --push-url https://…/shops/…/orders --secret …"),
    )(with_reach(opened))
    shop.command(
        "order",
        help=example(
            "An order is made.",
            "Сделать заказ.",
            "sandbox shop order main --row 'Футболка;980;1' --delivery 500 --inn 7725010016 --kpp 772501001",
        ),
    )(with_reach(ordered))
    shop.command(
        "edit", help=example("An order is edited.", "Изменить заказ.", "sandbox shop edit main 236 --status P")
    )(with_reach(edited))
    shop.command("cancel", help=example("Cancelled.", "Отменить заказ.", "sandbox shop cancel main 236"))(
        with_reach(cancelled)
    )


def listed(reach: Reach, *, as_json: AsJson = False) -> None:
    """All shops."""
    answer(ask(reach, "GET", f"/{SHOPS}/shops"), as_json=as_json, columns=("id", "title", "url"))


def opened(
    reach: Reach,
    shop: Shop,
    push_url: Annotated[str, typer.Option("--push-url", help=tr("Where it pushes.", "Куда передаёт заказы."))] = "",
    secret: Annotated[str, typer.Option("--secret", help=tr("What it signs with.", "Чем подписывает."))] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Opens a shop."""
    given = {"url": push_url, "secret": secret}
    body = {"shop": shop, **{name: value for name, value in given.items() if value}}
    answer(ask(reach, "POST", f"/{SHOPS}/shops", body), as_json=as_json)


def ordered(
    reach: Reach,
    shop: Shop,
    row: Rows = None,
    delivery: Delivery = "",
    inn: Annotated[str, typer.Option("--inn")] = "",
    kpp: Annotated[str, typer.Option("--kpp")] = "",
    name: Annotated[str, typer.Option("--name", help=tr("Who buys.", "Кто покупает."))] = "Покупатель",
    email: Annotated[str, typer.Option("--email")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Makes an order; with an INN its buyer is a legal entity."""
    who: dict[str, Any] = {"inn": inn, "kpp": kpp, "email": email, "name" if inn else "contact": name}
    body = {"kind": "legal" if inn else "individual", "payer": who, **_content(row or ["Товар;1000;1"], delivery)}
    answer(ask(reach, "POST", f"/{SHOPS}/{shop}/orders", body), as_json=as_json, under="order")


def edited(
    reach: Reach,
    shop: Shop,
    order: Order,
    row: Rows = None,
    delivery: Delivery = "",
    status: Annotated[str, typer.Option("--status", metavar="N|P|F")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Edits an order."""
    body = {**_content(row or [], delivery), **({"status": status} if status else {})}
    answer(ask(reach, "PATCH", f"/{SHOPS}/{shop}/orders/{order}", body), as_json=as_json, under="order")


def cancelled(reach: Reach, shop: Shop, order: Order, *, as_json: AsJson = False) -> None:
    """Cancels an order."""
    answer(ask(reach, "POST", f"/{SHOPS}/{shop}/orders/{order}/cancel"), as_json=as_json, under="order")


def _content(rows: list[str], delivery: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if rows:
        found["items"] = [_row(row) for row in rows]
    if delivery:
        found["deliveries"] = [{"price": delivery, "vat_rate": None}]
    return found


def _row(text: str) -> dict[str, str]:
    parts = text.split(";")
    if len(parts) not in (2, 3):
        raise WrongUse(tr("A row is NAME;PRICE;QUANTITY.", "Строка: НАЗВАНИЕ;ЦЕНА;КОЛИЧЕСТВО."))
    return {"name": parts[0], "price": parts[1], "quantity": parts[2] if len(parts) == 3 else "1"}
