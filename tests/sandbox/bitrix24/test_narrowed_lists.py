"""A list looks at fewer records than all, and finds those that a walk through all would."""

from datetime import UTC
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.bitrix24.filters import Column, compile_filter, run
from sandbox.bitrix24.store import Table

KINDS = {"ID": "integer", "ENTITY_TYPE_ID": "integer", "ENTITY_ID": "integer", "DATE_MODIFY": "integer"}
SMALL = st.integers(1, 4)
CHANGES = st.tuples(
    st.sampled_from(("put", "put", "put", "patch", "drop")),
    st.integers(1, 20),
    st.fixed_dictionaries(
        {}, optional={"ENTITY_TYPE_ID": SMALL, "ENTITY_ID": SMALL, "DATE_MODIFY": st.none() | st.integers(1, 9)}
    ),
)
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "ENTITY_TYPE_ID": SMALL,
        "@ENTITY_ID": st.lists(SMALL, min_size=1, max_size=3),
        ">ID": st.integers(0, 20),
        ">=DATE_MODIFY": st.integers(1, 9),
    },
)


def _fits(record: dict[str, Any], wanted: dict[str, Any]) -> bool:
    changed = record.get("DATE_MODIFY")
    since = wanted.get(">=DATE_MODIFY")
    return (
        wanted.get("ENTITY_TYPE_ID") in (None, record.get("ENTITY_TYPE_ID"))
        and ("@ENTITY_ID" not in wanted or record.get("ENTITY_ID") in wanted["@ENTITY_ID"])
        and record["ID"] > wanted.get(">ID", 0)
        and (since is None or (changed is not None and changed >= since))
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(CHANGES, max_size=30), FILTERS)
def test_whatever_is_changed_a_narrowed_list_is_the_whole_one(
    changes: list[tuple[str, int, dict[str, Any]]], wanted: dict[str, Any]
) -> None:
    table = Table(("ENTITY_TYPE_ID", "ENTITY_ID"), 0)
    for what, number, values in changes:
        match what:
            case "put":
                table.put(number, {name: value for name, value in values.items() if value is not None})
            case "patch" if number in table.records:
                table.patch(number, values)
            case "drop" if number in table.records:
                table.drop(number)
            case _:
                continue
    query = compile_filter(wanted, lambda name: Column(name, KINDS[name]), UTC, strict=True)
    found, total = run(table, query, [], offset=0, limit=50)
    assert found == [record for record in table if _fits(record, wanted)]
    assert total == len(found)
