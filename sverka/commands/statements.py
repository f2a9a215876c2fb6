"""`statements`: bank statement files, what reading them gave, and what was left out on which line."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from sverka.api import Api, connect
from sverka.commands.grouping import group
from sverka.endings import NotAsWished, WrongUse
from sverka.language import example, tr
from sverka.models import StatementFile, StatementsDocument
from sverka.reach import AsJson, Reach, with_reach
from sverka.screen import err, moment, print_document, show, table
from sverka.story.words import words

FILE_BYTES_MAX: Final = 16 * 1024 * 1024
LOOK_SECONDS: Final = 0.3
READ_SECONDS_MAX: Final = 300.0
WAITING: Final = "waiting"

Tenant = Annotated[str, typer.Argument(help=tr("The tenant.", "Клиент."))]


def register(app: typer.Typer) -> None:
    """Adds the group."""
    statements = group(app, "statements", tr("Bank statement files.", "Файлы банковских выписок."))
    statements.command(
        "put",
        help=example(
            "Send a file and wait until it is read; exit code 1 if anything in it was not taken.",
            "Передать файл и дождаться чтения; код 1, если что-то в нём не принято.",
            "statements put vektor kl_to_1c.txt",
        ),
    )(with_reach(put))
    statements.command(
        "list", help=example("What was sent, newest first.", "Что передано, новые сверху.", "statements list vektor")
    )(with_reach(listed))
    statements.command(
        "show",
        help=example(
            "One file, with what was not taken by line.", "Файл и непринятое по строкам.", "statements show vektor ID"
        ),
    )(with_reach(shown))


def put(
    reach: Reach,
    tenant: Tenant,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="1CClientBankExchange")],
    *,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help=tr("Until it is read.", "Пока не прочитан."))] = True,
    as_json: AsJson = False,
) -> None:
    """The same bytes again change nothing."""
    data = _bytes_of(file)
    with connect(reach) as api:
        with err.status(tr(f"Sending {file.name}…", f"Передаём {file.name}…")):
            sent = api.put_statement(tenant, data, file.name)
        found = _read(api, tenant, sent["statement_id"], wait=wait)
    found = found.model_copy(update={"again": sent["again"]})
    if as_json:
        print_document(found)
    else:
        if found.again:
            show(tr("These bytes were sent before; nothing is read twice.", "Этот файл уже передавали."))
        _show(found)
    if found.status == "refused" or found.problem_count:
        raise NotAsWished(
            tr(
                f"Not all of {file.name} was taken: {found.taken} of {found.sections} operations.",
                f"Из {file.name} принято не всё: операций {found.taken} из {found.sections}.",
            )
        )


def listed(
    reach: Reach,
    tenant: Tenant,
    *,
    limit: Annotated[int, typer.Option(min=1, max=500, help=tr("How many at most.", "Не больше стольких."))] = 100,
    as_json: AsJson = False,
) -> None:
    """With how many operations each has."""
    with connect(reach) as api:
        document = StatementsDocument(statements=[_described(one) for one in api.statements(tenant, limit)])
    if as_json:
        print_document(document)
    elif not document.statements:
        show(tr("There are none yet.", "Пока нет."))
    else:
        titles = (
            "id",
            tr("received", "получен"),
            tr("file", "файл"),
            tr("state", "состояние"),
            tr("operations", "операций"),
            tr("taken", "принято"),
            tr("not taken", "не принято"),
        )
        table(
            titles,
            (
                (
                    one.statement_id,
                    moment(one.received_at),
                    one.file_name,
                    _state(one),
                    one.sections,
                    one.taken,
                    one.problem_count,
                )
                for one in document.statements
            ),
        )


def shown(
    reach: Reach,
    tenant: Tenant,
    statement_id: Annotated[str, typer.Argument(metavar="ID", help=tr("As the list shows it.", "Как в списке."))],
    *,
    as_json: AsJson = False,
) -> None:
    """Accounts, days, and the lines."""
    with connect(reach) as api:
        found = _find(api, tenant, statement_id)
    if found is None:
        raise NotAsWished(
            tr(
                f"{tenant} has no file {statement_id} among its newest: sverka statements list {tenant}.",
                f"У {tenant} нет файла {statement_id} среди последних: sverka statements list {tenant}.",
            )
        )
    if as_json:
        print_document(found)
    else:
        _show(found)


def _bytes_of(file: Path) -> bytes:
    try:
        size = file.stat().st_size
        if size > FILE_BYTES_MAX:
            raise NotAsWished(
                tr(
                    f"{file} has {size} bytes, and {FILE_BYTES_MAX} can be sent. Put it into the folder of statements "
                    "(SVERKA_STATEMENTS_FOLDER), or export fewer days.",
                    f"В {file} {size} байт, передать можно {FILE_BYTES_MAX}. Положите его в папку выписок "
                    "(SVERKA_STATEMENTS_FOLDER) или выгрузите меньше дней.",
                )
            )
        return file.read_bytes()
    except OSError as error:
        raise WrongUse(
            tr(f"{file} cannot be read: {error.strerror}.", f"Не читается {file}: {error.strerror}.")
        ) from error


def _read(api: Api, tenant: str, statement_id: str, *, wait: bool) -> StatementFile:
    """The file once it is read, or as it is when nobody waits."""
    began = time.monotonic()
    with err.status("") as progress:
        while True:
            found = _find(api, tenant, statement_id)
            spent = time.monotonic() - began
            if found is not None and (found.status != WAITING or not wait):
                return found
            if spent > READ_SECONDS_MAX:
                raise NotAsWished(
                    tr(
                        f"It is stored and not read yet; see sverka statements list {tenant} and sverka work list.",
                        f"Файл сохранён, но ещё не прочитан; см. sverka statements list {tenant} и sverka work list.",
                    )
                )
            progress.update(tr(f"Stored; being read, {spent:.0f} s…", f"Сохранён; читается, {spent:.0f} с…"))
            time.sleep(LOOK_SECONDS)


def _find(api: Api, tenant: str, statement_id: str) -> StatementFile | None:
    rows = api.statements(tenant)
    return next((_described(one) for one in rows if one["statement_id"] == statement_id), None)


def _described(row: dict[str, Any]) -> StatementFile:
    """With its problems in words."""
    why: Callable[[Any], str] = words().why
    problems = [{**one, "text": why({"code": one["code"], "values": one["values"]})} for one in row["problems"]]
    return StatementFile.model_validate({**row, "problems": problems})


def _state(found: StatementFile) -> str:
    return {
        WAITING: tr("waits to be read", "ждёт чтения"),
        "read": tr("read", "прочитан"),
        "refused": tr("refused", "не принят"),
    }[found.status]


def _show(found: StatementFile) -> None:
    days = "" if found.first_day is None else f"{found.first_day:%d.%m.%Y} – {found.last_day:%d.%m.%Y}"
    show(f"{found.statement_id}  {found.file_name}  {_state(found)}")
    if found.status == "read":
        accounts = ", ".join(found.accounts)
        operations = tr(
            f"{found.taken} of {found.sections} operations taken", f"принято операций {found.taken} из {found.sections}"
        )
        show(f"  {operations}  {days}  {accounts}")
    for one in found.problems:
        show(f"  {tr('line', 'строка')} {one.line}: {one.text or one.code}")
    if found.problem_count > len(found.problems):
        more = found.problem_count - len(found.problems)
        show(tr(f"  … and {more} more", f"  … и ещё {more}"))
