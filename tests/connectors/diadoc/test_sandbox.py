"""Diadoc over real HTTP against the sandbox: access, partners, titles, a document's whole way, and lost answers."""

import io
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from chassis.outcomes import Deferred, Ok, Rejected, Retryable, Uncertain
from connectors.ports.edi import EdiState, Relation
from connectors.registry import DIADOC, Capability
from tests.connectors.accounting.samples import lines, row
from tests.connectors.diadoc.desk import Desk, taken
from tests.connectors.kit_sandbox import sandboxed

SELLER = {"title": "ООО «Вектор»", "inn": "7709123453", "kpp": "770901001"}


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with sandboxed(tmp_path) as (sandbox, http):
        made = Desk(sandbox, http, await sandbox.control("/diadoc/accounts", SELLER))
        await made.enter()
        await made.meet()
        yield made


async def state(desk: Desk, ref: Any) -> EdiState:
    return taken(await desk.diadoc.document(desk.permit, ref)).state


@pytest.mark.parametrize("by_password", [False, True])
async def test_either_way_of_access_opens_the_box(desk: Desk, by_password: bool) -> None:
    await desk.enter(by_password=by_password)
    assert desk.permit.access_token.startswith("DiadocAuth " if by_password else "Bearer ")
    assert taken(await desk.diadoc.ping(desk.permit)) is None
    assert taken(await desk.diadoc.check_account(desk.permit)) == ()


async def test_wrong_credentials_are_refused_and_spent_tokens_are_told(desk: Desk) -> None:
    given = desk.token()
    wrong = await desk.diadoc.obtain_token(type(given)(given.endpoint, given.client_id, "x", given.token_url, "y"))
    assert isinstance(wrong, Rejected)
    assert wrong.problem.code == "credentials_refused"
    await desk.act("/tokens/expire")
    refused = await desk.diadoc.ping(desk.permit)
    assert isinstance(refused, Retryable)
    assert refused.problem.code == "token_refused"


async def test_a_foreign_box_is_an_outage_and_the_check_names_it(desk: Desk) -> None:
    desk.account = {**desk.account, "box_id": "c0ffee00-2222-4f43-8a0e-52d7f8e5b002"}
    permit = desk.permitted(desk.permit.access_token)
    refused = await desk.diadoc.ping(permit)
    assert isinstance(refused, Retryable)
    assert (refused.outage, refused.problem.code) == (True, "edi_forbidden")
    (problem,) = taken(await desk.diadoc.check_account(permit))
    assert problem.code == "edi_box_not_ours"


async def test_the_operators_own_boxes_in_force_come_first(desk: Desk) -> None:
    await desk.meet(roaming=True)
    own, roaming = taken(await desk.diadoc.find_boxes(desk.permit, "7801456782", "780101001"))
    assert (own.roaming, roaming.roaming, own.active) == (False, True, True)
    assert taken(await desk.diadoc.find_boxes(desk.permit, "7709123453", "")) == ()


async def test_an_invitation_is_made_once_and_answered_by_a_person(desk: Desk) -> None:
    box, diadoc, permit = desk.partner_box, desk.diadoc, desk.permit
    assert taken(await diadoc.relation(permit, box)) is Relation.NONE
    await desk.act("/dials", {"invitation_seconds": 30})
    task = taken(await diadoc.invite(permit, box, "Прошу принять приглашение"))
    taken(await diadoc.invite(permit, box, "Прошу принять приглашение"))
    assert isinstance(await diadoc.invited(permit, task), Deferred)
    await desk.sandbox.advance(31)
    assert taken(await diadoc.invited(permit, task)) is None
    assert taken(await diadoc.relation(permit, box)) is Relation.INVITED
    await desk.act("/partners/7801456782/relation", {"relation": "IsMyCounteragent"})
    assert taken(await diadoc.relation(permit, box)) is Relation.PARTNER


async def test_a_partner_whose_operator_has_no_roaming_cannot_be_invited(desk: Desk) -> None:
    box = await desk.meet(roaming=True, joined=False)
    refused = await desk.diadoc.invite(desk.permit, box, "Прошу принять приглашение")
    assert isinstance(refused, Rejected)
    assert (refused.problem.code, "Роуминг" in refused.problem.values["text"]) == ("edi_conflict", True)
    assert taken(await desk.diadoc.relation(desk.permit, box)) is Relation.NONE


async def test_a_title_with_vat_serves_as_an_invoice_too_and_its_sums_are_taken(desk: Desk) -> None:
    without = taken(await desk.diadoc.write_title(desk.permit, desk.draft()))
    assert (without.function, without.version) == ("ДОП", "utd970_05_03_01")
    assert without.file_name.startswith("ON_NSCHFDOPPR_2BM-7801456782")
    several = lines(
        row("333.33", "7", rate="22"), row("0.99", "3", rate="22", included=False), row("10", "1.5", rate="22"),
        vat_mode="standard",
    )  # fmt: skip
    taxed = taken(await desk.diadoc.write_title(desk.permit, desk.draft(*several)))
    assert taxed.function == "СЧФДОП"
    assert b'encoding="windows-1251"' in taxed.content


async def test_what_the_format_refuses_is_told_in_the_vendors_words(desk: Desk) -> None:
    refused = await desk.diadoc.write_title(desk.permit, desk.draft(number=""))
    assert isinstance(refused, Rejected)
    assert refused.problem.code == "edi_refused"
    assert "DocumentNumber" in refused.problem.values["text"]


async def test_a_document_waits_for_our_signature_then_for_theirs(desk: Desk) -> None:
    await desk.act("/dials", {"delivery_seconds": 60})
    ref = await desk.posted()
    assert await state(desk, ref) is EdiState.AWAITING_OWN_SIGNATURE
    await desk.act("/documents/88/sign", {"by": "us"})
    assert await state(desk, ref) is EdiState.SENDING
    await desk.sandbox.advance(61)
    assert await state(desk, ref) is EdiState.AWAITING_COUNTERPARTY
    await desk.act("/documents/88/sign", {"by": "partner", "partly": True})
    assert await state(desk, ref) is EdiState.PARTIALLY_SIGNED
    await desk.act("/documents/88/sign", {"by": "partner"})
    assert await state(desk, ref) is EdiState.SIGNED
    for asked, expected in (("requested", EdiState.REVOCATION_REQUESTED), ("accepted", EdiState.REVOKED)):
        await desk.act("/documents/88/revoke", {"state": asked})
        assert await state(desk, ref) is expected


async def test_a_refusal_comes_with_the_partners_words(desk: Desk) -> None:
    ref = await desk.posted()
    await desk.act("/documents/88/sign", {"by": "us"})
    await desk.act("/documents/88/refuse", {"text": "Сумма не та"})
    found = taken(await desk.diadoc.document(desk.permit, ref))
    assert (found.state, found.reason) == (EdiState.REJECTED, "Сумма не та")


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("sign", {"by": "us", "valid": False}, EdiState.INVALID_SIGNATURE),
        ("delete", {}, EdiState.DELETED),
    ],
)
async def test_other_ends_of_a_document(desk: Desk, path: str, body: Any, expected: EdiState) -> None:
    ref = await desk.posted()
    await desk.act(f"/documents/88/{path}", body)
    assert await state(desk, ref) is expected


async def test_roaming_is_told_on_its_way_and_when_it_fails(desk: Desk) -> None:
    await desk.meet(roaming=True, relation="IsMyCounteragent")
    ref = await desk.posted()
    await desk.act("/documents/88/sign", {"by": "us"})
    for result, expected in (("taken", EdiState.ROAMING), ("error", EdiState.DELIVERY_FAILED)):
        await desk.act("/documents/88/roam", {"result": result})
        assert await state(desk, ref) is expected
    await desk.act("/documents/88/roam", {"result": "delivered"})
    assert await state(desk, ref) is EdiState.AWAITING_COUNTERPARTY


async def test_a_box_that_takes_documents_from_partners_alone_refuses_with_its_words(desk: Desk) -> None:
    await desk.meet(sociability="CounteragentsOnly")
    refused = await desk.diadoc.post(desk.permit, await desk.posting(), key="k1")
    assert isinstance(refused, Rejected)
    assert refused.problem.code == "edi_conflict"
    assert "контрагентов" in refused.problem.values["text"]


async def test_the_feed_goes_on_where_it_was_left(desk: Desk) -> None:
    assert taken(await desk.diadoc.last_event(desk.permit)) == ""
    first = await desk.posted("sverka:act-1", "k1", "1")
    cursor = taken(await desk.diadoc.last_event(desk.permit))
    assert taken(await desk.diadoc.news(desk.permit, cursor)).message_ids == ()
    second = await desk.posted("sverka:act-2", "k2", "2")
    await desk.act("/documents/1/sign", {"by": "us"})
    news = taken(await desk.diadoc.news(desk.permit, cursor))
    assert news.message_ids == (second.message_id, first.message_id)
    assert taken(await desk.diadoc.news(desk.permit, news.cursor)).message_ids == ()
    assert taken(await desk.diadoc.news(desk.permit, "")).message_ids == (first.message_id, second.message_id)


async def test_files_are_made_after_a_while(desk: Desk) -> None:
    ref = await desk.posted()
    await desk.act("/documents/88/sign", {"by": "us"})
    await desk.act("/documents/88/sign", {"by": "partner"})
    for fetch in (desk.diadoc.print_form, desk.diadoc.archive):
        assert isinstance(await fetch(desk.permit, ref), Deferred)
    assert taken(await desk.diadoc.print_form(desk.permit, ref)).content.startswith(b"%PDF-")
    archive = zipfile.ZipFile(io.BytesIO(taken(await desk.diadoc.archive(desk.permit, ref))))
    kinds = sorted(name.rpartition(".")[2] for name in archive.namelist())
    assert kinds == ["sgn", "sgn", "xml", "xml"]


LOST = ["timeout_after", "late_commit", "error_after", "truncated", "reset", "html_200", "empty"]


@pytest.mark.parametrize("kind", LOST)
async def test_a_lost_post_is_uncertain_and_found_by_our_key(desk: Desk, kind: str) -> None:
    posting = await desk.posting()
    await desk.fault("post", kind, hang_seconds=2)
    assert isinstance(await desk.diadoc.post(desk.permit, posting, key="k1"), Uncertain)
    await desk.sandbox.advance(31)
    (found,) = taken(await desk.diadoc.find_posted(desk.permit, posting))
    assert taken(await desk.diadoc.post(desk.permit, posting, key="k1")) == found
    assert await desk.documents() == 1


async def test_a_repeat_while_the_first_is_at_work_is_uncertain_never_a_second(desk: Desk) -> None:
    await desk.act("/dials", {"operation_seconds": 20})
    posting = await desk.posting()
    first = taken(await desk.diadoc.post(desk.permit, posting, key="k1"))
    running = await desk.diadoc.post(desk.permit, posting, key="k1")
    assert isinstance(running, Uncertain)
    assert running.problem.code == "edi_operation_running"
    await desk.sandbox.advance(21)
    assert taken(await desk.diadoc.post(desk.permit, posting, key="k1")) == first
    assert await desk.documents() == 1


async def test_a_conflict_about_our_own_document_is_a_success(desk: Desk) -> None:
    posting = await desk.posting()
    first = taken(await desk.diadoc.post(desk.permit, posting, key="k1"))
    assert taken(await desk.diadoc.post(desk.permit, posting, key="k2")) == first
    assert await desk.documents() == 1


@pytest.mark.parametrize("kind", ["timeout_before", "error_before", "limit_429", "token_expired"])
async def test_a_post_that_was_not_done_leaves_nothing(desk: Desk, kind: str) -> None:
    posting = await desk.posting()
    await desk.fault("post", kind, hang_seconds=2)
    outcome = await desk.diadoc.post(desk.permit, posting, key="k1")
    assert not isinstance(outcome, Ok | Rejected)
    assert isinstance(outcome, Deferred) == (kind == "limit_429")
    assert taken(await desk.diadoc.find_posted(desk.permit, posting)) == ()
    taken(await desk.diadoc.post(desk.permit, posting, key="k1"))
    assert await desk.documents() == 1


FIELDS: list[tuple[str, dict[str, Any], type[Any]]] = [
    ("field_added", {}, Ok),
    ("field_missing", {"field": "MessageId"}, Uncertain),
    ("field_missing", {"field": "Entities"}, Uncertain),
    ("field_retyped", {"field": "ToBoxId", "value": "another"}, Uncertain),
    ("field_retyped", {"field": "Entities", "value": 7}, Uncertain),
]


@pytest.mark.parametrize(("kind", "params", "expected"), FIELDS)
async def test_a_post_whose_answer_changed_its_shape(
    desk: Desk, kind: str, params: dict[str, Any], expected: type[Any]
) -> None:
    posting = await desk.posting()
    await desk.fault("post", kind, **params)
    assert isinstance(await desk.diadoc.post(desk.permit, posting, key="k1"), expected)
    assert await desk.documents() == 1


@pytest.mark.parametrize("kind", ["timeout_before", "error_before", "html_200", "empty", "limit_503", "reset"])
@pytest.mark.parametrize("operation", ["document", "events", "find_boxes"])
async def test_a_read_that_fails_is_never_an_answer(desk: Desk, operation: str, kind: str) -> None:
    ref = await desk.posted()
    await desk.fault(operation, kind, hang_seconds=2)
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "document": lambda: desk.diadoc.document(desk.permit, ref),
        "events": lambda: desk.diadoc.news(desk.permit, ""),
        "find_boxes": lambda: desk.diadoc.find_boxes(desk.permit, "7801456782", ""),
    }
    assert isinstance(await calls[operation](), Retryable)


async def test_what_changes_something_has_a_policy() -> None:
    assert set(DIADOC.policies) == {Capability.INVITE_PARTNER, Capability.POST_DOCUMENT}
