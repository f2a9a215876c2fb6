"""Read rows of a deal's documents: what lists, searches and cards show; each a function of one stream."""

from collections.abc import Sequence

from chassis.aggregate import ReadRow
from chassis.cards import card_rows
from services.invoicing.domain import State, edi


def projected(stream: str, state: State) -> Sequence[ReadRow]:
    """All read rows of a deal's stream."""
    deal_id = stream.partition("-")[2]
    documents = [
        ReadRow(
            "documents",
            {"document_id": document.document_id},
            {
                "deal_id": deal_id,
                "kind": document.kind,
                "revision": document.revision,
                "phase": document.phase,
                "number": document.issued.number if document.issued else "",
                "remote_id": document.issued.remote_id if document.issued else "",
                "total_kopecks": document.draft.total_kopecks if document.draft else None,
                "blob": document.blob,
            },
        )
        for document in state.documents.values()
    ]
    return (*documents, *card_rows(stream, state.cards))


def projected_edi(stream: str, state: edi.State) -> Sequence[ReadRow]:
    """All read rows of a deal's exchanges."""
    exchanges = [
        ReadRow(
            "edi_documents",
            {"document_id": document_id},
            {
                "deal_id": one.order.deal_id,
                "account": one.order.account,
                "message_id": one.message_id,
                "phase": one.phase,
                "status": one.status,
            },
        )
        for document_id, one in state.exchanges.items()
    ]
    return (*exchanges, *card_rows(stream, state.cards))
