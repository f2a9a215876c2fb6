"""One trace leads from what happened outside to what is written into the CRM, through every service on the way."""

from itertools import pairwise
from typing import Final

import pytest

from tests.e2e.conftest import Installation, Portal
from tests.e2e.traces import Trace, Traces

pytestmark = [pytest.mark.parts, pytest.mark.timeout(400)]

EXPORT_SECONDS_MAX: Final = 20
TO_THE_LINK: Final = (
    "ingest: POST /hooks",
    "ingest: task read-deal",
    "ingest: send deals",
    "counterparty: process deals",
    "counterparty: task link-buyer",
    "counterparty: task find-counterparty",
    "counterparty: effect create-counterparty",
    "counterparty: task answer-link",
    "counterparty: send counterparties",
    "invoicing: process counterparties",
)
FROM_THE_INVOICE: Final = (
    "invoicing: effect create-invoice",
    "invoicing: send documents",
    "notifier: process documents",
    "notifier: effect crm-write",
    "notifier: POST bitrix24.write",
)
SIDEWAYS: Final = {
    ("ingest: task read-deal", "ingest: POST bitrix24.read_deal"),
    ("counterparty: task find-counterparty", "counterparty: GET elba.find_counterparty"),
    ("counterparty: effect create-counterparty", "counterparty: POST elba.create_counterparty"),
    ("ingest: send deals", "invoicing: process deals"),
    ("ingest: send deals", "notifier: process deals"),
    ("invoicing: effect create-invoice", "invoicing: POST elba.create_invoice"),
    ("invoicing: effect create-invoice", "invoicing: task fetch-pdf"),
    ("invoicing: task fetch-pdf", "invoicing: GET elba.invoice_pdf"),
    ("invoicing: send documents", "payments: process documents"),
    ("payments: process documents", "payments: send payments"),
    ("payments: send payments", "notifier: process payments"),
    ("notifier: effect crm-write", "notifier: send crm-updates"),
}
FROM_THE_PAYMENT: Final = (
    "payments: task poll-payments",
    "payments: task reread-payments",
    "payments: send payments",
    "notifier: process payments",
    "notifier: effect crm-write",
    "notifier: POST bitrix24.write",
)


def test_one_trace_leads_from_the_webhook_to_what_is_written(installation: Installation, traces: Traces) -> None:
    portal = installation.portal()
    company, _ = portal.company()
    deal = portal.deal(company=company)
    installation.settle()
    portal.move(deal)
    installation.settle()
    wanted = set(pairwise(TO_THE_LINK)) | set(pairwise(FROM_THE_INVOICE)) | SIDEWAYS
    trace = whole(installation, traces, portal, "invoicing: effect create-invoice", wanted)
    (invoice,) = trace.named(FROM_THE_INVOICE[0])
    # The request and the link come in any order; the later one orders the invoice.
    ways = ([*TO_THE_LINK], [*TO_THE_LINK[:3], "invoicing: process deals"])
    assert trace.path(invoice) in [[*way, FROM_THE_INVOICE[0]] for way in ways]
    (root,) = [span for span in trace.spans.values() if not span.parent_id]
    assert str(root) == "ingest: POST /hooks"


def test_one_trace_leads_from_the_poll_that_saw_a_payment_to_what_is_written(
    installation: Installation, traces: Traces
) -> None:
    portal = installation.portal()
    company, _ = portal.company()
    deal = portal.deal(company=company)
    portal.move(deal)
    installation.settle()
    portal.pay(deal)
    installation.settle()
    trace = whole(installation, traces, portal, FROM_THE_PAYMENT[0], set(pairwise(FROM_THE_PAYMENT)))
    (poll,) = trace.named(FROM_THE_PAYMENT[0])
    assert trace.path(poll) == [FROM_THE_PAYMENT[0]], "each pass begins a trace"
    assert any(trace.path(write) == [*FROM_THE_PAYMENT] for write in trace.named(FROM_THE_PAYMENT[-1]))


def whole(installation: Installation, traces: Traces, portal: Portal, span: str, wanted: set[tuple[str, str]]) -> Trace:
    """The tenant's only trace with this span that has the wanted edges and lacks no parent; exporters take seconds."""

    def found() -> list[Trace]:
        candidates = traces.with_span(span, portal.slug)
        return [trace for trace in candidates if wanted <= trace.edges() and not trace.orphans()]

    try:
        installation.until("the whole trace", found, EXPORT_SECONDS_MAX)
    except AssertionError:
        nearest = min(traces.with_span(span, portal.slug), key=lambda one: len(wanted - one.edges()), default=Trace())
        pytest.fail(f"missing: {wanted - nearest.edges()}; without a parent: {nearest.orphans()}")
    (trace,) = found()
    return trace
