"""All that any accounting service may be able to do: what a connector's client is, and the router over all of them."""

from typing import Protocol

from connectors.ports.accounting import Accounting, CheckAccount, HideInvoice, ObtainToken
from connectors.ports.acts import FindAct
from connectors.ports.balances import Balances, FindPerson
from connectors.ports.products import CreateProduct, FindProduct


class WholeAccounting(Accounting, Balances, FindPerson, FindAct, FindProduct, CreateProduct, HideInvoice, Protocol):
    """What is done under a permit. Of most of it a vendor has less: it inherits
    :class:`connectors.ports.refusing.Refusing`, and what it can do is its ``capabilities`` in the registry."""


class AccountingClient(WholeAccounting, CheckAccount, ObtainToken, Protocol):
    """A connector to one vendor's accounts: all that is done under a permit, and the way to a token."""
