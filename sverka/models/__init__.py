"""The documents that commands print with `--json`, each with a generated JSON Schema."""

from sverka.models.base import Document
from sverka.models.demo import DemoDocument
from sverka.models.goods import GoodsDocument, GoodsItem
from sverka.models.operations import (
    ChangedDocument,
    DeadDocument,
    DeadLetter,
    Decision,
    DecisionsDocument,
    ReplayDocument,
    Replayed,
    RepublishDocument,
    WorkDocument,
    WorkItem,
)
from sverka.models.statements import StatementFile, StatementProblem, StatementsDocument
from sverka.models.status import ServiceStatus, StatusDocument
from sverka.models.story import StoryDocument, StoryLine
from sverka.models.syncs import SellerSync, SyncDocument, SyncItem, SyncOutcomes
from sverka.models.tenants import (
    AppliedDocument,
    Change,
    Check,
    ChecksDocument,
    TenantsDocument,
    TenantSummary,
    TenantView,
)
from sverka.models.version import KafkaVersion, PostgresVersion, VersionDocument

DOCUMENTS: dict[str, type[Document]] = {
    "status": StatusDocument,
    "version": VersionDocument,
    "deal-show": StoryDocument,
    "tenant-apply": AppliedDocument,
    "tenant-list": TenantsDocument,
    "tenant-show": TenantView,
    "tenant-check": ChecksDocument,
    "tenant-suspend": TenantSummary,
    "tenant-resume": TenantSummary,
    "tenant-remove": TenantSummary,
    "work-list": WorkDocument,
    "work-show": WorkItem,
    "work-retry": WorkItem,
    "dead-list": DeadDocument,
    "dead-show": DeadLetter,
    "dead-replay": ReplayDocument,
    "dead-discard": DeadLetter,
    "deal-cancel": ChangedDocument,
    "deal-repeat": ChangedDocument,
    "decide-list": DecisionsDocument,
    "decide-show": Decision,
    "decide-take": Decision,
    "goods-list": GoodsDocument,
    "goods-map": ChangedDocument,
    "republish": RepublishDocument,
    "statements-put": StatementFile,
    "statements-list": StatementsDocument,
    "statements-show": StatementFile,
    "sync": SyncDocument,
    "demo": DemoDocument,
}

__all__ = [
    "DOCUMENTS",
    "AppliedDocument",
    "Change",
    "ChangedDocument",
    "Check",
    "ChecksDocument",
    "DeadDocument",
    "DeadLetter",
    "Decision",
    "DecisionsDocument",
    "DemoDocument",
    "Document",
    "GoodsDocument",
    "GoodsItem",
    "KafkaVersion",
    "PostgresVersion",
    "ReplayDocument",
    "Replayed",
    "RepublishDocument",
    "SellerSync",
    "ServiceStatus",
    "StatementFile",
    "StatementProblem",
    "StatementsDocument",
    "StatusDocument",
    "StoryDocument",
    "StoryLine",
    "SyncDocument",
    "SyncItem",
    "SyncOutcomes",
    "TenantSummary",
    "TenantView",
    "TenantsDocument",
    "VersionDocument",
    "WorkDocument",
    "WorkItem",
]
