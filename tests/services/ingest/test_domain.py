"""Triggers: any order and repetition of what is seen of a deal asks for the same documents."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chassis.aggregate import Recorded
from chassis.domain import Event, Refused
from chassis.ids import TenantId
from contracts.messages.ingest import RequestImpossible
from services.ingest.domain import deal, portal
from services.ingest.domain.values import (
    Buyer,
    Config,
    Connection,
    Funnel,
    Line,
    Seller,
    Settings,
    Snapshot,
    Steps,
    Tax,
    content_hash,
)
from services.ingest.published import published_of_deal

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ACTIVATED = NOW - timedelta(days=30)
SELLER = Seller(
    seller_id="main",
    inn="500123456750",
    connection=Connection(account="elba:vektor:main", vendor="elba", profile="seed"),
    tax=(Tax(valid_from=ACTIVATED.date(), regime="usn_income", vat="exempt"),),
)
SETTINGS = Settings(
    name="Вектор",
    activated_at=ACTIVATED,
    crm_account="bitrix24:vektor",
    funnels=(Funnel(category_id="0", issue_invoice=("PREPAYMENT_INVOICE",), issue_act=("WON",)),),
    sellers=(SELLER,),
)
CONFIG = Config(version=1, settings=SETTINGS)


def snapshot(price: str = "100.00", **changes: Any) -> Snapshot:
    row = Line(
        name="Стеллаж",
        quantity=Decimal(1),
        price=Decimal(price),
        price_exclusive=Decimal(price),
        vat="none",
        tax_included=True,
    )
    buyer = Buyer(crm_kind="company", crm_id="7", kind="company", name="ООО «Лотос»", inn="7709123453", kpp="770901001")
    whole = Snapshot(
        deal_id="1734",
        category_id="0",
        stage_id="PREPAYMENT_INVOICE",
        currency="RUB",
        opportunity_kopecks=10_000,
        buyer=buyer,
        lines=(row,),
    ).model_copy(update=changes)
    return whole.model_copy(update={"content_hash": content_hash(whole)})


def entry(history_id: int, stage: str, *, days_ago: float = 1, category: str = "0") -> deal.Entry:
    entered_at = NOW - timedelta(days=days_ago)
    return deal.Entry(history_id=str(history_id), category_id=category, stage_id=stage, entered_at=entered_at)


def told(state: deal.State, *commands: deal.Command) -> tuple[deal.State, list[Event]]:
    """The state after the commands, and all their events."""
    events: list[Event] = []
    for command in commands:
        decided = deal.decide(state, command, NOW)
        assert not isinstance(decided, Refused)
        for event in decided:
            state = deal.evolve(state, event)  # type: ignore[arg-type]  # the events of this stream
            events.append(event)
    return state, events


def requests(events: list[Event]) -> set[str]:
    return {event.request_id for event in events if isinstance(event, deal.RequestMade)}


ENTRIES = [
    entry(1, "PREPAYMENT_INVOICE", days_ago=31),
    entry(2, "NEW"),
    entry(3, "PREPAYMENT_INVOICE"),
    entry(4, "EXECUTING"),
    entry(5, "WON"),
    entry(6, "PREPAYMENT_INVOICE"),
    entry(7, "PREPAYMENT_INVOICE", category="8"),
]
SEEN: st.SearchStrategy[deal.Command] = st.one_of(
    st.sampled_from(ENTRIES).map(lambda one: deal.ObserveStage(snapshot(), one, CONFIG)),
    st.lists(st.sampled_from(ENTRIES), max_size=7).map(lambda some: deal.NoticeStages("1734", tuple(some), CONFIG)),
    st.just(deal.ObserveContent(snapshot(), SETTINGS)),
    st.just(deal.ObserveGone("1734")),
)


@given(st.lists(SEEN, max_size=12), st.permutations(ENTRIES))
def test_any_order_and_repetition_asks_for_the_same_documents(
    noise: list[deal.Command], order: list[deal.Entry]
) -> None:
    whole = [*noise, *(deal.ObserveStage(snapshot(), one, CONFIG) for one in order)]
    _, events = told(deal.initial("deal-1734"), *whole)
    made = [event for event in events if isinstance(event, deal.RequestMade)]
    wanted = {
        deal.request_id("bitrix24:vektor", "1734", "3", "invoice"),
        deal.request_id("bitrix24:vektor", "1734", "6", "invoice"),
        deal.request_id("bitrix24:vektor", "1734", "5", "act"),
    }
    assert requests(events) == wanted
    assert len(made) == len(wanted), "none twice"


@given(st.lists(SEEN, max_size=12))
def test_what_was_noticed_is_read_and_what_was_observed_is_not_noticed_again(seen: list[deal.Command]) -> None:
    state, events = told(deal.initial("deal-1734"), *seen)
    noticed = [event.entry.history_id for event in events if isinstance(event, deal.StageNoticed)]
    assert len(noticed) == len(set(noticed))
    assert set(noticed) <= state.entries.keys()


def test_entries_before_activation_are_left_alone() -> None:
    """R1."""
    _, events = told(deal.initial("deal-1734"), deal.ObserveStage(snapshot(), ENTRIES[0], CONFIG))
    assert events == []


def test_a_stage_of_a_funnel_that_is_not_configured_says_nothing() -> None:
    _, events = told(deal.initial("deal-1734"), deal.ObserveStage(snapshot(), ENTRIES[6], CONFIG))
    assert events == []


def test_a_stage_that_asks_for_nothing_is_only_noted() -> None:
    for stage in ("NEW", "UC_NOBODY_KNOWS_IT"):
        _, events = told(deal.initial("deal-1734"), deal.ObserveStage(snapshot(), entry(8, stage), CONFIG))
        assert [type(event).__name__ for event in events] == ["StageEntered"]


def test_a_step_that_is_off_asks_for_nothing_and_is_not_made_up_for() -> None:
    off = CONFIG.model_copy(update={"settings": SETTINGS.model_copy(update={"steps": Steps(invoice=False)})})
    state, events = told(deal.initial("deal-1734"), deal.ObserveStage(snapshot(), ENTRIES[2], off))
    assert [type(event).__name__ for event in events] == ["StageEntered"]
    _, later = told(state, deal.ObserveStage(snapshot(), ENTRIES[2], CONFIG))
    assert later == []


def test_without_a_seller_or_with_several_a_person_is_told() -> None:
    for sellers, code in (((), "seller_missing"), ((SELLER, SELLER), "seller_unclear")):
        config = CONFIG.model_copy(update={"settings": SETTINGS.model_copy(update={"sellers": sellers})})
        _, events = told(deal.initial("deal-1734"), deal.ObserveStage(snapshot(), ENTRIES[2], config))
        failed = events[-1]
        assert isinstance(failed, deal.RequestFailed)
        assert failed.reasons[0].code == code


def test_a_trigger_that_failed_says_which_document_it_asked_for() -> None:
    nobody = CONFIG.model_copy(update={"settings": SETTINGS.model_copy(update={"sellers": ()})})
    for one, kind in ((ENTRIES[2], "invoice"), (ENTRIES[4], "act")):
        state, events = told(deal.initial("deal-1734"), deal.ObserveStage(snapshot(), one, nobody))
        (said,) = published_of_deal(Recorded(TenantId("vektor"), state.stream, 2, events[-1], NOW), state)
        assert isinstance(said.body, RequestImpossible)
        assert said.body.kind == kind


def test_a_trigger_that_failed_is_made_up_for_by_the_stage_entered_again_alone() -> None:
    nobody = CONFIG.model_copy(update={"settings": SETTINGS.model_copy(update={"sellers": ()})})
    state, _ = told(deal.initial("deal-1734"), deal.ObserveStage(snapshot(), ENTRIES[2], nobody))
    changed = deal.ObserveContent(snapshot("200.00"), SETTINGS)
    state, events = told(state, changed, deal.ObserveStage(snapshot("200.00"), ENTRIES[2], CONFIG))
    assert events == []
    _, events = told(state, deal.ObserveStage(snapshot("200.00"), ENTRIES[5], CONFIG))
    assert requests(events) == {deal.request_id("bitrix24:vektor", "1734", "6", "invoice")}


def test_a_deal_with_too_many_rows_is_told_once_and_asked_for_when_they_are_fewer() -> None:
    long = snapshot(lines=(), opportunity_kopecks=90_000)
    stage = deal.ObserveStage(long, ENTRIES[2], CONFIG, oversized=True)
    content = deal.ObserveContent(long, SETTINGS, 1, oversized=True)
    state, events = told(deal.initial("deal-1734"), content, stage, content, stage)
    (failed,) = (event for event in events if isinstance(event, deal.RequestFailed))
    assert ([reason.code for reason in failed.reasons], failed.kind) == (["deal_too_long"], "invoice")
    assert requests(events) == set()
    mended = deal.ObserveContent(snapshot(), SETTINGS, 2)
    off = deal.ObserveContent(snapshot(), SETTINGS.model_copy(update={"steps": Steps(invoice=False)}), 2)
    state, events = told(state, deal.ObserveContent(snapshot(lost=True), SETTINGS, 2), off)
    assert events == []
    state, events = told(state, mended, mended)
    (made,) = events
    assert isinstance(made, deal.RequestMade)
    assert (made.request_id, made.triggered_at) == (failed.request_id, ENTRIES[2].entered_at)
    assert (made.deal, made.config_version) == (snapshot(), 2)


def test_of_a_deal_that_was_too_long_twice_the_newest_request_is_made() -> None:
    again = (deal.ObserveStage(snapshot(), one, CONFIG, oversized=True) for one in (ENTRIES[2], ENTRIES[5]))
    state, _ = told(deal.initial("deal-1734"), *again)
    _, events = told(state, deal.ObserveContent(snapshot(), SETTINGS, 1))
    assert requests(events) == {deal.request_id("bitrix24:vektor", "1734", "6", "invoice")}


def test_a_change_matters_only_after_a_request_and_only_when_a_document_would_show_it() -> None:
    state, events = told(deal.initial("deal-1734"), deal.ObserveContent(snapshot("200.00"), SETTINGS))
    assert events == []
    state, _ = told(state, deal.ObserveStage(snapshot(), ENTRIES[2], CONFIG))
    state, events = told(state, deal.ObserveContent(snapshot(title="Другое имя", stage_id="WON"), SETTINGS))
    assert events == []
    state, events = told(state, deal.ObserveContent(snapshot("200.00"), SETTINGS))
    assert isinstance(events[0], deal.ContentChanged)
    _, events = told(state, deal.ObserveContent(snapshot("200.00"), SETTINGS))
    assert events == []


def test_a_deal_that_went_and_came_back_is_told_both_times() -> None:
    state, _ = told(deal.initial("deal-1734"), deal.ObserveStage(snapshot(), ENTRIES[2], CONFIG))
    state, events = told(state, deal.ObserveGone("1734"), deal.ObserveGone("1734"))
    assert [type(event).__name__ for event in events] == ["DealGone"]
    _, events = told(state, deal.ObserveContent(snapshot(), SETTINGS))
    assert [type(event).__name__ for event in events] == ["ContentChanged"]


def test_a_deal_that_is_lost_and_regained_is_told_both_times() -> None:
    state, _ = told(deal.initial("deal-1734"), deal.ObserveStage(snapshot(), ENTRIES[2], CONFIG))
    lost = deal.ObserveContent(snapshot(lost=True), SETTINGS)
    state, events = told(state, lost, lost)
    assert [event.deal.lost for event in events if isinstance(event, deal.ContentChanged)] == [True]
    _, events = told(state, deal.ObserveContent(snapshot(), SETTINGS))
    assert [event.deal.lost for event in events if isinstance(event, deal.ContentChanged)] == [False]


def test_a_deal_that_nobody_asked_about_goes_silently() -> None:
    _, events = told(deal.initial("deal-1734"), deal.ObserveGone("1734"))
    assert events == []


def test_a_persons_words_move_the_sum_and_the_reference_to_them_does_not() -> None:
    person = Buyer(crm_kind="contact", crm_id="3", kind="person", subject_ref="vektor/1")
    one, other = snapshot(buyer=person), snapshot(buyer=person.model_copy(update={"subject_ref": "vektor/2"}))
    assert content_hash(one, ("name=Анна",)) == content_hash(other, ("name=Анна",))
    assert content_hash(one, ("name=Анна",)) != content_hash(one, ("name=Инна",))


def _applied(state: portal.State, command: portal.Command, now: datetime = NOW) -> portal.State:
    decided = portal.decide(state, command, now)
    assert not isinstance(decided, Refused)
    for event in decided:
        state = portal.evolve(state, event)  # type: ignore[arg-type]  # the events of this stream
    return state


def test_a_trigger_that_is_added_later_never_reaches_back() -> None:
    state = _applied(portal.initial(portal.STREAM), portal.ApplyTenant(SETTINGS))
    funnel = SETTINGS.funnels[0].model_copy(update={"issue_invoice": ("PREPAYMENT_INVOICE", "EXECUTING")})
    wider = SETTINGS.model_copy(update={"funnels": (funnel,)})
    state = _applied(state, portal.ApplyTenant(wider))
    assert state.config is not None
    assert state.config.since("0", "invoice", "PREPAYMENT_INVOICE") == ACTIVATED
    assert state.config.since("0", "invoice", "EXECUTING") == NOW
    _, events = told(deal.initial("deal-1734"), deal.ObserveStage(snapshot(), ENTRIES[3], state.config))
    assert requests(events) == set()


def test_an_earlier_activation_counts_for_the_triggers_of_the_first_file() -> None:
    state = _applied(portal.initial(portal.STREAM), portal.ApplyTenant(SETTINGS))
    earlier = SETTINGS.model_copy(update={"activated_at": ACTIVATED - timedelta(days=10)})
    state = _applied(state, portal.ApplyTenant(earlier))
    assert state.config is not None
    _, events = told(deal.initial("deal-1734"), deal.ObserveStage(snapshot(), ENTRIES[0], state.config))
    assert len(requests(events)) == 1


def test_the_same_file_again_is_no_event_and_every_change_is_a_version() -> None:
    state = _applied(portal.initial(portal.STREAM), portal.ApplyTenant(SETTINGS))
    assert _applied(state, portal.ApplyTenant(SETTINGS)) == state
    renamed = _applied(state, portal.ApplyTenant(SETTINGS.model_copy(update={"name": "Вектор+"})))
    assert (state.version, renamed.version) == (1, 2)
    assert _applied(renamed, portal.ApplyTenant(renamed.config.settings, ("bitrix24:vektor",))).version == 3  # type: ignore[union-attr]


def test_a_suspended_tenant_stays_so_until_it_is_resumed_and_a_removed_one_comes_back_by_its_file() -> None:
    state = _applied(portal.initial(portal.STREAM), portal.ApplyTenant(SETTINGS))
    state = _applied(state, portal.SuspendTenant())
    state = _applied(state, portal.ApplyTenant(SETTINGS.model_copy(update={"name": "Вектор+"})))
    assert state.status == "suspended"
    state = _applied(state, portal.ResumeTenant())
    assert state.status == "active"
    state = _applied(state, portal.RemoveTenant())
    assert isinstance(portal.decide(state, portal.ResumeTenant(), NOW), Refused)
    assert _applied(state, portal.ApplyTenant(SETTINGS)).status == "active"


def test_nothing_can_be_done_with_a_tenant_that_nobody_applied() -> None:
    assert isinstance(portal.decide(portal.initial(portal.STREAM), portal.SuspendTenant(), NOW), Refused)
