"""The services' reads across streams, over read rows in memory in place of SQL."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis.blobs import BlobRef, Blobs
from chassis.clock import Clock
from chassis.ids import TenantId
from chassis.subjects import SubjectRef, Subjects
from chassis.tenants import STREAM, TenantDirectory, TenantView
from chassis.work.plans import PlannedWork
from services.counterparty.domain import party
from services.counterparty.store import PartyStore
from services.ingest.domain import deal
from services.ingest.domain.values import Config
from services.ingest.store.deals import DealStore, KnownDeal, Reading, Tenant
from services.invoicing.domain.values import Issued
from services.notifier import store as notifier
from services.notifier.domain import deal as told
from services.payments.store import InvoiceRow, KnownRow, PaymentStore, UnmatchedRow, Waiting
from tests.simulation.memory import Memory, as_stored

Plan = Callable[[Sequence[PlannedWork]], None]


class MemoryBlobs(Blobs):
    """Documents by content."""

    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}

    async def put(self, tenant: TenantId, data: bytes) -> BlobRef:
        """Kept for the run."""
        reference = BlobRef(tenant, hashlib.sha256(data).hexdigest(), len(data))
        self._held[str(reference)] = data
        return reference

    async def get(self, reference: BlobRef) -> bytes:
        """The bytes."""
        return self._held[str(reference)]


class MemorySubjects(Subjects):
    """People's data, in the clear; references count, so that runs of one seed are equal."""

    def __init__(self) -> None:
        self._held: dict[str, dict[str, Any]] = {}

    async def keep(self, tenant: TenantId, data: Mapping[str, Any]) -> SubjectRef:
        """Under a reference of its own every time, as the real one."""
        reference = SubjectRef(tenant, f"{len(self._held):032x}")
        self._held[str(reference)] = dict(data)
        return reference

    async def read(self, reference: SubjectRef) -> dict[str, Any]:
        """What was kept."""
        return self._held[str(reference)]


class MemoryDirectory(TenantDirectory):
    """Tenants as a service's own stream of them says."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def view(self, tenant: TenantId) -> TenantView:
        """The newest state that this service has seen."""
        view = self._memory.state(tenant, STREAM)
        assert isinstance(view, TenantView)
        return view


class MemoryParties(PartyStore):
    """Parties by their streams."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def party(self, tenant: TenantId, stream: str) -> party.State:
        """The folded state."""
        state = self._memory.state(tenant, stream)
        assert isinstance(state, party.State)
        return state

    async def holder(self, tenant: TenantId, account: str, remote_id: str) -> str:
        """Whose record it is."""
        for (of_tenant, *_), row in self._memory.table("links").items():
            if (of_tenant, row["account"], row["remote_id"], row["phase"]) == (tenant, account, remote_id, "linked"):
                return str(row["party"])
        return ""


class MemoryTold(notifier.DealStore):
    """What deals were told, by their streams."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def settled(self, tenant: TenantId, deal_id: str) -> bool:
        """As the newest balance says."""
        settled: bool = self._memory.state(tenant, f"{told.PREFIX}-{deal_id}").settled
        return settled


class MemoryDocuments:
    """Documents by their read rows; every tenant here has one account."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def deal_of_record(self, tenant: TenantId, account: str, issued: Issued, *, but_for: str) -> str:
        """The deal of another document that a record is."""
        for (of_tenant, *_), row in self._memory.table("documents").items():
            if of_tenant == tenant and row["remote_id"] == issued.remote_id and row["document_id"] != but_for:
                return str(row["deal_id"])
        return ""


class MemoryPayments(PaymentStore):
    """Invoices and operations by their read rows."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def invoices(self, tenant: TenantId, account: str, remote_ids: Collection[str]) -> dict[str, InvoiceRow]:
        """Our invoices by the vendor's ids."""
        return {
            row["remote_id"]: _invoice(row)
            for (of_tenant, *_), row in self._memory.table("invoices").items()
            if of_tenant == tenant and row["account"] == account and row["remote_id"] in remote_ids
        }

    async def invoice(self, tenant: TenantId, invoice_id: str) -> InvoiceRow | None:
        """One invoice by our id."""
        row = self._memory.table("invoices").get((tenant, invoice_id))
        return None if row is None else _invoice(row)

    async def known(
        self, tenant: TenantId, account: str, operation_ids: Collection[str]
    ) -> dict[str, tuple[KnownRow, ...]]:
        """For which invoices operations count now."""
        found: dict[str, tuple[KnownRow, ...]] = {}
        invoices = self._memory.table("invoices")
        for (of_tenant, *_), row in self._memory.table("counted_payments").items():
            if of_tenant != tenant or row["account"] != account or row["revoked"]:
                continue
            if row["operation_id"] in operation_ids:
                stream = invoices[tenant, row["invoice_id"]]["stream"]
                known = KnownRow(row["invoice_id"], stream, row["digest"])
                found[row["operation_id"]] = (*found.get(row["operation_id"], ()), known)
        return found

    async def unmatched(self, tenant: TenantId, streams: Collection[str]) -> dict[str, UnmatchedRow]:
        """What is listed as belonging to no invoice."""
        table = self._memory.table("unmatched_operations")
        rows = {stream: table[tenant, stream] for stream in streams if (tenant, stream) in table}
        return {
            stream: UnmatchedRow(
                row["remote_invoice"], row["signed_kopecks"], date.fromisoformat(row["operation_date"])
            )
            for stream, row in rows.items()
        }

    async def waiting(self, tenant: TenantId, invoice_id: str, since: date) -> Waiting:
        """What came before an invoice; there are no statements."""
        invoice = self._memory.table("invoices")[tenant, invoice_id]
        listed = {
            stream: row
            for (of_tenant, stream), row in self._memory.table("unmatched_operations").items()
            if of_tenant == tenant and row["account"] == invoice["account"]
        }
        rest = invoice["total_kopecks"] - invoice["paid_kopecks"]
        loose = [
            stream
            for stream, row in sorted(listed.items())
            if not row["remote_invoice"] and row["signed_kopecks"] > 0 and not row["ours"]
            if row["operation_date"] >= since.isoformat()
            if row["signed_kopecks"] == rest or (row["payer_inn"] and row["payer_inn"] == invoice["buyer_inn"])
        ]
        return Waiting(any(row["remote_invoice"] == invoice["remote_id"] for row in listed.values()), tuple(loose))

    async def unmatched_shares(self, tenant: TenantId, account: str, operations: Collection[str]) -> frozenset[str]:
        """This vendor has no shares."""
        return frozenset()

    async def waited_for(
        self, tenant: TenantId, account: str, inns: Collection[str], sums: Collection[int]
    ) -> tuple[frozenset[str], frozenset[int]]:
        """Buyers and rests of unpaid invoices."""
        rows = [
            row
            for (of_tenant, *_), row in self._memory.table("invoices").items()
            if of_tenant == tenant and row["account"] == account and row["status"] in ("issued", "partially_paid")
        ]
        rests = {row["total_kopecks"] - row["paid_kopecks"] for row in rows}
        return frozenset(row["buyer_inn"] for row in rows) & set(inns) - {""}, frozenset(rests & set(sums))


def _invoice(row: Mapping[str, Any]) -> InvoiceRow:
    is_open = row["status"] in ("issued", "partially_paid")
    due = date.fromisoformat(row["due_date"])
    paid, doubted, number = row["paid_kopecks"], row["doubted"], row["number"]
    return InvoiceRow(row["invoice_id"], row["stream"], row["remote_id"], due, is_open, paid, doubted, number)


class MemoryDeals(DealStore):
    """Deals and stage entries by their read rows, and when each deal was read last."""

    def __init__(self, memory: Memory, plan: Plan, clock: Clock) -> None:
        self._memory = memory
        self._plan = plan
        self._clock = clock
        self._reads: dict[tuple[TenantId, str], tuple[datetime, datetime | None]] = {}
        self._configs: dict[tuple[TenantId, int], Config] = {}

    async def tenant(self, tenant: TenantId) -> Tenant:
        """The tenant as it is now."""
        row = self._memory.table("tenant_states").get((tenant,))
        if row is None:
            return Tenant("active", 0, None)
        key = (tenant, row["version"])
        if key not in self._configs:
            self._configs[key] = Config.model_validate(as_stored(row["settings"]))
        return Tenant(row["status"], row["version"], self._configs[key])

    async def known(self, tenant: TenantId, deal_id: str, work_id: UUID) -> KnownDeal:
        """All that reading a deal needs to know beforehand."""
        row = self._memory.table("deals").get((tenant, deal_id))
        entries = [
            entry
            for (of_tenant, *_), entry in self._memory.table("stage_entries").items()
            if of_tenant == tenant and entry["deal_id"] == deal_id
        ]
        return KnownDeal(
            tenant=await self.tenant(tenant),
            requested=row is not None and row["requested"],
            gone=row is not None and row["gone"],
            content_hash="" if row is None else row["content_hash"],
            subject_ref="" if row is None else row["subject_ref"],
            observed=frozenset(str(entry["history_id"]) for entry in entries if entry["observed"]),
            noticed=tuple(_entry(entry) for entry in entries if not entry["observed"]),
            unread_upto=0,
        )

    async def mark_read(
        self, tenant: TenantId, work_id: UUID, upto: int, now: datetime, reading: Reading | None = None
    ) -> None:
        """The newest change that was seen of a deal, and the last of its buyer; webhooks are not kept here."""
        if reading is not None:
            before = self._reads.get((tenant, reading.deal_id), (reading.updated_at, None))[0]
            self._reads[tenant, reading.deal_id] = (max(before, reading.updated_at), reading.buyer_updated_at)

    async def unread_upto(self, tenant: TenantId, work_id: UUID) -> int:
        """Webhooks are not kept here."""
        return 0

    async def unknown_entries(self, tenant: TenantId, history_ids: Collection[str]) -> frozenset[str]:
        """Those that nothing is known of."""
        table = self._memory.table("stage_entries")
        return frozenset(one for one in history_ids if (tenant, one) not in table)

    async def unread_deals(self, tenant: TenantId, history_ids: Collection[str]) -> Sequence[str]:
        """The deals of those that were noticed and not seen with their deal since."""
        table = self._memory.table("stage_entries")
        entries = (entry for one in history_ids if (entry := table.get((tenant, one))) is not None)
        return sorted({entry["deal_id"] for entry in entries if not entry["observed"]})

    async def changed_since_read(self, tenant: TenantId, updated: Mapping[str, datetime]) -> Sequence[str]:
        """Requested deals that changed after they were last read."""
        return [
            deal_id
            for deal_id, at in sorted(updated.items())
            if self._requested(tenant, deal_id)
            and ((read := self._reads.get((tenant, deal_id))) is None or read[0] < at)
        ]

    async def buyers_changed_since_read(
        self, tenant: TenantId, updated: Mapping[tuple[str, str], datetime]
    ) -> Sequence[str]:
        """Requested deals whose buyers changed after they were last read."""
        found = []
        for (entity, object_id), at in updated.items():
            for deal_id in await self.deals_of_buyer(tenant, entity, object_id):
                seen = self._reads.get((tenant, deal_id), (None, None))[1]
                if seen is None or seen < at:
                    found.append(deal_id)
        return sorted(set(found))

    async def deals_of_buyer(self, tenant: TenantId, entity: str, object_id: str) -> Sequence[str]:
        """Requested deals of a company or a contact."""
        return [
            row["deal_id"]
            for (of_tenant, *_), row in self._memory.table("deals").items()
            if of_tenant == tenant
            and (row["crm_kind"], row["crm_id"]) == (entity, object_id)
            and row["requested"]
            and not row["gone"]
        ]

    async def plan_reads(
        self, tenant: TenantId, account: str, deal_ids: Sequence[str], now: datetime, trace: Mapping[str, str]
    ) -> None:
        """Has deals read."""
        self._plan(
            [PlannedWork(tenant, f"{deal.PREFIX}-{one}", deal.read_plan(one, account), trace) for one in deal_ids]
        )

    def _requested(self, tenant: TenantId, deal_id: str) -> bool:
        row = self._memory.table("deals").get((tenant, deal_id))
        return row is not None and bool(row["requested"])


def _entry(row: Mapping[str, Any]) -> deal.Entry:
    return deal.Entry(
        history_id=str(row["history_id"]),
        category_id=row["category_id"],
        stage_id=row["stage_id"],
        entered_at=datetime.fromisoformat(row["entered_at"]),
    )
