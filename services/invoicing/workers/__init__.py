"""Calls to the accounting service, as effects and tasks of a deal's documents."""

from chassis.blobs import Blobs
from chassis.clock import Clock
from chassis.work.handlers import EffectHandler, Permits, TaskHandler
from connectors.ports.edi import Edi
from connectors.ports.whole import WholeAccounting
from connectors.registry import VendorOf
from services.invoicing.store import DocumentStore
from services.invoicing.workers.cancels import CheckCancel, HideVoid
from services.invoicing.workers.edi import BeginEdi, EdiDeadline, FetchEdiFiles, InvitePartner, PostEdi, PrepareEdi
from services.invoicing.workers.edi_following import FollowPartner, LookAtEdi, PollEdi
from services.invoicing.workers.effects import CancelInvoice, CreateAct, CreateInvoice, MappedItems
from services.invoicing.workers.goods import ListGoods, TellGoods
from services.invoicing.workers.reviews import DrawDraft, FollowReview
from services.invoicing.workers.tasks import (
    LINK_TRIES_MAX,
    PDF_REFUSALS_MAX,
    AdoptDocument,
    FetchPdf,
    KnownDocuments,
    Papers,
    RequestDeadline,
    WatchDuplicates,
)

__all__ = [
    "LINK_TRIES_MAX",
    "PDF_REFUSALS_MAX",
    "AdoptDocument",
    "CancelInvoice",
    "CheckCancel",
    "CreateAct",
    "CreateInvoice",
    "DrawDraft",
    "FetchPdf",
    "FollowReview",
    "HideVoid",
    "KnownDocuments",
    "Papers",
    "RequestDeadline",
    "WatchDuplicates",
    "edi_handlers",
    "handlers",
]


def handlers(
    vendor_of: VendorOf,
    accounting: WholeAccounting,
    blobs: Blobs,
    papers: Papers,
    items: MappedItems,
    known: KnownDocuments,
    permits: Permits,
    clock: Clock,
) -> tuple[tuple[EffectHandler, ...], tuple[TaskHandler, ...]]:
    """All effect handlers and task handlers of the service, with the policies of each account's vendor."""
    return (
        (
            CreateInvoice(accounting, vendor_of, items, permits, clock),
            CreateAct(accounting, vendor_of, items, permits, clock),
            CancelInvoice(accounting, vendor_of, clock),
        ),
        (
            FetchPdf(vendor_of, accounting, blobs, papers),
            AdoptDocument(accounting, known),
            RequestDeadline(),
            WatchDuplicates(vendor_of, accounting, clock),
            FollowReview(accounting, clock),
            DrawDraft(blobs, papers),
            CheckCancel(accounting),
            HideVoid(vendor_of, accounting),
            ListGoods(),
            TellGoods(),
        ),
    )


def edi_handlers(
    operator: Edi, blobs: Blobs, store: DocumentStore, clock: Clock
) -> tuple[tuple[EffectHandler, ...], tuple[TaskHandler, ...]]:
    """All effect handlers and task handlers of acts that are exchanged electronically."""
    return (
        (InvitePartner(operator), PostEdi(operator, blobs)),
        (
            BeginEdi(),
            PrepareEdi(operator, blobs),
            FollowPartner(operator, clock),
            PollEdi(operator, store, clock),
            LookAtEdi(operator, clock),
            FetchEdiFiles(operator, blobs),
            EdiDeadline(),
        ),
    )
