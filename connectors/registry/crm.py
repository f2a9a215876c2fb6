"""CRMs as data: ``CRM`` by vendor."""

from collections.abc import Mapping
from typing import Final

from chassis.work.handlers import EffectPolicy, Probe
from connectors.bitrix24.client import Bitrix24
from connectors.registry.kinds import Capability, CrmVendor, RateLimit

_ABSOLUTE: Final = EffectPolicy(probe=Probe.REPEAT, sends_max=1_000, human_when_exhausted=False)

BITRIX24: Final = CrmVendor(
    vendor="bitrix24",
    connect=Bitrix24,
    capabilities=frozenset(
        {
            Capability.READ_DEAL,
            Capability.STAGE_HISTORY,
            Capability.DEALS_MODIFIED,
            Capability.BUYERS_MODIFIED,
            Capability.LIST_COMPANIES,
            Capability.READ_COMPANIES,
            Capability.COMPANIES_BY_INN,
            Capability.MAKE_COMPANY,
            Capability.READ_STAGES,
            Capability.CHECK_PORTAL,
            Capability.FIND_COMMENT,
            Capability.SET_FIELDS,
            Capability.MOVE_STAGE,
            Capability.UPLOAD_FILE,
            Capability.ADD_COMMENT,
            Capability.NOTIFY_USER,
            Capability.CHAT_MESSAGE,
        }
    ),
    policies={
        Capability.SET_FIELDS: _ABSOLUTE,
        Capability.MOVE_STAGE: _ABSOLUTE,  # whoever repeats it reads the deal again first
        Capability.UPLOAD_FILE: _ABSOLUTE,
        Capability.ADD_COMMENT: EffectPolicy(probe=Probe.LIST),
        # By INN, or by marker where it has no requisites yet; looked for before each send too.
        Capability.MAKE_COMPANY: EffectPolicy(probe=Probe.LIST, calls=3),
        Capability.NOTIFY_USER: _ABSOLUTE,  # a TAG replaces what it named before
        # Looked for by its text before each repeat.
        Capability.CHAT_MESSAGE: EffectPolicy(probe=Probe.REPEAT, sends_max=5, human_when_exhausted=False, calls=2),
    },
    limit=RateLimit(burst=50, per_second=2.0),
    requests_max={
        Capability.READ_DEAL: 2,
        Capability.READ_STAGES: 2,
        Capability.COMPANIES_BY_INN: 2,
        Capability.FIND_COMMENT: 2,
        Capability.SET_FIELDS: 2,  # sums once more as numbers, where they are refused with their currency
        Capability.ADD_COMMENT: 3,
        Capability.CHAT_MESSAGE: 2,
    },
    commands_max=50,
)

CRM: Final[Mapping[str, CrmVendor]] = {"bitrix24": BITRIX24}
