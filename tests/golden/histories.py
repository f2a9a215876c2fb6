"""Histories of every kind of stream, told by commands; what the domain makes of them is frozen under their names."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from chassis.domain import Problem
from chassis.messaging import blocked
from chassis.tenants import STREAM as TENANT_STREAM
from chassis.tenants import TENANT_KIND, SeeTenant
from chassis.values.orders import OrderId
from chassis.work import operations
from contracts.messages import operations as told_operations
from contracts.messages.values import Reason as PublicReason
from services.counterparty.app import SPEC as COUNTERPARTY
from services.ingest.app import CALLBACKS, ORDERS, PORTALS, REQUISITES, STATEMENTS
from services.ingest.app import DEALS as INGEST_DEALS
from services.ingest.domain import callback, deal, order, portal, requisite, statement
from services.ingest.domain import values as v
from services.invoicing.app import SPEC as INVOICING
from tests.golden.corpus import CHASSIS
from tests.services.counterparty import stories as counterparty
from tests.services.invoicing import edi_parts
from tests.services.invoicing import stories as invoicing
from tests.services.notifier import stories as notifier
from tests.services.notifier.parts import (
    asked,
    balance,
    decided,
    delayed,
    issued,
    outages,
    rendered,
    resumed,
    tell,
    told,
)
from tests.services.payments import stories as payments
from tests.services.streams import NOW, Stream

History = tuple[str, str, Stream[Any, Any]]
"""The service (or ``chassis``), the history's name, and the stream."""

SELLER = v.Seller(
    seller_id="main",
    inn="500123456750",
    connection=v.Connection(account="elba:vektor:main", vendor="elba", profile="seed"),
    tax=(v.Tax(valid_from=dt.date(2025, 1, 1), regime="usn_income", vat="exempt"),),
)
SETTINGS = v.Settings(
    name="Вектор",
    activated_at=NOW - dt.timedelta(days=30),
    crm_account="bitrix24:vektor",
    funnels=(v.Funnel(category_id="0", issue_invoice=("PREPAYMENT_INVOICE",), issue_act=("WON",), paid="EXECUTING"),),
    fields={"invoice_number": "UF_CRM_INVOICE_NUMBER"},
    admin_chat="chat42",
    sellers=(SELLER,),
    retry=v.Retry(seconds=(5.0, 15.0)),
)


def all_histories() -> Iterator[History]:
    """Every history. A new one gets a new name; one that a release has frozen is not told anew."""
    yield "ingest", "requested-and-changed", _requested_and_changed()
    yield "ingest", "nobody-sells", _nobody_sells()
    yield "ingest", "applied-and-removed", _applied_and_removed()
    yield "ingest", "ordered-changed-and-cancelled", _ordered()
    yield "ingest", "taken", _statement_taken()
    yield "ingest", "connected-and-lost", _connected_and_lost()
    yield "ingest", "called-twice", _called_twice()
    yield "ingest", "another-inn", _another_inn()
    yield "counterparty", "asked", counterparty.asked()
    yield "counterparty", "told-backwards", counterparty.told_backwards()
    for name, stream in zip(("doubles", "branch", "created-at-last"), counterparty.looked_up(), strict=True):
        yield "counterparty", name, stream
    for name, stream in zip(("buyer-changed", "left"), counterparty.left_behind(), strict=True):
        yield "counterparty", name, stream
    for name, stream in zip(("record-gone", "lost-and-made"), counterparty.lost(), strict=True):
        yield "counterparty", name, stream
    for name, stream in zip(("filled", "ending-and-gone"), counterparty.registered(), strict=True):
        yield "counterparty", name, stream
    yield "counterparty", "filled-and-left", counterparty.filled()
    for name, stream in zip(("entered", "entered-of-several"), counterparty.entered(), strict=True):
        yield "counterparty", name, stream
    told = zip(("adopted", "made", "synced", "synced-both-ways"), counterparty.brought_together(), strict=True)
    for name, stream in told:
        yield "counterparty", name, stream
    yield "invoicing", "replaced", invoicing.replaced()
    yield "invoicing", "told-backwards", invoicing.told_backwards()
    yield "invoicing", "refused-and-doubted", invoicing.refused_and_doubted()
    yield "invoicing", "late-buyer-and-old-rate", invoicing.late_buyer_and_old_rate()
    yield "invoicing", "replaced-by-us", invoicing.replaced_by_us()
    yield "invoicing", "doubled", invoicing.doubled()
    yield "invoicing", "reviewed", invoicing.reviewed()
    yield "invoicing", "buyer-lost", invoicing.buyer_lost()
    yield "invoicing", "lost-and-left-to-a-person", invoicing.lost_and_left_to_a_person()
    yield "invoicing", "asked-while-voided", invoicing.asked_while_voided()
    yield "invoicing", "asked-while-a-person-decides", invoicing.asked_while_a_person_decides()
    yield "invoicing", "goods-missed", invoicing.goods_missed()
    yield "invoicing", "mapped-and-made", invoicing.goods_mapped()
    yield "invoicing", "signed-electronically", edi_parts.signed()
    yield "invoicing", "hardly-exchanged", edi_parts.hard()
    yield "payments", "paid-and-gone", payments.paid_and_gone()
    yield "payments", "told-by-sums", payments.told_by_sums()
    yield "payments", "void-before-known", payments.void_before_known()
    yield "payments", "unmatched", payments.unmatched()
    yield "payments", "deleted", payments.deleted()
    yield "payments", "lost-and-found", payments.unmatched()
    yield "payments", "enriched", payments.enriched()
    yield "payments", "doubted", payments.doubted()
    yield "payments", "moved", payments.moved()
    for name, day in zip(("clear-and-gone", "asked-and-added"), payments.bank_days(), strict=True):
        yield "payments", name, day
    yield "payments", "half-read", payments.statement_file()
    yield "payments", "called", payments.called()
    yield "notifier", "refused-write", notifier.written()
    yield "notifier", "filled-and-refused", notifier.filled()
    yield "notifier", "made-and-refused", notifier.newcomer_made()
    yield "notifier", "whole-way", _told_whole_way()
    yield "notifier", "outage-seen-by-two", _outage_seen_by_two()
    yield "notifier", "outage-told-backwards", _outage_told_backwards()
    yield "notifier", "told-backwards", _told_backwards()
    yield "notifier", "notice", _notice()
    yield "notifier", "waited-long", notifier.waited_long()
    yield "notifier", "waited-for-a-person", notifier.waited_for_a_person()
    yield CHASSIS, "suspended", _tenant_suspended()
    yield CHASSIS, "two-accounts-down", _two_accounts_down()
    yield CHASSIS, "fell-behind-twice", _fell_behind_twice()
    yield CHASSIS, "waited-for", _waited_for()
    yield CHASSIS, "blocked-twice", _blocked_twice()


def _another_inn() -> Stream[Any, Any]:
    """Requisites get an INN, then another one."""
    stream: Stream[Any, Any] = Stream(REQUISITES, "requisite-77")
    registers = (v.Register(account="dadata:vektor:register", vendor="dadata", per_day=9_000),)
    for inn in ("7736207543", "7707083893"):
        card = requisite.Card(company_id="512", requisite_id="77", inn=inn, name="ООО «Ромашка»", responsible_id="7")
        stream.ran(requisite.ObserveRequisite(card, True, registers))
    return stream


def _snapshot(price: str = "1250.50", **changes: Any) -> v.Snapshot:
    chair = v.Line(
        name="Стул", quantity=Decimal("2"), price=Decimal(price), price_exclusive=Decimal(price), vat="none",
        tax_included=True, unit_code="796", unit_name="шт", product_id="91",
    )  # fmt: skip
    fitting = v.Line(
        name="Сборка", quantity=Decimal("1.5"), price=Decimal("300"), price_exclusive=Decimal("250"), vat="20",
        tax_included=True, is_service=True,
    )  # fmt: skip
    buyer = v.Buyer(
        crm_kind="company", crm_id="7", kind="company", name="ООО «Лотос»", inn="7709123453", kpp="770901001",
        bank=v.Bank(bic="044525225", account="40702810938000000001", bank_name="Банк"), requisite_id="12",
    )  # fmt: skip
    whole = v.Snapshot(
        deal_id="1734", title="Мебель для офиса", category_id="0", stage_id="PREPAYMENT_INVOICE", currency="RUB",
        opportunity_kopecks=2_951_00, responsible_id="9", buyer=buyer, lines=(chair, fitting),
    ).model_copy(update=changes)  # fmt: skip
    return whole.model_copy(update={"content_hash": v.content_hash(whole)})


def _entry(history_id: str, stage: str) -> deal.Entry:
    return deal.Entry(history_id=history_id, category_id="0", stage_id=stage, entered_at=NOW - dt.timedelta(hours=2))


def _requested_and_changed() -> Stream[Any, Any]:
    """A sweep notices what no webhook brought; an invoice is asked for, the deal changes, is gone, is won."""
    stream: Stream[Any, Any] = Stream(INGEST_DEALS, "deal-1734")
    config = v.Config(version=3, settings=SETTINGS)
    first = _entry("501", "PREPAYMENT_INVOICE")
    stream.ran(deal.NoticeStages("1734", (first,), config))
    stream.ran(deal.ObserveStage(_snapshot(), first, config))
    stream.ran(deal.ObserveContent(_snapshot("1300"), SETTINGS))
    stream.ran(deal.ObserveGone("1734"))
    stream.ran(deal.ObserveContent(_snapshot("1300"), SETTINGS.model_copy(update={"sellers": ()})))
    stream.ran(deal.ObserveStage(_snapshot("1300", stage_id="WON"), _entry("502", "WON"), config))
    return stream


def _nobody_sells() -> Stream[Any, Any]:
    """A trigger of a tenant without a seller."""
    stream: Stream[Any, Any] = Stream(INGEST_DEALS, "deal-88")
    config = v.Config(version=1, settings=SETTINGS.model_copy(update={"sellers": ()}))
    stream.ran(deal.ObserveStage(_snapshot(deal_id="88"), _entry("77", "PREPAYMENT_INVOICE"), config))
    return stream


def _ordered() -> Stream[Any, Any]:
    """An order of a shop that nobody sells for, then somebody does; edited, cancelled, restored, done, deleted."""
    name = OrderId("main", 236)
    stream: Stream[Any, Any] = Stream(ORDERS, f"order-{name}")
    shop = v.Shop(shop_id="main", seller_id="main", pay_systems=(48,), issue_act=("F",), due=v.Due(days=5))
    nobody = v.Config(version=4, settings=SETTINGS.model_copy(update={"shops": (shop,), "sellers": ()}))
    config = v.Config(version=5, settings=SETTINGS.model_copy(update={"shops": (shop,)}))
    ref = v.OrderRef(shop_id="main", order_id=236, number="392", gifts=1)
    plain = {"deal_id": str(name), "category_id": "", "stage_id": "N", "responsible_id": "", "order": ref}

    def seen(version: int, price: str, config: v.Config = config, **changes: Any) -> None:
        found = order.Order(
            snapshot=_snapshot(price, **plain), created_at=NOW - dt.timedelta(hours=1), pay_systems=frozenset({48}),
        ).model_copy(update=changes)  # fmt: skip
        stream.ran(order.ObserveOrder(name, NOW + dt.timedelta(minutes=version), version, found, config))

    seen(1, "1250.50", nobody)
    seen(2, "1250.50")
    seen(3, "1300")
    seen(4, "1300", cancelled=True)
    seen(5, "1300")
    seen(6, "1300", status="F")
    stream.ran(order.ObserveOrder(name, NOW + dt.timedelta(hours=1), None, None, config))
    return stream


def _applied_and_removed() -> Stream[Any, Any]:
    """A file, a trigger more, a pause, the end."""
    stream: Stream[Any, Any] = Stream(PORTALS, portal.STREAM)
    stream.ran(portal.ApplyTenant(SETTINGS, ("bitrix24:vektor", "elba:vektor:main")))
    more = v.Funnel(category_id="4", issue_invoice=("C4:FINAL_INVOICE",))
    stream.ran(portal.ApplyTenant(SETTINGS.model_copy(update={"funnels": (*SETTINGS.funnels, more)})))
    for command in (portal.SuspendTenant(), portal.ResumeTenant(), portal.RemoveTenant()):
        stream.ran(command)
    return stream


def _statement_taken() -> Stream[Any, Any]:
    """A file that came twice."""
    stream: Stream[Any, Any] = Stream(STATEMENTS, "statement-6f0c")
    for _ in range(2):
        stream.ran(statement.TakeStatement("6f0c", "vektor/6f0c", "kl_to_1c.txt", 1_200, "folder"))
    return stream


def _called_twice() -> Stream[Any, Any]:
    """An account that told of one operation in two deliveries."""
    account = "kontur:vektor:main"
    stream: Stream[Any, Any] = Stream(CALLBACKS, callback.stream_of(account, "op-7"))
    for delivery_id in ("d1", "d2"):
        stream.ran(callback.TakeCallback(account, "payment.changed", "payment", "op-7", delivery_id))
    return stream


def _connected_and_lost() -> Stream[Any, Any]:
    """A portal that is connected by an application, lost, connected again, and uninstalled."""
    stream: Stream[Any, Any] = Stream(PORTALS, portal.STREAM)
    stream.ran(portal.ApplyTenant(SETTINGS, ("bitrix24:vektor",), by_app=True))
    connect = portal.ConnectPortal("4f1d0c2be6a84e7db0e5c0ffee123456", "vektor.bitrix24.ru", "1")
    for command in (connect, portal.LosePortal("lost"), connect, portal.LosePortal("uninstalled")):
        stream.ran(command)
    return stream


def _told_whole_way() -> Stream[Any, Any]:
    """An invoice, its PDF, half of the money, a question, the other half."""
    stream = told()
    for message in (issued(), rendered(), balance(1), balance(2, 40_00), asked(), balance(3, 100_00)):
        tell(stream, message)
    return stream


def _outage_seen_by_two() -> Stream[Any, Any]:
    """The chat is told once of an outage that two services see."""
    stream = outages()
    ended_at = NOW + dt.timedelta(minutes=20)
    reason = PublicReason(code="vendor_fault", values={"status": 503})
    began = told_operations.OutageBegan(vendor="elba", accounts=("elba:vektor:main",), since=NOW, reason=reason)
    ended = told_operations.OutageEnded(vendor="elba", accounts=("elba:vektor:main",), since=NOW, ended_at=ended_at)
    for number, (message, source) in enumerate(
        ((began, "invoicing"), (began, "payments"), (ended, "payments"), (ended, "invoicing"))
    ):
        tell(stream, message, f"m{number}", source)
    return stream


def _outage_told_backwards() -> Stream[Any, Any]:
    """The end of an outage comes before its beginning, since the topic was lost and sent again."""
    stream = outages()
    reason = PublicReason(code="vendor_fault", values={"status": 503})
    began = told_operations.OutageBegan(vendor="elba", accounts=("elba:vektor:main",), since=NOW, reason=reason)
    ended = told_operations.OutageEnded(
        vendor="elba", accounts=("elba:vektor:main",), since=NOW, ended_at=NOW + dt.timedelta(minutes=20)
    )
    for number, message in enumerate((ended, began)):
        tell(stream, message, f"m{number}", "payments")
    return stream


def _told_backwards() -> Stream[Any, Any]:
    """Answers before their questions, work that went on before it waited, a number that is no longer the newest."""
    stream = told()
    said = (
        (issued("i2"), 9),
        (decided("c2"), 4),
        (resumed("w2"), 3),
        (issued(), 2),
        (asked("c1"), 1),
        (delayed("w1"), 1),
    )
    for number, (message, sequence) in enumerate(said):
        tell(stream, message, f"m{number}", sequence=sequence)
    return stream


def _notice() -> Stream[Any, Any]:
    """A question about no deal."""
    stream = outages("notice/m5")
    tell(stream, asked(deal_id=""), "m5")
    return stream


def _tenant_suspended() -> Stream[Any, Any]:
    """A tenant as every service but ingest sees it."""
    stream: Stream[Any, Any] = Stream(TENANT_KIND, TENANT_STREAM)
    stream.ran(SeeTenant("active", 1, {"steps": {"payments": False}, "retry": {"seconds": [5.0], "jitter": 0.2}}))
    stream.ran(SeeTenant("suspended", 2, {"steps": {"payments": False}}))
    return stream


def _two_accounts_down() -> Stream[Any, Any]:
    """Two accounts of a vendor go down and come back one after another."""
    stream: Stream[Any, Any] = Stream(INVOICING.stream_kinds().of("outage-elba"), operations.outage_stream("elba"))
    minute = dt.timedelta(minutes=1)
    fault = Problem("vendor_fault", {"status": 502})
    stream.ran(operations.AccountDown("elba", "elba:vektor:main", NOW, fault))
    stream.ran(operations.AccountDown("elba", "elba:vektor:second", NOW + minute, fault))
    stream.ran(operations.AccountUp("elba", "elba:vektor:main", NOW + 2 * minute))
    stream.ran(operations.AccountUp("elba", "elba:vektor:second", NOW + 3 * minute))
    stream.ran(operations.AccountDown("elba", "elba:vektor:second", NOW + 4 * minute, Problem("unauthorized")))
    return stream


def _fell_behind_twice() -> Stream[Any, Any]:
    """Work of a deal waits for its vendor, goes on, waits again."""
    stream: Stream[Any, Any] = Stream(INVOICING.stream_kinds().of("delay-x"), operations.delay_stream("deal-15"))
    work = ("5b2c", "create-invoice", "elba", "elba:vektor:main")
    stream.ran(operations.DelayBegan(*work, NOW, Problem("vendor_fault", {"status": 502})))
    stream.ran(operations.DelayEnded(*work))
    stream.ran(operations.DelayBegan(*work, NOW + dt.timedelta(hours=1), Problem("limit_reached")))
    return stream


def _blocked_twice() -> Stream[Any, Any]:
    """A key waits behind a dead letter, goes on, waits again."""
    stream: Stream[Any, Any] = Stream(INVOICING.stream_kinds().of("letters-x"), "letters-deals/15")
    stream.ran(blocked.BlockKey("deals", "15"))
    stream.ran(blocked.FreeKey("deals", "15"))
    stream.ran(blocked.BlockKey("deals", "15"))
    return stream


def _waited_for() -> Stream[Any, Any]:
    """Work of a buyer is delayed while one deal waits for it, and another comes before it goes on."""
    stream: Stream[Any, Any] = Stream(COUNTERPARTY.stream_kinds().of("delay-x"), operations.delay_stream("party-c77"))
    work = ("6c3d", "find-counterparty", "elba", "elba:vektor:main")
    began = operations.DelayBegan(*work, NOW, Problem("vendor_fault", {"status": 502}), ("deal-15",))
    stream.ran(began)
    stream.ran(replace(began, waiters=("deal-15", "deal-16")))
    stream.ran(operations.DelayEnded(*work))
    return stream
