"""The outcome tables of all vendors: every row, the defaults, and that nothing unknown is a success or a refusal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from chassis.outcomes import Deferred, Ok, Rejected, Retryable, Uncertain
from connectors.bitrix24.outcomes import TABLE as BITRIX24
from connectors.diadoc.outcomes import TABLE as DIADOC
from connectors.diadoc.outcomes import TOKEN_TABLE as DIADOC_TOKEN
from connectors.elba.outcomes import TABLE as ELBA
from connectors.elba.outcomes import TOKEN_TABLE as ELBA_TOKEN
from connectors.verdicts import Kind, OutcomeTable, Verdict

TABLES = pytest.mark.parametrize(
    "table",
    [BITRIX24, ELBA, ELBA_TOKEN, DIADOC, DIADOC_TOKEN],
    ids=["bitrix24", "elba", "elba token", "diadoc", "diadoc token"],
)


def _unknown(vendor: str, status: str) -> float:
    labels = {"vendor": vendor, "status": status}
    return REGISTRY.get_sample_value("sverka_connector_unknown_answers_total", labels) or 0.0


@TABLES
def test_every_row_is_reached_and_says_what_it_is(table: OutcomeTable) -> None:
    for (status, code), verdict in table.rows.items():
        asked = status if status is not None else 400
        for write in (True, False):
            outcome = table.judge(asked, code, write=write)
            assert outcome.problem.code == verdict.problem, (status, code)
            match verdict.kind:
                case Kind.REJECTED:
                    assert isinstance(outcome, Rejected)
                case Kind.DEFERRED:
                    assert isinstance(outcome, Deferred)
                case Kind.BROKEN:
                    assert isinstance(outcome, Retryable)
                    assert outcome.outage
                case Kind.RETRY:
                    assert isinstance(outcome, Retryable)
                    assert not outcome.outage
                case Kind.PENDING:
                    assert isinstance(outcome, Uncertain if write else Retryable)


@TABLES
@given(
    status=st.one_of(st.sampled_from([0, 200, 201, 302, 400, 404, 418, 500, 503, 599]), st.integers(100, 599)),
    code=st.one_of(st.none(), st.text(max_size=12).map(str.lower)),
    write=st.booleans(),
)
def test_what_no_row_names_is_pending(table: OutcomeTable, status: int, code: str | None, write: bool) -> None:
    outcome = table.judge(status, code, write=write)
    assert not isinstance(outcome, Ok)
    if (status, code) in table.rows or (None, code) in table.rows or (status, None) in table.rows:
        return
    assert isinstance(outcome, Uncertain if write else Retryable)
    assert outcome.problem.code == "vendor_answer_unknown"


@TABLES
@given(code=st.one_of(st.none(), st.text(max_size=12).map(str.lower)), status=st.integers(500, 599))
def test_a_write_is_never_refused_by_a_5xx(table: OutcomeTable, code: str | None, status: int) -> None:
    assert not isinstance(table.judge(status, code, write=True), Rejected)
    for _, known in table.rows:
        assert not isinstance(table.judge(status, known, write=True), Rejected)


def test_an_unknown_code_is_counted_even_where_its_status_decides() -> None:
    before = _unknown("bitrix24", "500"), _unknown("bitrix24", "418")
    BITRIX24.judge(500, "never_seen", write=False)
    BITRIX24.judge(500, None, write=False)
    BITRIX24.judge(418, None, write=False)
    assert (_unknown("bitrix24", "500"), _unknown("bitrix24", "418")) == (before[0] + 1, before[1] + 1)


def test_an_error_inside_a_success_is_judged_by_its_code_alone() -> None:
    table = OutcomeTable(
        "test", {(200, None): Verdict(Kind.PENDING, "unreadable"), (None, "no"): Verdict(Kind.REJECTED, "no")}
    )
    assert isinstance(table.judge(200, "no", write=True), Rejected)
    assert table.judge(200, "what", write=True).problem.code == "vendor_answer_unknown"


def test_what_a_vendor_says_can_be_stored_whatever_bytes_it_is_made_of() -> None:
    found = BITRIX24.judge(418, None, write=False, values={"text": "кон\0ец", "status": 418})
    assert found.problem.values == {"text": "кон\ufffdец", "status": 418}
