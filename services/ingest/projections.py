"""Read rows of deals and tenants; each a function of one stream."""

from collections.abc import Sequence

from chassis import tenants
from chassis.aggregate import ReadRow
from chassis.values.orders import OrderId
from services.ingest.domain import deal, order, portal


def projected_deal(stream: str, state: deal.State) -> Sequence[ReadRow]:
    """The deal's row, and one row for each entry of its stage history."""
    deal_id = stream.partition("-")[2]
    entries = [
        ReadRow(
            "stage_entries",
            {"history_id": int(entry.history_id)},
            {
                "deal_id": deal_id,
                "category_id": entry.category_id,
                "stage_id": entry.stage_id,
                "entered_at": entry.entered_at.isoformat(),
                "observed": entry.history_id in state.entered,
            },
        )
        for entry in state.entries.values()
    ]
    seen = state.deal
    buyer = None if seen is None else seen.buyer
    row = {
        "requested": state.requested or bool(state.too_long),
        "gone": state.gone,
        "title": seen.title if seen else "",
        "category_id": seen.category_id if seen else "",
        "stage_id": seen.stage_id if seen else "",
        "content_hash": seen.content_hash if seen else "",
        "crm_kind": buyer.crm_kind if buyer else "",
        "crm_id": buyer.crm_id if buyer else "",
        "requisite_id": buyer.requisite_id if buyer else "",
        "inn": buyer.inn if buyer else "",
        "kpp": buyer.kpp if buyer else "",
        "subject_ref": buyer.subject_ref if buyer else "",
    }
    return (ReadRow("deals", {"deal_id": deal_id}, row), *entries)


def projected_order(stream: str, state: order.State) -> Sequence[ReadRow]:
    """The order's row; its buyer's data is known once a document was asked for."""
    deal_id = stream.partition("-")[2]
    named, seen = OrderId.parse(deal_id), state.deal
    assert named is not None, "an order's stream is named by its id"
    buyer = None if seen is None else seen.buyer
    row = {
        "shop_id": named.shop,
        "order_id": named.order,
        "number": seen.order.number if seen and seen.order else "",
        "version": state.version,
        "requested": seen is not None,
        "gone": state.gone,
        "content_hash": seen.content_hash if seen else "",
        "subject_ref": buyer.subject_ref if buyer else "",
    }
    return (ReadRow("shop_orders", {"deal_id": deal_id}, row),)


def projected_portal(stream: str, state: portal.State) -> Sequence[ReadRow]:
    """The tenant's row, which also tells the work runner for whom nothing new is begun."""
    if state.config is None:
        return ()
    config = state.config.model_dump(mode="json")
    values = {
        "status": state.status,
        "version": state.version,
        "settings": config,
        "retry": config["settings"]["retry"],
    }
    return (ReadRow(tenants.TABLE, {}, values),)
