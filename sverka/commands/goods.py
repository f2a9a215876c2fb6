"""`goods`: the mapping list of goods that accounting's nomenclature lacked."""

import getpass
from typing import Annotated

import typer

from sverka.api import connect
from sverka.commands.grouping import group
from sverka.language import example, tr
from sverka.models import ChangedDocument, GoodsDocument, GoodsItem
from sverka.reach import AsJson, Reach, with_reach
from sverka.screen import print_document, show, table

Tenant = Annotated[str, typer.Argument(help=tr("The tenant.", "Клиент."))]


def register(app: typer.Typer) -> None:
    """Adds the group."""
    goods = group(app, "goods", tr("Goods that accounting lacked.", "Товары, которых не было в бухгалтерии."))
    goods.command(
        "list",
        help=example(
            "What waits for a person first, then what is mapped and made.",
            "Сначала то, что ждёт человека, затем сопоставленное и созданное.",
            "goods list vektor",
        ),
    )(with_reach(listed))
    goods.command(
        "map",
        help=example(
            "Say which item of the accounting a product of the CRM is; documents that waited for it go on.",
            "Указать, какая позиция бухгалтерии соответствует товару CRM; ждавшие документы пойдут дальше.",
            "goods map vektor 550 9a1f6e0a-52b4-4e0a-9c58-0d6d2c1f7a10",
        ),
    )(with_reach(mapped))


def listed(
    reach: Reach,
    tenant: Tenant,
    *,
    state: Annotated[
        str, typer.Option(help=tr("open, mapped, created; several by comma.", "open, mapped, created; через запятую."))
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=500, help=tr("How many at most.", "Не больше стольких."))] = 500,
    as_json: AsJson = False,
) -> None:
    """With how many documents wait for each."""
    with connect(reach) as api:
        found = api.goods(tenant, state=state, limit=limit)
    document = GoodsDocument(goods=[GoodsItem.model_validate(one) for one in found])
    if as_json:
        print_document(document)
    elif not document.goods:
        show(tr("There are none.", "Таких нет."))
    else:
        titles = (
            tr("product", "товар"),
            "XML_ID",
            tr("name", "название"),
            tr("unit", "ед."),
            tr("seller", "продавец"),
            tr("state", "состояние"),
            tr("item", "позиция"),
            tr("documents wait", "ждёт документов"),
        )
        table(
            titles,
            (
                (
                    one.product_id,
                    one.external_code,
                    one.name,
                    one.unit,
                    one.seller,
                    _STATES[one.state](),
                    one.item_id,
                    one.waiting,
                )
                for one in document.goods
            ),
        )


def mapped(
    reach: Reach,
    tenant: Tenant,
    product: Annotated[
        str, typer.Argument(metavar="CRM_PRODUCT", help=tr("As the list shows it.", "Товар, как в списке."))
    ],
    item: Annotated[
        str,
        typer.Argument(metavar="ACCOUNTING_ID", help=tr("Its item in the accounting.", "Его позиция в бухгалтерии.")),
    ],
    *,
    seller: Annotated[
        str, typer.Option(help=tr("Where several sellers have it.", "Если товар есть у нескольких продавцов."))
    ] = "",
    by: Annotated[str, typer.Option(metavar="USER", help=tr("Who decides.", "Кто решает."))] = "",
    as_json: AsJson = False,
) -> None:
    """The same again changes nothing."""
    with connect(reach) as api:
        is_new = api.map_goods(tenant, product, item, seller=seller, by=by or getpass.getuser())
    if as_json:
        print_document(ChangedDocument(changed=is_new))
    elif is_new:
        show(
            tr(
                f"Product {product} is {item}; documents that waited for it go on.",
                f"Товар {product} — это {item}; ждавшие его документы пойдут дальше.",
            )
        )
    else:
        show(tr("It was so already.", "Так уже и было."))


_STATES = {
    "open": lambda: tr("to be mapped", "не сопоставлен"),
    "mapped": lambda: tr("mapped", "сопоставлен"),
    "created": lambda: tr("created", "создан"),
}
