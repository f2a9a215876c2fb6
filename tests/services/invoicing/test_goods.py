"""The mapping list (C9, R25): goods that a nomenclature lacks are wanted, mapped, found, made; who waits goes on."""

from typing import Any

import pytest

from chassis.domain import Refused
from chassis.work.handlers import Done, Permit, StreamCommand, Task
from contracts.messages import operations
from services.invoicing.app import GOODS
from services.invoicing.domain import commands as c
from services.invoicing.domain import events as e
from services.invoicing.domain import goods
from services.invoicing.domain.goods import MapGoods, Product, SeeItem, WantGoods
from services.invoicing.domain.values import Deal, Reason, Used
from services.invoicing.workers.goods import ListGoods, TellGoods
from tests.services.invoicing.parts import Documents, answer, deal, documents, last, linked, open_cards, request, row
from tests.services.streams import NOW, TENANT, Stream

ACCOUNT = "kontur:vektor:main"
TABLE = Product(account=ACCOUNT, product_id="550", external_code="TBL-1", name="Стол", unit="шт")
Goods = Stream[goods.State, goods.Command]


def two_goods() -> Deal:
    """A deal of a table and a chair of the catalogue, and of work that is in none."""
    return deal(
        rows=(
            row(product_id="550", external_code="TBL-1", unit_name="шт"),
            row(product_id="551", name="Стул"),
            row(name="Сборка"),
        )
    )


def missing(**products: str) -> Reason:
    """The vendor's refusal; products by their ids, each with the item that was tried."""
    tried = {name.removeprefix("p"): item for name, item in products.items()}
    return Reason(code="goods_unknown", values={"vendor": "kontur", "names": list(tried), "products": tried})


def waiting(**products: str) -> Documents:
    """A deal that was refused for goods."""
    stream = documents()
    stream.ran(request(what=two_goods(), goods="list", account=ACCOUNT, vendor="kontur"))
    stream.ran(linked())
    stream.ran(c.Reject(document_id(stream), 1, missing(**(products or {"p550": "", "p551": ""}))))
    return stream


def document_id(stream: Documents) -> str:
    return str(last(stream).request["document_id"])


async def commands(handler: ListGoods | TellGoods, stream: Stream[Any, Any]) -> tuple[StreamCommand, ...]:
    """What the newest task of a stream comes to."""
    (kind, key), plan = next(one for one in reversed(stream.tasks.items()) if one[0][0] == handler.kind)
    permit = Permit("", "", "", 0, NOW)
    done = await handler.run(Task(TENANT, "w1", kind, key, dict(plan.payload), stream.name, "", 1, permit, NOW))
    assert isinstance(done, Done)
    return tuple(done.commands)


def listed() -> Goods:
    """A table that one document waits for."""
    stream: Goods = Stream(GOODS, goods.stream_of(ACCOUNT, "550"))
    stream.ran(WantGoods(TABLE, "15", "d1"))
    return stream


def shown(stream: Goods) -> tuple[Any, ...]:
    (one,) = stream.rows()
    assert one.values is not None
    return tuple(one.values[name] for name in ("state", "item_id", "mapped_by", "waiting"))


class TestDocument:
    async def test_goods_that_it_is_refused_for_go_on_the_list_with_their_codes(self) -> None:
        stream = waiting()
        found = await commands(ListGoods(), stream)
        assert [one.stream for one in found] == [f"goods-{ACCOUNT}/550", f"goods-{ACCOUNT}/551"]
        assert found[0].body == WantGoods(TABLE, "15", document_id(stream))
        assert found[1].body.product.external_code == ""

    def test_it_goes_on_by_itself_when_all_of_them_are_known(self) -> None:
        stream = waiting()
        stream.ran(c.SeeGoods(document_id(stream), "550", "p5"))
        assert (len(stream.effects), open_cards(stream)) == (1, ["goods_unknown"])
        stream.ran(c.SeeGoods(document_id(stream), "551", "p6"))
        assert (last(stream).request["attempt"], open_cards(stream)) == (2, [])
        assert stream.said(operations.DecisionTaken)[-1].choice == "withdrawn"

    def test_word_of_what_is_known_already_changes_nothing(self) -> None:
        stream = waiting()
        stream.ran(c.SeeGoods(document_id(stream), "550", "p5"))
        for product, item in (("550", "p5"), ("777", "p7")):
            assert stream.ran(c.SeeGoods(document_id(stream), product, item)) == []

    def test_an_item_that_was_tried_in_vain_is_no_news(self) -> None:
        stream = waiting(p550="p5")
        assert stream.ran(c.SeeGoods(document_id(stream), "550", "p5")) == []
        stream.ran(c.SeeGoods(document_id(stream), "550", "p9"))
        assert last(stream).request["attempt"] == 2

    def test_a_document_that_goes_another_way_meanwhile_hears_nothing_more(self) -> None:
        stream = waiting()
        stream.ran(c.SeeDeal(deal("b")))
        assert stream.ran(c.SeeGoods(document_id(stream), "550", "p5")) == []

    async def test_what_it_was_made_with_is_told_of_goods_that_it_missed_or_that_were_created(self) -> None:
        stream = waiting()
        stream.ran(c.SeeDeal(two_goods().model_copy(update={"content_hash": "z"})))
        used = (Used(product_id="550", item_id="p5"), Used(product_id="9", item_id="p9"),
                Used(product_id="8", item_id="p8", created=True))  # fmt: skip
        confirmed = answer(last(stream))
        stream.ran(c.Confirm(confirmed.document_id, confirmed.attempt, confirmed.issued, goods=used))
        (told,) = stream.happened(e.GoodsUsed)
        assert [one.product_id for one in told.goods] == ["550", "8"]
        found = await commands(ListGoods(), stream)
        assert [one.body for one in found] == [
            SeeItem(TABLE, "p5", created=False),
            SeeItem(Product(account=ACCOUNT, product_id="8"), "p8", created=True),
        ]

    def test_without_a_list_nothing_is_kept(self) -> None:
        stream = documents()
        stream.ran(request(what=two_goods()))
        stream.ran(linked())
        assert "goods" not in last(stream).request
        stream.ran(c.Reject(document_id(stream), 1, missing(p550="")))
        assert not [kind for kind, _ in stream.tasks if kind == "list-goods"]


class TestList:
    def test_goods_are_open_until_somebody_maps_them(self) -> None:
        stream = listed()
        assert shown(stream) == ("open", "", "", 1)
        stream.ran(MapGoods("p5", "Анна"))
        assert shown(stream) == ("mapped", "p5", "Анна", 0)
        assert stream.ran(MapGoods("p5", "Анна")) == []

    async def test_everybody_who_waited_is_told_once(self) -> None:
        stream = listed()
        stream.ran(WantGoods(TABLE, "16", "d2"))
        stream.ran(MapGoods("p5", "Анна"))
        found = await commands(TellGoods(), stream)
        assert [(one.stream, one.body) for one in found] == [
            ("deal-15", c.SeeGoods("d1", "550", "p5")),
            ("deal-16", c.SeeGoods("d2", "550", "p5")),
        ]
        stream.ran(MapGoods("p6", "Анна"))
        assert len(stream.tasks) == 1

    async def test_a_document_that_was_refused_before_the_mapping_came_is_told_at_once(self) -> None:
        stream = listed()
        stream.ran(MapGoods("p5", "Анна"))
        stream.ran(WantGoods(TABLE, "16", "d2", tried=""))
        assert shown(stream) == ("mapped", "p5", "Анна", 0)
        assert [one.body for one in await commands(TellGoods(), stream)] == [c.SeeGoods("d2", "550", "p5")]

    def test_an_item_that_is_there_no_more_opens_the_product_again(self) -> None:
        stream = listed()
        stream.ran(MapGoods("p5", "Анна"))
        stream.ran(WantGoods(TABLE, "16", "d2", tried="p5"))
        assert shown(stream) == ("open", "", "", 1)

    def test_what_a_document_found_or_made_closes_the_product(self) -> None:
        stream = listed()
        stream.ran(SeeItem(TABLE, "p5", created=False))
        assert shown(stream) == ("mapped", "p5", "", 0)
        assert stream.ran(SeeItem(TABLE, "p7", created=True)) == [], "a mapping stands"
        made: Goods = Stream(GOODS, goods.stream_of(ACCOUNT, "550"))
        made.ran(SeeItem(TABLE, "p5", created=True))
        assert shown(made) == ("created", "p5", "", 0)
        assert made.ran(SeeItem(TABLE, "p5", created=True)) == []

    @pytest.mark.parametrize("waiters", [1, 250])
    def test_many_are_told_in_parts(self, waiters: int) -> None:
        stream: Goods = Stream(GOODS, goods.stream_of(ACCOUNT, "550"))
        for number in range(waiters):
            stream.ran(WantGoods(TABLE, str(number), f"d{number}"))
        stream.ran(MapGoods("p5", "Анна"))
        told = [len(plan.payload["waiting"]) for plan in stream.tasks.values()]
        assert sum(told) == waiters
        assert max(told) <= goods.TOLD_PER_TASK_MAX

    def test_a_product_that_nobody_missed_is_not_mapped(self) -> None:
        stream: Goods = Stream(GOODS, goods.stream_of(ACCOUNT, "550"))
        found = stream.run(MapGoods("p5", "Анна"))
        assert isinstance(found, Refused)
        assert found.problem.code == "goods_not_listed"
