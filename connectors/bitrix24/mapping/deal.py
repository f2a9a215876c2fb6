"""A deal in one or two batches: the commands, the choice of the buyer's requisites, and the snapshot."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from connectors import wire
from connectors.bitrix24.mapping.records import (
    changed_at,
    flag,
    own_id,
    read_address,
    read_bank_detail,
    read_company,
    read_contact,
    read_deal,
    read_requisite,
    read_row,
    read_stage_entry,
)
from connectors.bitrix24.schema import (
    BATCH_COMMANDS_MAX,
    COMPANY,
    CONTACT,
    DEAL,
    PAGE_ROWS,
    REQUISITE,
    BatchAnswer,
    Command,
    Ref,
    Success,
    item_of,
    pages_after_first,
)
from connectors.ports.crm import CrmAddress, CrmBankDetail, CrmRequisite, DealSnapshot, RequisiteSource
from connectors.wire import ShapeError

ADDRESS_ORDER: Final = {6: 0, 4: 1, 1: 2}  # legal, registration, actual; then the others
HISTORY_PAGES_MAX: Final = 10
"""Of a longer history the newest entries are read: older ones are brought by the portal-wide feed of entries."""
REQUISITE_COLUMNS: Final = (
    "ID", "ENTITY_TYPE_ID", "ENTITY_ID", "NAME", "ACTIVE", "ADDRESS_ONLY", "SORT", "DATE_CREATE", "DATE_MODIFY",
    "RQ_INN", "RQ_KPP", "RQ_OGRN", "RQ_OGRNIP", "RQ_COMPANY_NAME", "RQ_COMPANY_FULL_NAME", "RQ_NAME", "RQ_FIRST_NAME",
    "RQ_SECOND_NAME", "RQ_LAST_NAME", "RQ_EMAIL", "RQ_PHONE",
)  # fmt: skip


def get_item(entity_type_id: int, item_id: str | Ref) -> Command:
    """One object with its custom fields under their original names."""
    return Command("crm.item.get", {"entityTypeId": entity_type_id, "id": item_id, "useOriginalUfNames": "Y"})


def rows_page(deal_id: str, start: int) -> Command:
    """One page of a deal's product rows, by id, since SORT repeats."""
    filtered = {"=ownerType": "D", "=ownerId": deal_id}
    return Command("crm.item.productrow.list", {"filter": filtered, "order": {"id": "asc"}, "start": start})


def history_page(deal_id: str, after: int, start: int) -> Command:
    """One page of a deal's stage history past an id, newest first."""
    filtered = {"OWNER_ID": deal_id, ">ID": after}
    return Command(
        "crm.stagehistory.list", {"entityTypeId": DEAL, "filter": filtered, "order": {"ID": "DESC"}, "start": start}
    )


def requisites_of(entity_type_id: int, entity_id: str | Ref) -> Command:
    """All requisites of an object in the portal's order, with the columns that are read."""
    filtered = {"ENTITY_TYPE_ID": entity_type_id, "ENTITY_ID": entity_id}
    order = {"SORT": "ASC", "ID": "ASC"}
    return Command("crm.requisite.list", {"filter": filtered, "order": order, "select": REQUISITE_COLUMNS})


def recheck_commands(deal_id: str, inn: str) -> dict[str, Command]:
    """The commands of a recheck: the deal's time of change, and companies with the INN."""
    changed = {
        "entityTypeId": DEAL,
        "select": ["id", "updatedTime", "categoryId", "stageId"],
        "filter": {"=id": int(deal_id)},
    }
    commands = {"deal": Command("crm.item.list", changed)}
    if inn:
        filtered = {"RQ_INN": inn, "ENTITY_TYPE_ID": COMPANY}
        order = {"ID": "ASC"}
        params = {"filter": filtered, "order": order, "select": REQUISITE_COLUMNS}
        commands["same_inn"] = Command("crm.requisite.list", params)
    return commands


def _bank_details_of(requisite_id: str | Ref) -> Command:
    return Command("crm.requisite.bankdetail.list", {"filter": {"ENTITY_ID": requisite_id}, "order": {"SORT": "ASC"}})


def _addresses_of(requisite_id: str | Ref) -> Command:
    return Command("crm.address.list", {"filter": {"ENTITY_TYPE_ID": REQUISITE, "ENTITY_ID": requisite_id}})


def deal_commands(deal_id: str, history_after: int) -> dict[str, Command]:
    """The first batch of a deal: all of it for a deal of at most 50 rows whose buyer is linked or is a company."""
    company, contact = Ref("deal", "item", "companyId"), Ref("deal", "item", "contactId")
    linked, first = Ref("link", "REQUISITE_ID"), Ref("company_requisites", "0", "ID")
    return {
        "deal": get_item(DEAL, deal_id),
        "rows": rows_page(deal_id, 0),
        "history": history_page(deal_id, history_after, 0),
        "link": Command("crm.requisite.link.get", {"entityTypeId": DEAL, "entityId": deal_id}),
        "company": get_item(COMPANY, company),
        "contact": get_item(CONTACT, contact),
        "company_requisites": requisites_of(COMPANY, company),
        "contact_requisites": requisites_of(CONTACT, contact),
        "linked": Command("crm.requisite.get", {"id": linked}),
        "linked_bank": Command("crm.requisite.bankdetail.get", {"id": Ref("link", "BANK_DETAIL_ID")}),
        "linked_banks": _bank_details_of(linked),
        "linked_addresses": _addresses_of(linked),
        "first_banks": _bank_details_of(first),
        "first_addresses": _addresses_of(first),
    }


_BY_COMPANY: Final = frozenset({"company", "company_requisites"})
_BY_CONTACT: Final = frozenset({"contact", "contact_requisites"})
_BY_LINK: Final = frozenset({"linked", "linked_banks", "linked_addresses"})
_BY_FIRST: Final = frozenset({"first_banks", "first_addresses"})
OPTIONAL: Final = frozenset({"link", "linked_bank"}) | _BY_COMPANY | _BY_CONTACT | _BY_LINK | _BY_FIRST
"""What a deal may do without; the rest must be there."""
_DATED: Final = ("company_requisites", "contact_requisites", "linked", "linked_bank", "linked_banks", "first_banks")


def referenced(first: BatchAnswer) -> frozenset[str]:
    """The commands of a deal's first batch whose references led somewhere. The others asked for an empty id, and what
    they brought, an error or everybody's records, means nothing. Raises ShapeError."""
    names = {"deal", "rows", "history", "link"}
    deal = item_of(_result(first, "deal"))
    if deal is None:
        raise ShapeError("item")
    if wire.identity(deal.get("companyId")) is not None:
        names |= _BY_COMPANY
        if wire.records(_result(first, "company_requisites"), "company_requisites"):
            names |= _BY_FIRST
    if wire.identity(deal.get("contactId")) is not None:
        names |= _BY_CONTACT
    link = wire.mapping(_result(first, "link"), "link")
    if wire.identity(link.get("REQUISITE_ID")) is not None:
        names |= _BY_LINK
    if wire.identity(link.get("BANK_DETAIL_ID")) is not None:
        names.add("linked_bank")
    return frozenset(names)


def _result(batch: BatchAnswer, name: str) -> Any:
    found = batch.successes.get(name)
    return None if found is None else found.result


class DealParts:
    """The answers of a deal's batches, sorted out; :meth:`rest` says what a second batch must bring."""

    def __init__(self, deal_id: str, history_after: int, present: Mapping[str, Success | None]) -> None:
        self._deal_id, self._history_after = deal_id, history_after
        self.deal = read_deal(wire.mapping(item_of(self._needed(present, "deal").result), "item"))
        self._present = present
        link = present.get("link")
        self._link = {} if link is None else wire.mapping(link.result, "link")
        self._requisites = [
            *self._owned("company_requisites", "company", self.deal.company_id),
            *self._owned("contact_requisites", "contact", self.deal.contact_id),
        ]
        self.requisite, self.source = self._choose()
        self.rows = self._needed(present, "rows")
        self.history = self._needed(present, "history")
        self._row_pages = pages_after_first(self.rows)
        self._history_pages = pages_after_first(self.history)[: HISTORY_PAGES_MAX - 1]
        self.oversized = len(self._row_pages) + len(self._beside_rows()) > BATCH_COMMANDS_MAX

    @staticmethod
    def _needed(present: Mapping[str, Success | None], name: str) -> Success:
        found = present.get(name)
        if found is None:
            raise ShapeError(name)
        return found

    def rest(self) -> dict[str, Command]:
        """The commands of the second batch; none when the first brought everything. Of a deal with more rows than it
        brings, none of them is asked for."""
        commands: dict[str, Command] = {}
        if not self.oversized:
            for start in self._row_pages:
                commands[f"rows{start}"] = rows_page(self._deal_id, start)
        return {**commands, **self._beside_rows()}

    def _beside_rows(self) -> dict[str, Command]:
        commands: dict[str, Command] = {}
        for start in self._history_pages:
            commands[f"history{start}"] = history_page(self._deal_id, self._history_after, start)
        if self.requisite is not None and self._loaded_by() is None:
            commands["chosen_banks"] = _bank_details_of(self.requisite.requisite_id)
            commands["chosen_addresses"] = _addresses_of(self.requisite.requisite_id)
        return commands

    def snapshot(self, second: Mapping[str, Success]) -> DealSnapshot:
        """The deal. Raises ShapeError; ``rows`` when their number is not the portal's own total (they moved under
        us)."""
        row_pages = [self.rows, *(second[f"rows{start}"] for start in self._row_pages if not self.oversized)]
        oversized = self.oversized or (self.rows.total is None and row_pages[-1].next is not None)
        rows = [] if oversized else _paged(row_pages, self.rows.total, "rows", "productRows", "id")
        history_pages = [self.history, *(second[f"history{start}"] for start in self._history_pages)]
        total = self.history.total
        entries = None if total is None else min(total, HISTORY_PAGES_MAX * PAGE_ROWS)
        history = _paged(history_pages, entries, "history", "items", "ID")
        ordered = sorted(rows, key=lambda row: wire.whole(row.get("sort") or 0, "sort"))
        company, contact = (self._item(name) for name in ("company", "contact"))
        return DealSnapshot(
            deal=self.deal,
            company=None if company is None else read_company(company),
            contact=None if contact is None else read_contact(contact),
            requisite=self.requisite,
            requisite_source=self.source,
            requisites=tuple(self._requisites),
            bank_detail=self._bank(second),
            address=self._address(second),
            my_requisite_id=wire.identity(self._link.get("MC_REQUISITE_ID")),
            rows=tuple(read_row(row) for row in ordered),
            history=tuple(sorted(map(read_stage_entry, history), key=lambda entry: entry.history_id)),
            buyer_updated_at=self._buyer_updated_at(second),
            oversized=oversized,
        )

    def _owned(self, name: str, owner: Literal["company", "contact"], owner_id: str | None) -> Iterable[CrmRequisite]:
        found = self._present.get(name)
        if owner_id is None or found is None:
            return ()
        # With an empty reference a portal may drop the filter and give everybody's requisites.
        listed = [
            read_requisite(record)
            for record in wire.records(found.result, name)
            if wire.identity(record.get("ENTITY_ID")) == owner_id
            and not flag(record.get("ADDRESS_ONLY"), "ADDRESS_ONLY")
        ]
        return sorted(
            (one for one in listed if one.active and one.owner == owner),
            key=lambda one: (one.sort, int(one.requisite_id)),
        )

    def _choose(self) -> tuple[CrmRequisite | None, RequisiteSource]:
        linked = self._present.get("linked")
        if linked is not None:
            requisite = read_requisite(wire.mapping(linked.result, "linked"))
            if self._is_buyers(requisite):
                return requisite, "link"
        for owner in ("company", "contact"):
            found = next((one for one in self._requisites if one.owner == owner), None)
            if found is not None:
                return found, owner
        return None, "none"

    def _is_buyers(self, requisite: CrmRequisite) -> bool:
        """Whether the requisite is of the deal's company or people. A link may outlive a change of the company, and the
        invoice would go to the former one."""
        if requisite.owner == "company":
            return requisite.owner_id == self.deal.company_id
        return requisite.owner_id in self.deal.contact_ids

    def _loaded_by(self) -> str | None:
        """The prefix of the commands of the first batch that fetched bank and addresses of the chosen requisite."""
        if self.source == "link":
            return "linked"
        listed = self._present.get("company_requisites")
        records = [] if listed is None else wire.records(listed.result, "company_requisites")
        first_id = wire.identity(records[0].get("ID")) if records else None
        return "first" if self.requisite is not None and self.requisite.requisite_id == first_id else None

    def _bank(self, second: Mapping[str, Success]) -> CrmBankDetail | None:
        linked = self._present.get("linked_bank")
        if self.source == "link" and linked is not None:
            return read_bank_detail(wire.mapping(linked.result, "linked_bank"))
        listed = [read_bank_detail(record) for record in self._attached(second, "banks")]
        return next((one for one in listed if one.requisite_id == self._chosen_id()), None)

    def _address(self, second: Mapping[str, Success]) -> CrmAddress | None:
        records = self._attached(second, "addresses")
        listed = [read_address(one) for one in records if wire.identity(one.get("ENTITY_ID")) == self._chosen_id()]
        return min(listed, key=lambda one: ADDRESS_ORDER.get(one.type_id, len(ADDRESS_ORDER)), default=None)

    def _attached(self, second: Mapping[str, Success], what: str) -> Sequence[Mapping[str, Any]]:
        if self.requisite is None:
            return []
        prefix = self._loaded_by()
        found = second.get(f"chosen_{what}") if prefix is None else self._present.get(f"{prefix}_{what}")
        return [] if found is None else wire.records(found.result, what)

    def _buyer_updated_at(self, second: Mapping[str, Success]) -> datetime | None:
        """Over all records that came, those that were not chosen too: what is counted here need not be read again."""
        found: list[Mapping[str, Any]] = [item for name in ("company", "contact") if (item := self._item(name))]
        for answers, names in ((self._present, _DATED), (second, ("chosen_banks",))):
            for name in names:
                if (part := answers.get(name)) is not None:
                    single = isinstance(part.result, Mapping)
                    found += [wire.mapping(part.result, name)] if single else wire.records(part.result, name)
        return max((at for record in found if (at := changed_at(record)) is not None), default=None)

    def _chosen_id(self) -> str | None:
        return None if self.requisite is None else self.requisite.requisite_id

    def _item(self, name: Literal["company", "contact"]) -> Mapping[str, Any] | None:
        wanted = self.deal.company_id if name == "company" else self.deal.contact_id
        found = self._present.get(name)
        if wanted is None or found is None:
            return None
        item = item_of(found.result)
        if item is None or wire.identity(item.get("id")) != wanted:
            raise ShapeError(name)
        return item


def _paged(pages: Sequence[Success], total: int | None, name: str, key: str, id_key: str) -> list[Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for page in pages:
        for record in wire.records(wire.mapping(page.result, key).get(key), key):
            found[own_id(record, id_key)] = record
    if total is not None and len(found) != total:
        raise ShapeError(name)
    return list(found.values())
