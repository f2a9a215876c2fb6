"""Who buys, and what of a person stays behind: from the CRM's records to the deal as ingest keeps it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from chassis.clock import ManualClock
from chassis.domain import Problem
from chassis.ids import TenantId
from chassis.outcomes import Ok, Retryable
from chassis.values.lines import SourceRow
from chassis.work.handlers import Done, Permit, Task, TaskResult
from connectors.ports.crm import (
    CrmAddress,
    CrmBankDetail,
    CrmCompany,
    CrmContact,
    CrmDeal,
    CrmRequisite,
    DealRecheck,
    DealSnapshot,
    RequisiteSource,
    StageEntry,
)
from services.ingest.domain import deal as deals
from services.ingest.domain.values import Config
from services.ingest.store.deals import KnownDeal, Tenant
from services.ingest.workers.reads import MOVES_MAX, ReadDealTask, _as_configured
from services.ingest.workers.snapshot import read_deal
from tests.services.ingest.test_domain import CONFIG

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
COMPANY = CrmCompany("7", "Лотос", emails=("office@lotos.example",))
CONTACT = CrmContact("3", "Анна", "", "Ершова", emails=("anna@person.example",), phones=("+79031234567",))
REQUISITE = CrmRequisite(
    requisite_id="11",
    owner="company",
    owner_id="7",
    active=True,
    sort=500,
    title="Организация",
    name="ООО «Лотос»",
    full_name="Общество «Лотос»",
    inn="7709123453",
    kpp="770901001",
    ogrn="",
)
PERSONAL = replace(REQUISITE, owner="contact", owner_id="3", name="Ершова А.", full_name="", inn="500123456750", kpp="")
WHOLE = DealSnapshot(
    deal=CrmDeal(
        deal_id="1734",
        title="Поставка",
        category_id=0,
        stage_id="PREPAYMENT_INVOICE",
        semantics="process",
        closed=False,
        company_id="7",
        contact_id="3",
        contact_ids=("3",),
        my_company_id=None,
        amount_kopecks=10_000,
        amount_is_manual=False,
        currency="RUB",
        assigned_by_id="9",
        created_at=NOW,
        updated_at=NOW,
    ),
    company=COMPANY,
    contact=CONTACT,
    requisite=REQUISITE,
    requisite_source="company",
    requisites=(REQUISITE,),
    bank_detail=CrmBankDetail("1", "11", "40702810600000000001", "044525999", "АО Банк", "", "RUB"),
    address=CrmAddress(6, "101000", "Россия", "", "", "Москва", "ул. Лесная, 1", ""),
    my_requisite_id=None,
    rows=(SourceRow("Стеллаж", Decimal("1.5"), Decimal("100"), None, "none", True),),
    history=(StageEntry(5, "1734", 2, 0, "PREPAYMENT_INVOICE", "process", NOW),),
)


def test_a_company_buys_with_its_own_requisites_and_its_contact_stays_out() -> None:
    read = read_deal(WHOLE)
    buyer = read.snapshot.buyer
    assert buyer is not None
    assert (buyer.kind, buyer.crm_id, buyer.inn, buyer.email) == ("company", "7", "7709123453", "office@lotos.example")
    assert buyer.bank is not None
    assert buyer.address == "101000, Россия, Москва, ул. Лесная, 1"
    assert read.person == {}
    assert "Анна" not in read.snapshot.model_dump_json()


def test_a_contacts_requisites_do_not_stand_in_for_those_that_a_company_lacks() -> None:
    buyer = read_deal(replace(WHOLE, requisite=PERSONAL, requisite_source="contact")).snapshot.buyer
    assert buyer is not None
    assert (buyer.crm_kind, buyer.inn, buyer.name) == ("company", "", "Лотос")


def test_requisites_that_were_linked_to_the_deal_say_who_buys() -> None:
    linked = replace(WHOLE, requisite=replace(PERSONAL, ogrn="304500116000157"), requisite_source="link")
    buyer = read_deal(linked).snapshot.buyer
    assert buyer is not None
    assert (buyer.crm_kind, buyer.crm_id, buyer.kind) == ("contact", "3", "entrepreneur")


@pytest.mark.parametrize(("requisite", "source"), [(None, "none"), (PERSONAL, "contact"), (REQUISITE, "link")])
def test_a_company_that_cannot_be_read_does_not_make_its_contact_the_buyer(
    requisite: CrmRequisite | None, source: RequisiteSource
) -> None:
    read = read_deal(replace(WHOLE, company=None, requisite=requisite, requisite_source=source))
    assert (read.snapshot.buyer, read.person) == (None, {})


def test_requisites_of_a_contact_say_who_buys_though_the_company_cannot_be_read() -> None:
    buyer = read_deal(replace(WHOLE, company=None, requisite=PERSONAL, requisite_source="link")).snapshot.buyer
    assert buyer is not None
    assert (buyer.crm_kind, buyer.crm_id) == ("contact", "3")


def test_a_company_with_a_persons_inn_is_an_entrepreneur() -> None:
    sole = replace(REQUISITE, inn="5001 2345 6750", name="ИП Ершова А.")
    buyer = read_deal(replace(WHOLE, requisite=sole)).snapshot.buyer
    assert buyer is not None
    assert (buyer.kind, buyer.name) == ("entrepreneur", "ИП Ершова А.")


def test_a_person_leaves_name_mail_phone_and_address_behind() -> None:
    for requisite in (None, PERSONAL):
        alone = replace(WHOLE.deal, company_id=None)
        read = read_deal(replace(WHOLE, deal=alone, company=None, requisite=requisite, requisite_source="contact"))
        assert read.snapshot.buyer is not None
        assert read.snapshot.buyer.kind == "person"
        assert read.person["name"] == "Ершова Анна"
        assert read.person["email"] == "anna@person.example"
        text = read.snapshot.model_dump_json()
        assert not any(word in text for word in ("Ершова", "anna@", "7903", "Лесная"))


def test_without_company_and_contact_nobody_buys() -> None:
    nobody = replace(WHOLE.deal, company_id=None, contact_id=None, contact_ids=())
    assert read_deal(replace(WHOLE, deal=nobody, company=None, contact=None, requisite=None)).snapshot.buyer is None


def test_reading_the_same_deal_twice_gives_the_same_sum_and_an_edit_another() -> None:
    touched = replace(WHOLE, deal=replace(WHOLE.deal, updated_at=NOW + timedelta(hours=1), title="Иначе"))
    assert read_deal(touched).snapshot.content_hash == read_deal(WHOLE).snapshot.content_hash
    other = replace(WHOLE, rows=(replace(WHOLE.rows[0], quantity=Decimal(2)),))
    assert read_deal(other).snapshot.content_hash != read_deal(WHOLE).snapshot.content_hash


def test_a_lost_stage_is_known_unless_it_asks_for_a_document() -> None:
    funnel = CONFIG.settings.funnels[0]
    trigger = funnel.issue_invoice[0]
    for stage_id, lost in (("LOSE", True), (trigger, False)):
        moved = replace(WHOLE, deal=replace(WHOLE.deal, stage_id=stage_id, semantics="failure"))
        assert _as_configured(read_deal(moved), CONFIG).snapshot.lost is lost
    assert not read_deal(WHOLE).snapshot.lost


class _Crm:
    """Answers with ``WHOLE``; ``updated_at`` is what the second look says."""

    def __init__(self, updated_at: datetime | None) -> None:
        self.updated_at = updated_at
        self.products: list[Sequence[str]] = []

    async def read_deal(self, permit: Permit, deal_id: str, *, history_after: int = 0) -> Ok[DealSnapshot]:
        row = replace(WHOLE.rows[0], product_id="550")
        return Ok(replace(WHOLE, rows=(row, row, replace(row, product_id=None))))

    async def recheck_deal(
        self, permit: Permit, deal_id: str, inn: str, products: Sequence[str] = ()
    ) -> Ok[DealRecheck]:
        self.products.append(products)
        return Ok(DealRecheck(self.updated_at, (), {"550": "TBL-1"} if products else {}))


class _Store:
    """Knows nothing of the deal, and notes what is kept."""

    def __init__(self, config: Config) -> None:
        self.marked = 0
        self._config = config

    async def known(self, *_: Any) -> KnownDeal:
        return KnownDeal(await self.tenant(), False, False, "", "", frozenset(), (), 17)

    async def tenant(self, *_: Any) -> Tenant:
        return Tenant("active", 1, self._config)

    async def mark_read(self, tenant: TenantId, work_id: object, upto: int, now: datetime, reading: object) -> None:
        self.marked = upto


async def _run(updated_at: datetime | None, *, config: Config = CONFIG, crm: _Crm | None = None) -> tuple[Done, _Store]:
    result, store = await _read(updated_at, {}, config, crm)
    assert isinstance(result, Done)
    return result, store


async def _read(
    updated_at: datetime | None, payload: dict[str, Any], config: Config = CONFIG, crm: _Crm | None = None
) -> tuple[TaskResult, _Store]:
    clock, store = ManualClock(NOW), _Store(config)
    handler = ReadDealTask(crm or _Crm(updated_at), cast("Any", store), cast("Any", None), clock)
    permit = Permit("bitrix24:vektor", "https://p.example/rest/1/x/", "", 2, NOW)
    task = Task(
        tenant=TenantId("vektor"),
        work_id="3fa85f64-5717-4562-b3fc-2c963f66afa6",
        kind=handler.kind,
        key="bitrix24:vektor:1734",
        payload={"deal_id": "1734", **payload},
        stream="deal-1734",
        account="bitrix24:vektor",
        attempt=1,
        permit=permit,
        due_at=NOW,
    )
    return await handler.run(task), store


async def test_a_deal_that_moved_while_it_was_read_is_read_again() -> None:
    result, store = await _run(NOW + timedelta(seconds=1))
    assert (result.commands, result.again_at, store.marked) == ((), NOW, 0)
    result, store = await _run(NOW)
    assert [type(command.body) for command in result.commands] == [deals.ObserveContent, deals.ObserveStage]
    assert result.commands[1].command_id == "stage:bitrix24:vektor:5"
    assert (result.again_at, store.marked) == (None, 17)


@pytest.mark.parametrize("updated_at", [None, NOW + timedelta(seconds=1)])
async def test_a_deal_that_seems_to_move_each_time_is_delayed_and_told(updated_at: datetime | None) -> None:
    """A portal may list a deal by other hours than it shows it, or not at all."""
    payload: dict[str, Any] = {}
    for _ in range(MOVES_MAX):
        result, _ = await _read(updated_at, payload)
        assert isinstance(result, Done)
        assert result.payload is not None
        payload = dict(result.payload)
    result, _ = await _read(updated_at, payload)
    problem = Problem("vendor_answer_unexpected", {"vendor": "bitrix24", "field": "updatedTime"})
    assert result == Retryable(problem, outage=False)


async def test_codes_of_products_are_read_with_the_second_look_where_accounting_has_a_nomenclature() -> None:
    (seller,) = CONFIG.settings.sellers
    mapping = seller.model_copy(update={"connection": seller.connection.model_copy(update={"goods": "list"})})
    config = CONFIG.model_copy(update={"settings": CONFIG.settings.model_copy(update={"sellers": (mapping,)})})
    for one, codes, asked in ((CONFIG, [""] * 3, ()), (config, ["TBL-1", "TBL-1", ""], ("550",))):
        crm = _Crm(NOW)
        result, _ = await _run(NOW, config=one, crm=crm)
        observed: Any = result.commands[0].body
        assert [line.external_code for line in observed.deal.lines] == codes
        assert crm.products == [asked]
    assert observed.deal.content_hash == (await _whole_hash()), "no document shows a code"


async def _whole_hash() -> str:
    result, _ = await _run(NOW)
    observed: Any = result.commands[0].body
    return str(observed.deal.content_hash)
