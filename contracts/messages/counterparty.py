"""What `counterparty` says: every request is answered by a link to one accounting record, or by why there is none."""

from contracts.envelope import Message
from contracts.messages.values import BuyerKind, Reason


class CounterpartyLinked(Message, name="CounterpartyLinked"):
    """The buyer of a request is this record of the accounting service.

    ``conflict_crm_ids``: other CRM companies with the same (INN, KPP); all point to the one record. ``created``: the
    record
    was made for this link.
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


class CounterpartyRejected(Message, name="CounterpartyRejected"):
    """The buyer of a request cannot be linked until somebody changes what ``reasons`` name."""

    request_id: str
    deal_id: str
    reasons: tuple[Reason, ...]


MESSAGES = (CounterpartyLinked, CounterpartyRejected)
