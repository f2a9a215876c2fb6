"""The only bridge from private events of deals, statement files, callbacks and tenants to public messages."""

from collections.abc import Sequence

from chassis.aggregate import PublicMessage, Recorded
from contracts import topics
from contracts.messages import ingest
from contracts.messages import values as wire
from services.ingest.domain import callback, deal, order, portal, requisite, statement
from services.ingest.domain.values import Effective, Reason, Settings, Snapshot


def published_of_deal(recorded: Recorded, state: deal.State | order.State) -> Sequence[PublicMessage]:
    """What is said of a deal, or of an order, which is one to all others."""
    event = recorded.event
    match event:
        case deal.StageEntered():
            entry = event.entry
            entered = ingest.DealStageChanged(
                deal_id=event.deal_id,
                history_id=entry.history_id,
                category_id=entry.category_id,
                stage_id=entry.stage_id,
                entered_at=entry.entered_at,
            )
            return (_said(entered),)
        case deal.RequestMade():
            message = ingest.InvoiceRequested if event.kind == "invoice" else ingest.ActRequested
            requested = message(
                request_id=event.request_id,
                source="stage" if event.deal.order is None else "shop",
                deal=_deal(event.deal),
                settings=_effective(event.settings),
                triggered_at=event.triggered_at,
                config_version=event.config_version,
            )
            return (_said(requested),)
        case deal.RequestFailed():
            impossible = ingest.RequestImpossible(
                deal_id=event.deal_id,
                request_id=event.request_id,
                reasons=_reasons(event.reasons),
                responsible_id=event.responsible_id,
                kind=event.kind,
            )
            return (_said(impossible),)
        case deal.ContentChanged():
            changed = ingest.DealChanged(
                deal_id=event.deal.deal_id,
                deal=_deal(event.deal),
                settings=None if event.settings is None else _effective(event.settings),
            )
            return (_said(changed),)
        case deal.DealGone():
            return (_said(ingest.DealChanged(deal_id=event.deal_id, deleted=True)),)
        case _:
            return ()


def published_of_requisite(recorded: Recorded, state: requisite.State) -> Sequence[PublicMessage]:
    """The requisites as they stand now."""
    seen = recorded.event
    assert isinstance(seen, requisite.RequisiteSeen), "a stream of requisites has one kind of event"
    changed = ingest.CompanyChanged(
        **seen.card.model_dump(),
        previous_inn=seen.previous_inn,
        fill=seen.fill,
        registers=tuple(wire.Register.model_validate(one.model_dump()) for one in seen.registers),
    )
    return (PublicMessage(topics.COMPANIES, changed),)


def published_of_statement(recorded: Recorded, state: statement.State) -> Sequence[PublicMessage]:
    """A file that was taken; who reads it fetches its bytes."""
    taken = recorded.event
    assert isinstance(taken, statement.StatementTaken), "a statement's stream has one kind of event"
    received = ingest.StatementReceived(
        statement_id=taken.statement_id,
        blob=taken.blob,
        file_name=taken.file_name,
        size_bytes=taken.size_bytes,
        received_at=taken.received_at,
        source=taken.source,
    )
    return (PublicMessage(topics.STATEMENTS, received),)


def published_of_callback(recorded: Recorded, state: callback.State) -> Sequence[PublicMessage]:
    """What an accounting service told of."""
    taken = recorded.event
    assert isinstance(taken, callback.CallbackTaken), "a callback's stream has one kind of event"
    called = ingest.AccountingCalled(
        account=taken.account, event=taken.name, kind=taken.kind, object_id=taken.object_id
    )
    return (PublicMessage(topics.CALLBACKS, called),)


def published_of_portal(recorded: Recorded, state: portal.State) -> Sequence[PublicMessage]:
    """The whole state of the tenant after each change of it; how its portal is connected is nobody else's business."""
    if state.config is None or isinstance(recorded.event, portal.PortalConnected | portal.PortalLost):
        return ()
    said = ingest.TenantState(
        status=state.status, version=state.version, settings=tenant_settings(state.config.settings)
    )
    return (PublicMessage(topics.TENANTS, said),)


def tenant_settings(settings: Settings) -> wire.TenantSettings:
    """A tenant's settings as other services know them."""
    return wire.TenantSettings.model_validate(settings.model_dump())


def _said(body: object) -> PublicMessage:
    return PublicMessage(topics.DEALS, body)


def _deal(snapshot: Snapshot) -> wire.DealSnapshot:
    return wire.DealSnapshot.model_validate(snapshot.model_dump())


def _effective(settings: Effective) -> wire.EffectiveSettings:
    return wire.EffectiveSettings.model_validate(settings.model_dump())


def _reasons(reasons: Sequence[Reason]) -> tuple[wire.Reason, ...]:
    return tuple(wire.Reason(code=reason.code, values=reason.values) for reason in reasons)
