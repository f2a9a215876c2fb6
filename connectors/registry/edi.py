"""Operators of electronic documents as data: ``EDI`` by vendor."""

from collections.abc import Mapping
from typing import Final

from chassis.work.handlers import EffectPolicy, Probe
from connectors.diadoc.client import Diadoc
from connectors.registry.kinds import Capability, EdiVendor, RateLimit, VendorUnknown

DIADOC: Final = EdiVendor(
    vendor="diadoc",
    connect=Diadoc,
    capabilities=frozenset(
        {
            Capability.FIND_BOX,
            Capability.INVITE_PARTNER,
            Capability.WRITE_TITLE,
            Capability.POST_DOCUMENT,
            Capability.READ_DOCUMENT,
            Capability.DOCUMENT_NEWS,
            Capability.PRINT_FORM,
            Capability.SIGNED_ARCHIVE,
        }
    ),
    policies={
        # An invitation that is there stays as it is.
        Capability.INVITE_PARTNER: EffectPolicy(probe=Probe.REPEAT, sends_max=1_000, human_when_exhausted=False),
        Capability.POST_DOCUMENT: EffectPolicy(probe=Probe.LIST, calls=2),  # our key, among the partner's documents
    },
    limit=RateLimit(burst=10, per_second=10.0),
)
EDI: Final[Mapping[str, EdiVendor]] = {DIADOC.vendor: DIADOC}


def edi_of(account: str) -> EdiVendor:
    """The operator of an account by its name, ``VENDOR:TENANT:SELLER``. Raises VendorUnknown."""
    found = EDI.get(account.partition(":")[0])
    if found is None:
        raise VendorUnknown(f"{account[:80]!r} is an account of none of {', '.join(EDI)}")
    return found
