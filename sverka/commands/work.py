"""`work`: due and delayed work with the reason in words."""

from typing import Annotated, Any

import typer

from sverka.api import connect
from sverka.commands.grouping import group
from sverka.language import example, tr
from sverka.models import WorkDocument, WorkItem
from sverka.reach import AsJson, Reach, with_reach
from sverka.screen import moment, outline, print_document, show, table
from sverka.story import labels
from sverka.story.words import words

Tenant = Annotated[str | None, typer.Option("--tenant", help=tr("Of one tenant.", "Одного клиента."))]
Id = Annotated[str, typer.Argument(help=tr("As the list shows it.", "Как в списке."))]


def register(app: typer.Typer) -> None:
    """Adds the group."""
    work = group(app, "work", tr("Due and delayed work.", "Работа, которую пора сделать, и отложенная."))
    work.command("list", help=example("What waits, and why.", "Что ждёт и почему.", "work list --tenant vektor"))(
        with_reach(listed)
    )
    work.command("show", help=example("One with every attempt.", "Одна со всеми попытками.", "work show ID"))(
        with_reach(shown)
    )
    work.command("retry", help=example("Have it tried now.", "Попробовать сейчас.", "work retry ID"))(
        with_reach(retried)
    )


def listed(reach: Reach, *, tenant: Tenant = None, as_json: AsJson = False) -> None:
    """The longest waiting first."""
    with connect(reach) as api:
        document = WorkDocument(work=[described(item) for item in api.work(tenant)])
    if as_json:
        print_document(document)
    elif not document.work:
        show(tr("Nothing waits.", "Ничего не ждёт."))
    else:
        titles = (
            "id",
            tr("tenant", "клиент"),
            tr("what", "что"),
            tr("of", "чего"),
            tr("state", "состояние"),
            tr("due", "срок"),
            tr("delayed since", "отложено с"),
            tr("why", "почему"),
        )
        spoken = words()
        table(
            titles,
            (
                (
                    item.work_id,
                    item.tenant,
                    spoken.of(labels.WORK, item.kind),
                    item.stream,
                    spoken.of(labels.STATES, item.state),
                    moment(item.due_at),
                    moment(item.delayed_since),
                    item.reason_text,
                )
                for item in document.work
            ),
        )


def shown(reach: Reach, work_id: Id, *, as_json: AsJson = False) -> None:
    """Open or closed."""
    with connect(reach) as api:
        item = described(api.work_item(work_id))
    if as_json:
        print_document(item)
    else:
        outline(item.model_dump(mode="json"))


def retried(reach: Reach, work_id: Id, *, as_json: AsJson = False) -> None:
    """Never a blind second send: what may be outside is looked up first."""
    with connect(reach) as api:
        item = described(api.retry(work_id))
    if as_json:
        print_document(item)
    else:
        state = words().of(labels.STATES, item.state)
        show(tr(f"It is tried now ({state}).", f"Пробуем сейчас ({state})."))


def described(item: dict[str, Any]) -> WorkItem:
    """With its reason in words."""
    return WorkItem.model_validate({**item, "reason_text": words().why(item.get("reason") or [])})
