"""`dead`: messages that could not be handled; `republish`: messages that the broker lost."""

import getpass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from sverka.api import connect
from sverka.commands.grouping import group
from sverka.endings import NotAsWished, WrongUse
from sverka.language import example, tr
from sverka.models import DeadDocument, DeadLetter, ReplayDocument, RepublishDocument
from sverka.reach import AsJson, Reach, with_reach
from sverka.screen import moment, outline, print_document, show, table

Tenant = Annotated[str | None, typer.Option("--tenant", help=tr("Of one tenant.", "Одного клиента."))]


def register(app: typer.Typer) -> None:
    """Adds the group."""
    dead = group(app, "dead", tr("Messages that could not be handled.", "Сообщения, которые не удалось обработать."))
    dead.command("list", help=example("All that are open.", "Все открытые.", "dead list"))(with_reach(listed))
    dead.command("show", help=example("One with its body.", "Одно с содержимым.", "dead show ID"))(with_reach(shown))
    dead.command(
        "replay",
        help=example(
            "Handle them again.", "Обработать снова.", "dead replay --all --since 2026-11-20T00:00:00Z --dry-run"
        ),
    )(with_reach(replayed))
    dead.command(
        "discard", help=example("Give one up, so that its key goes on.", "Отказаться от одного.", "dead discard ID")
    )(with_reach(discarded))
    app.command(
        "republish",
        help=example(
            "Write a topic anew from the event store, after a loss at the broker.",
            "Записать топик заново из хранилища событий, после потери в Kafka.",
            "republish deals --since 2026-11-20T00:00:00+03:00",
        ),
    )(with_reach(republished))


def listed(reach: Reach, *, tenant: Tenant = None, as_json: AsJson = False) -> None:
    """In the order of their death."""
    with connect(reach) as api:
        document = DeadDocument(dead=[DeadLetter.model_validate(item) for item in api.dead(tenant)])
    if as_json:
        print_document(document)
    elif not document.dead:
        show(tr("There are none.", "Таких нет."))
    else:
        titles = (
            "id", tr("service", "сервис"), tr("tenant", "клиент"), tr("type", "тип"), tr("key", "ключ"),
            tr("since", "с"), tr("why", "почему"),
        )  # fmt: skip
        rows = (
            (one.event_id, one.service, one.tenant, one.type, one.key, moment(one.dead_at), one.error or one.reason)
            for one in document.dead
        )
        table(titles, rows)


def shown(
    reach: Reach,
    event_id: Annotated[str, typer.Argument(metavar="ID", help=tr("As the list shows it.", "Как в списке."))],
    *,
    as_json: AsJson = False,
) -> None:
    """Open or resolved."""
    with connect(reach) as api:
        letter = DeadLetter.model_validate(api.dead_letter(event_id))
    if as_json:
        print_document(letter)
    else:
        outline(letter.model_dump(mode="json"))


def replayed(
    reach: Reach,
    event_ids: Annotated[list[str] | None, typer.Argument(metavar="[ID…]")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help=tr("All that are open.", "Все открытые."))] = False,
    since: Annotated[
        str, typer.Option(metavar="TIME", help=tr("With --all: dead since.", "С --all: с какого времени."))
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=tr("Only say what would happen.", "Только сказать, что будет."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Each key's letters in their order, up to the first that fails again."""
    if bool(event_ids) == every:
        raise WrongUse(tr("Name ids, or give --all.", "Укажите id или --all."))
    if since and not every:
        raise WrongUse(tr("--since goes with --all.", "--since указывают вместе с --all."))
    with connect(reach) as api:
        wanted = event_ids or [one["event_id"] for one in api.dead() if _since(one, since)]
        answer: dict[str, Any] = api.replay(wanted, dry_run=dry_run) if wanted else {"results": []}
    outcome = ReplayDocument.model_validate(answer)
    if as_json:
        print_document(outcome)
    elif not wanted:
        show(tr("There is nothing to replay.", "Повторять нечего."))
    else:
        titles = ("id", tr("service", "сервис"), tr("result", "итог"), tr("why", "почему"))
        table(titles, ((one.event_id, one.service, one.result, one.error) for one in outcome.results))
    failed = [one for one in outcome.results if one.error]
    if failed:
        raise NotAsWished(
            tr(f"{len(failed)} of {len(wanted)} failed again.", f"Снова не удалось: {len(failed)} из {len(wanted)}.")
        )


def discarded(
    reach: Reach,
    event_id: Annotated[str, typer.Argument(metavar="ID", help=tr("As the list shows it.", "Как в списке."))],
    *,
    by: Annotated[str, typer.Option(metavar="USER", help=tr("Who decides.", "Кто решает."))] = "",
    as_json: AsJson = False,
) -> None:
    """Its message is never handled; later ones of its key go on."""
    with connect(reach) as api:
        letter = DeadLetter.model_validate(api.discard(event_id, by=by or getpass.getuser()))
    if as_json:
        print_document(letter)
    else:
        show(tr(f"{letter.event_id} is given up.", f"{letter.event_id} больше не обрабатывается."))


def republished(
    reach: Reach,
    topic: Annotated[str, typer.Argument(help=tr("The topic's name.", "Имя топика."))],
    *,
    since: Annotated[
        str, typer.Option(metavar="TIME", help=tr("Facts since then; all by default.", "С какого времени; иначе все."))
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Message ids are the same as before, so that consumers which have them leave them alone."""
    with connect(reach) as api:
        done = RepublishDocument.model_validate(api.republish(topic, since))
    if as_json:
        print_document(done)
    else:
        show(
            tr(
                f"{done.topic}: {done.messages} messages are on their way.",
                f"{done.topic}: отправляется {done.messages}.",
            )
        )


def _since(letter: dict[str, Any], since: str) -> bool:
    if not since:
        return True
    try:
        moment_since = datetime.fromisoformat(since)
    except ValueError as error:
        raise WrongUse(
            tr(
                f"{since!r} is not a time; write it such as 2026-11-20T09:00:00+03:00.",
                f"{since!r} не время; напишите, например, 2026-11-20T09:00:00+03:00.",
            )
        ) from error
    zoned = moment_since if moment_since.tzinfo else moment_since.replace(tzinfo=UTC)
    return datetime.fromisoformat(str(letter["dead_at"])) >= zoned
