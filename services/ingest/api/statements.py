"""POST /statements/{hook_secret}: takes a bank statement file, whole and durable before it is answered."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import unquote

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis import log
from chassis.blobs import Blobs, BlobStoreAway
from chassis.clock import Clock
from chassis.domain import Problem
from chassis.engine import Command, Engine
from chassis.ids import TenantId
from chassis.openapi import answers
from chassis.postgres import INFRASTRUCTURE_ERRORS, Database
from connectors.bank_statement import looks_whole
from services.ingest import metrics
from services.ingest.api.directory import HookDirectory, Owner
from services.ingest.domain import statement

PREFIX: Final = "/statements/"
UPLOAD_BYTES_MAX: Final = 16 * 1024 * 1024
FILE_NAME_LENGTH_MAX: Final = 120
HOOK_SECRET_LENGTH_MAX: Final = 100

_SENTENCES: Final = {
    "statement_not_this_format": "this is no bank statement; its first line must be 1CClientBankExchange",
    "statement_encoding_unknown": "the text cannot be read; export it as Windows (cp1251), DOS (cp866) or UTF-8",
    "statement_cut_off": "the file is cut off; its last line must be КонецФайла",
    "statement_after_end": "line {line}: there is more text behind КонецФайла; send each file by itself",
    "statement_account_missing": "the file names no account of its own; it needs a line РасчСчет=20 digits",
}
_FILE_NAME: Final = re.compile(r"filename\*?=(?:UTF-8'')?\"?([^\";]+)", re.IGNORECASE)

_AWAY: Final[tuple[type[BaseException], ...]] = (BlobStoreAway, *INFRASTRUCTURE_ERRORS)

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that is durable. ``again``: its very bytes were taken before."""

    statement_id: str
    again: bool


class Statements:
    """Takes files, from wherever they come."""

    def __init__(self, database: Database, engine: Engine, blobs: Blobs, clock: Clock) -> None:
        self._database = database
        self._engine = engine
        self._blobs = blobs
        self._clock = clock

    async def take(
        self, tenant: TenantId, data: bytes, file_name: str, source: Literal["upload", "folder"]
    ) -> Taken | Problem:
        """Stores the bytes, then says so; or why it is no whole statement. Raises the infrastructure errors of Postgres
        and of the blobs, BlobTooLarge."""
        problem = looks_whole(data)
        if problem is not None:
            metrics.STATEMENTS.labels(source, "refused").inc()
            return problem
        blob = await self._blobs.put(tenant, data)
        name = statement.statement_id(blob.sha256)
        body = statement.TakeStatement(
            statement_id=name,
            blob=str(blob),
            file_name=plain_name(file_name),
            size_bytes=len(data),
            source=source,
        )
        command = Command(tenant, f"{statement.PREFIX}-{name}", body, f"take:{name}", {"cause": source})
        async with self._database.transaction([tenant]) as connection:
            (executed,) = await self._engine.execute(connection, [command], self._clock.now())
        again = executed.repeated or not executed.recorded
        metrics.STATEMENTS.labels(source, "again" if again else "taken").inc()
        return Taken(name, again)


class StatementRoutes:
    """The way in over HTTP."""

    def __init__(self, statements: Statements, directory: HookDirectory[Owner]) -> None:
        self._statements = statements
        self._directory = directory

    def routes(self) -> list[BaseRoute]:
        """``POST /statements/{hook_secret}``."""
        return [Route(PREFIX + "{hook_secret}", self.posted, methods=["POST"])]

    @answers(200, 400, 404)
    async def posted(self, request: Request) -> Response:
        """The file's bytes as the body; its name as ``?name=`` or in Content-Disposition. Answered 200 once stored."""
        hook_secret = request.path_params["hook_secret"]
        try:
            owner = None
            if len(hook_secret) <= HOOK_SECRET_LENGTH_MAX:
                owner = self._directory.at_hand(hook_secret) or await self._directory.find(hook_secret)
            if owner is None:
                return _json(404, {"error": "nobody has this address"})
            taken = await self._statements.take(owner.tenant, await request.body(), _name_in(request), "upload")
        except _AWAY as error:
            _log.warning("a statement could not be stored", error=type(error).__name__)
            return _json(503, {"error": "it cannot be stored now"}, {"retry-after": "5"})
        if isinstance(taken, Problem):
            return _json(400, {"error": sentence_of(taken), "code": taken.code})
        return _json(200, {"statement_id": taken.statement_id, "again": taken.again})


def sentence_of(problem: Problem) -> str:
    """Why a file is refused, and what to do."""
    return _SENTENCES[problem.code].format(**problem.values)


def plain_name(name: str) -> str:
    """A file's name without its folder and without what no name has."""
    last = re.split(r"[/\\]", name)[-1]
    return "".join(c for c in last if c.isprintable())[-FILE_NAME_LENGTH_MAX:].strip()


def _name_in(request: Request) -> str:
    if given := request.query_params.get("name", ""):
        return given
    found = _FILE_NAME.search(request.headers.get("content-disposition", ""))
    return "" if found is None else unquote(found[1])


def _json(status: int, body: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, dict(headers or {}), "application/json")
