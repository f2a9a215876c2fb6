"""Every handler of errors on the money path raises, records what it met, or makes an outcome of it; the few that are
silent are named with their reason."""

import ast
from collections.abc import Iterator, Mapping
from typing import Final

import pytest

from tests.architecture.crash_points import functions
from tests.architecture.sources import Source, called, planted, sources
from tests.chaos.campaign.evidence import NOT_SPOKEN_WITH

WIDE: Final = frozenset({"Exception", "BaseException", "CancelledError", "asyncio.CancelledError"})
SAYS: Final = ("_log.", "metrics.")
SAYS_BY: Final = (".inc", ".set_exception")

_NOT_THERE: Final = "what is not there is the answer"
_NONE: Final = "what is asked is whether it is one; None says that it is not"
_TIME: Final = "the time to wait is over, which is the answer"
_ENDS: Final = "it is being ended, and held nothing that is not stored"
_STATUS: Final = "the table of outcomes judges it by its status"
_TAKEN: Final = "another process, or a person, was there first"
_FIRST: Final = "the error before it is raised, and is the one to report"

SILENT: Final[Mapping[str, str]] = {
    "contracts.tenant_file.checking._at: (KeyError, IndexError, TypeError)": _NOT_THERE,
    "chassis.clock.Clock.wait_changed: TimeoutError": _TIME,
    "chassis.crash_points._Armed._read: FileNotFoundError": "no plan arms nothing",
    "chassis.http.addresses._literal: ValueError": "read as the system reads addresses, and refused there",
    "chassis.internal_api.dead.DeadLettersApi.replayed: LetterNotFound": "named in the answer as unknown",
    "chassis.internal_api.status.StatusApi._present_lag: (KafkaError, OSError)": "shown as unknown to who asks",
    "chassis.internal_api.topics._moment: ValueError": "refused by a sentence below",
    "chassis.messaging.assignment.Assignment._position: IllegalStateError": "another consumer has it by now",
    "chassis.messaging.codec.tenant_of_key: ValueError": _NONE,
    "chassis.messaging.consumer.Consumer._batch: _GaveUp": "logged where it was given up, and sought back",
    "chassis.messaging.consumer.Consumer._check_now_and_then: TimeoutError": _TIME,
    "chassis.messaging.consumer.Consumer._leave: TimeoutError": "the broker finds out by itself that a member is gone",
    "chassis.messaging.kafka.inspector: KafkaError": _ENDS,
    "chassis.messaging.kafka.is_reachable: OSError": "whether it answers is what is asked",
    "chassis.messaging.outgoing.keep_days: asyncpg.LockNotAvailableError": "they go a minute later",
    "chassis.messaging.replay.DeadLetterOffice._replay_key: _TakeBackError": "a rehearsal takes itself back",
    "chassis.messaging.sending.Sending.finish: TimeoutError": "what is not marked is sent again, and recognised",
    "chassis.messaging.sending._put_away: (KafkaError, TimeoutError)": "what it did not send is sent by another",
    "chassis.objects.ObjectBucket.delete: FileNotFoundError": "gone is what it was to be",
    "chassis.objects.ObjectBucket.put: AlreadyExistsError": "that it was there is the answer",
    "chassis.objects.ObjectFolder._put: FileExistsError": "that it was there is the answer",
    "chassis.postgres.Database._commit: *INFRASTRUCTURE_ERRORS": _FIRST,
    "chassis.postgres.savepoint: *INFRASTRUCTURE_ERRORS": _FIRST,
    "chassis.secrets.Keyring.parse: binascii.Error": "refused by a sentence below, which may not quote it",
    "chassis.secrets.Secrets.replace_lost: (KeyMissing, SecretBroken)": "logged where its accounts did not open",
    "chassis.service.running.Service._start_relay: TimeoutError": "what waits is sent after the next start",
    "chassis.values.purpose._day: ValueError": _NONE,
    "chassis.wakeups.Waiter.wait: TimeoutError": _TIME,
    "chassis.wakeups.Wakeups._listen: *INFRASTRUCTURE_ERRORS": _ENDS,
    "chassis.work.operations.operation_kinds: LookupError": "work of no stream is of its own name",
    "chassis.work.vendors._known: LookupError": _NONE,
    "connectors.bitrix24.calls._same_path_elsewhere: ValueError": _NONE,
    "connectors.bitrix24.oauth.Bitrix24OAuth._judged: ValueError": _STATUS,
    "connectors.bitrix24.schema.read_envelope: ValueError": _STATUS,
    "connectors.files._target: ValueError": "refused, as a redirect that leads nowhere",
    "connectors.wire.retry_after: (ValueError, OverflowError)": "what cannot be read is no moment to wait for",
    "services.ingest.api.folder.StatementFolder._take: FileNotFoundError": _TAKEN,
    "services.ingest.api.folder._files_of: FileNotFoundError": _TAKEN,
    "services.ingest.api.folder._tenant_of: ValueError": _NONE,
    "services.ingest.api.installing.Installer.answered: TimeoutError": _TIME,
    "services.ingest.api.installing.Installer.run: TimeoutError": _TIME,
}
"""Each by its function and what it catches."""


def silent(source: Source) -> Iterator[str]:
    """A handler forgot what it had met, and the work with it; nobody could say why an invoice was missing."""
    for name, node in functions(source):
        for inner in ast.walk(node):
            if isinstance(inner, ast.ExceptHandler) and not _answers(inner):
                yield f"{name}: {ast.unparse(inner.type) if inner.type else 'everything'}"
            elif isinstance(inner, ast.Call) and (kinds := _suppressed(inner)):
                yield f"{name}: {', '.join(sorted(kinds))}"


def wide_without_word(source: Source) -> Iterator[str]:
    """`except BaseException` without `raise` kept a task alive that had been cancelled, and a service from ending."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and _suppressed(node) & WIDE:
            yield f"{source.path}:{node.lineno}: errors of any kind are suppressed"
        if not isinstance(node, ast.ExceptHandler):
            continue
        kinds = set() if node.type is None else {one.strip("() ") for one in ast.unparse(node.type).split(",")}
        raises = any(isinstance(inner, ast.Raise) for inner in _inside(node))
        if (node.type is None or kinds & WIDE - {"Exception"}) and not raises:
            yield f"{source.path}:{node.lineno}: a cancellation is not passed on"
        elif kinds & WIDE and not _says(node) and not raises:
            yield f"{source.path}:{node.lineno}: errors of any kind, and no word of them"


def _suppressed(call: ast.Call) -> set[str]:
    return {ast.unparse(one) for one in call.args} if called(call).rpartition(".")[2] == "suppress" else set()


def _answers(handler: ast.ExceptHandler) -> bool:
    return _says(handler) or any(map(_is_an_answer, _inside(handler)))


def _says(handler: ast.ExceptHandler) -> bool:
    """Logs, counts, or hands on the error itself."""
    return any(
        (isinstance(node, ast.Name) and node.id == handler.name)
        or (isinstance(node, ast.Call) and (called(node).startswith(SAYS) or called(node).endswith(SAYS_BY)))
        for node in _inside(handler)
    )


def _is_an_answer(node: ast.AST) -> bool:
    """Raises, or gives who called something that was made of it: an outcome, a problem, a sentence."""
    if isinstance(node, ast.Return | ast.Yield | ast.Assign):
        return any(
            isinstance(part, ast.Call | ast.JoinedStr)
            or (isinstance(part, ast.Constant) and isinstance(part.value, str))
            for part in ast.walk(node)
        )
    return isinstance(node, ast.Raise)


def _inside(handler: ast.ExceptHandler) -> Iterator[ast.AST]:
    return (node for statement in handler.body for node in ast.walk(statement))


def _path() -> Iterator[Source]:
    for source in sources("contracts", "chassis", "connectors", "services"):
        if not source.path.startswith(tuple(f"connectors/{name}" for name in NOT_SPOKEN_WITH)):
            yield source


def test_no_handler_is_silent_without_a_reason() -> None:
    found = [one for source in _path() for one in silent(source)]
    assert sorted(set(found) - SILENT.keys()) == [], "raise it, log it, count it, or say here why nobody need know"
    assert sorted(SILENT.keys() - set(found)) == [], "there is no such handler any more"


def test_no_cancellation_is_kept_and_no_wide_handler_is_silent() -> None:
    assert [one for source in _path() for one in wide_without_word(source)] == []


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n  try:\n    save()\n  except OSError:\n    pass",
        "def f():\n  try:\n    save()\n  except KeyError:\n    return None",
        "async def f():\n  while True:\n    try:\n      await save()\n    except TimeoutError:\n      continue",
        "def f():\n  with contextlib.suppress(OSError):\n    save()",
    ],
)
def test_a_planted_silent_handler_is_caught(text: str) -> None:
    assert list(silent(planted(text)))


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n  try:\n    save()\n  except OSError as error:\n    return Retryable(Problem('away'))",
        "def f():\n  try:\n    save()\n  except OSError as error:\n    raise Away from error",
        "def f():\n  try:\n    save()\n  except OSError as error:\n    _log.warning('later: %s', error)",
    ],
)
def test_a_handler_that_answers_is_let_pass(text: str) -> None:
    assert not list(silent(planted(text)))


@pytest.mark.parametrize(
    "text",
    [
        "async def f():\n  try:\n    await save()\n  except BaseException as error:\n    _log.error(error)",
        "async def f():\n  try:\n    await save()\n  except asyncio.CancelledError:\n    _log.info('cancelled')",
        "async def f():\n  try:\n    await save()\n  except:\n    _log.info('oh')",
        "async def f():\n  try:\n    await save()\n  except Exception:\n    return Retryable(Problem('odd'))",
        "def f():\n  with contextlib.suppress(Exception):\n    save()",
    ],
)
def test_a_planted_wide_handler_is_caught(text: str) -> None:
    assert list(wide_without_word(planted(text)))
