"""What a tenant's file expects of a portal, compared with what the portal has."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chassis.domain import Problem
from connectors import wire
from connectors.bitrix24.mapping import records
from connectors.bitrix24.schema import BATCH_COMMANDS_MAX, Command, Success
from connectors.ports.crm import DealStage, FieldInfo, PortalReport, PortalWanted
from connectors.wire import ShapeError


def missing_from_portal(
    wanted: PortalWanted, scopes: frozenset[str], fields: Mapping[str, FieldInfo], stages: Sequence[DealStage]
) -> Iterable[Problem]:
    """What the tenant's file names and the portal lacks."""
    for scope in sorted(wanted.scopes - scopes):
        yield Problem("scope_missing", {"scope": scope})
    for name, types in wanted.fields.items():
        info = fields.get(name)
        if info is None:
            yield Problem("crm_field_missing", {"field": name})
        elif info.type not in types:
            yield Problem(
                "crm_field_wrong_type", {"field": name, "type": info.type, "wanted": ", ".join(sorted(types))}
            )
        elif info.is_read_only:
            yield Problem("crm_field_read_only", {"field": name})
        elif info.is_multiple:
            yield Problem("crm_field_multiple", {"field": name})  # takes lists alone, and a file would be taken for two
    for category_id, stage_ids in wanted.stages.items():
        known = {stage.stage_id for stage in stages if stage.category_id == category_id}
        if not known:
            yield Problem("crm_funnel_missing", {"category": category_id})
            continue
        for stage_id in sorted(stage_ids - known):
            yield Problem("crm_stage_missing", {"category": category_id, "stage": stage_id})


def report(
    wanted: PortalWanted, scopes: frozenset[str], fields: Mapping[str, FieldInfo], stages: Sequence[DealStage]
) -> PortalReport:
    """The report on a portal."""
    problems = tuple(missing_from_portal(wanted, scopes, fields, stages))
    return PortalReport(scopes, fields, tuple(stages), problems)


def read_scopes(result: Any) -> frozenset[str]:
    """``scope``: a list of words, or the words in one text."""
    if isinstance(result, str):
        return frozenset(result.replace(",", " ").split())
    if isinstance(result, list):
        return frozenset(wire.text(word) for word in result)
    raise ShapeError("scope")


def stage_commands(categories: Sequence[int]) -> dict[str, Command]:
    """One list per funnel. Raises ValueError over 48 funnels."""
    if len(categories) > BATCH_COMMANDS_MAX - 2:
        raise ValueError(f"at most {BATCH_COMMANDS_MAX - 2} funnels are read at once, not {len(categories)}")
    return {
        f"stages{category}": Command(
            "crm.status.list",
            {"order": {"SORT": "ASC"}, "filter": {"ENTITY_ID": records.stage_dictionary(category)}},
        )
        for category in categories
    }


def stages(categories: Sequence[int], present: Mapping[str, Success | None]) -> tuple[DealStage, ...]:
    """The stages of all of them."""
    found: list[DealStage] = []
    for category in categories:
        part = present.get(f"stages{category}")
        listed = [] if part is None else wire.records(part.result, "stages")
        found += [records.read_stage(record, category) for record in listed]
    return tuple(found)
