"""The document of `demo`."""

from datetime import datetime

from pydantic import Field

from sverka.models.base import Document


class MissPart(Document):
    """One thing that is not as planned."""

    what: str
    expected: str
    found: str


class DealPart(Document):
    """One deal, and how it ended."""

    number: int
    tenant: str
    deal_id: int
    scenario: str
    ok: bool
    page: str
    misses: list[MissPart]
    troubles: list[str]


class DemoDocument(Document):
    """`sverka demo --json FILE`."""

    ok: bool
    seed: int
    deals: int
    tenants: int
    portals: str = Field(description="How they were connected: webhook, app, or mixed.")
    accounting: str
    faults: str
    seconds: float = Field(description="From the start of the first phase to the verdict, real seconds.")
    seconds_with_start: float = Field(description="The start of the installation included.")
    business_ended_at: datetime
    unsettled: list[str] = Field(description="Phases that did not come to rest in time.")
    faults_fired: dict[str, int]
    decisions: dict[str, int] = Field(description="Cards that the accountant took, by `kind: choice`.")
    unexplained: list[str] = Field(description="Records in accounts that no planned deal explains.")
    results: list[DealPart]
