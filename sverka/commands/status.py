"""`status`: how every service is."""

import typer

from sverka.endings import NotAsWished
from sverka.language import tr
from sverka.reach import AsJson, Reach, with_reach
from sverka.screen import moment, print_document, show, table
from sverka.status import ask_all


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(
        help=tr(
            "How every service is, asked of each itself. Example: sverka status --json",
            "Состояние каждого сервиса по его собственным словам. Пример: sverka status --json",
        )
    )(with_reach(status))


def status(reach: Reach, *, as_json: AsJson = False) -> None:
    """Exit code 1 when a service is not ready."""
    document = ask_all(reach)
    if as_json:
        print_document(document)
    else:
        titles = (
            tr("service", "сервис"),
            tr("ready", "готов"),
            tr("unsent", "не отправлено"),
            tr("lag", "отставание"),
            tr("due", "к работе"),
            tr("delayed", "отложено"),
            tr("cards", "решения"),
            tr("dead", "недоставлено"),
            tr("note", "примечание"),
        )
        table(
            titles,
            (
                (
                    name,
                    one.ready,
                    f"{one.outbox_unsent} ({one.outbox_oldest_seconds:.0f} s)" if one.outbox_unsent else 0,
                    one.consumer_lag,
                    one.due_work,
                    one.delayed_work,
                    one.cards_open,
                    one.dead_letters,
                    "; ".join([*(f"{part}: {why}" for part, why in one.missing.items()), one.consumer_stopped]).strip(
                        "; "
                    ),
                )
                for name, one in document.services.items()
            ),
        )
        show("")
        show(tr("idle", "работы нет") if document.idle else tr("working", "работает"))
        if document.quiet_since is not None:
            since = moment(document.quiet_since)
            show(tr(f"nothing new at the vendors since {since}", f"новостей у систем нет с {since}"))
    if not document.ready:
        unready = ", ".join(name for name, one in document.services.items() if not one.ready)
        raise NotAsWished(
            tr(f"Not ready: {unready}. See the logs in the data folder.", f"Не готовы: {unready}. Смотрите logs.")
        )
