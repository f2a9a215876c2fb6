"""The document of `sync`."""

from datetime import datetime

from pydantic import Field

from sverka.models.base import Document


class SyncItem(Document):
    """A requisite of a company, a company without one, or an accounting record that no company has."""

    outcome: str = Field(description="to_pair, paired, to_create, created, to_enter, entered, conflict or skipped.")
    company_id: str = Field(description="In the CRM; empty for a record that no company has.")
    requisite_id: str
    name: str
    inn: str
    kpp: str
    remote_id: str = Field(description="The record in the accounting service, where there is one.")
    reason: str = Field(description="A code; empty for what is in order.")
    reason_text: str = Field(default="", description="The reason in words.")


class SyncOutcomes(Document):
    """How many items came to what."""

    to_pair: int
    paired: int
    to_create: int
    created: int
    to_enter: int = Field(default=0, description="Companies of accounting that the CRM lacks and is to get.")
    entered: int = Field(default=0, description="Of these, what the writing into the CRM has in hand.")
    conflict: int
    skipped: int


class SellerSync(Document):
    """The first sync of one seller's accounting account."""

    seller: str
    account: str
    vendor: str
    listed: bool = Field(description="Whether the service lists its records; else it is asked about each INN.")
    run: int = Field(description="From 1; 0 before the first.")
    phase: str = Field(description="none, reading, comparing, compared, linking, creating, entering or done.")
    under_way: bool
    began_at: datetime | None = None
    compared_at: datetime | None = None
    ended_at: datetime | None = None
    companies: int = Field(description="Companies read, own ones not counted.")
    records: int = Field(description="Records known of the accounting service.")
    outcomes: SyncOutcomes
    items: list[SyncItem] = Field(default_factory=list)


class SyncDocument(Document):
    """`sverka sync T --preview --json` and `--apply --json`."""

    tenant: str
    applied: bool
    sellers: list[SellerSync]
