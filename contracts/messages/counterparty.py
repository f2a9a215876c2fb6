"""What `counterparty` says: every request is answered by a link to one accounting record, or by why there is none; and
what the CRM's card of a company should show."""

from typing import Literal

from pydantic import Field

from contracts.envelope import Message
from contracts.messages.values import BuyerKind, Reason


class CounterpartyLinked(Message, name="CounterpartyLinked"):
    """The buyer of a request is this record of the accounting service.

    ``party`` tells buyers apart: INN and KPP of a company, INN of an entrepreneur, ``c`` and the contact of a person
    without INN. ``conflict_crm_ids``: other CRM companies with the same (INN, KPP); all point to the one record.
    ``created``: the record was made for this link.
    """

    request_id: str
    deal_id: str
    counterparty_id: str
    account: str
    remote_id: str
    kind: BuyerKind
    inn: str = ""
    kpp: str = ""
    name: str = ""
    subject_ref: str = ""
    created: bool = False
    conflict_crm_ids: tuple[str, ...] = ()
    warnings: tuple[Reason, ...] = ()
    party: str = ""


class CounterpartyRejected(Message, name="CounterpartyRejected"):
    """The buyer of a request cannot be linked until somebody changes what ``reasons`` name."""

    request_id: str
    deal_id: str
    reasons: tuple[Reason, ...]


CompanyField = Literal["name", "full_name", "kpp", "ogrn", "address", "phone", "email"]
FieldOrigin = Literal["crm", "accounting", "register"]


class CompanyFilled(Message, name="CompanyFilled"):
    """What requisites of the CRM lack or have otherwise than a better source: the values to be written, absolute.

    ``origins`` says where each value comes from (register before accounting before CRM). ``status`` is the company's
    state where it is news: only then a person is told. ``inn`` is the one that the values were found for.
    """

    company_id: str
    requisite_id: str
    inn: str
    values: dict[CompanyField, str] = Field(default_factory=dict)
    origins: dict[CompanyField, FieldOrigin] = Field(default_factory=dict)
    status: str = ""
    responsible_id: str = ""


class CompanyAppeared(Message, name="CompanyAppeared"):
    """A company that accounting has and the CRM does not: it is made there, once.

    ``key`` names the record of the accounting account; ``kpp`` is "" of entrepreneurs and where nobody says it.
    """

    key: str
    kind: Literal["company", "entrepreneur"]
    inn: str
    kpp: str = ""
    values: dict[CompanyField, str] = Field(default_factory=dict)
    origins: dict[CompanyField, FieldOrigin] = Field(default_factory=dict)


LINK_MESSAGES = (CounterpartyLinked, CounterpartyRejected)
CARD_MESSAGES = (CompanyFilled, CompanyAppeared)
MESSAGES = (*LINK_MESSAGES, *CARD_MESSAGES)
