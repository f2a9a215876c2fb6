"""`decide`: decision cards."""

import getpass
from typing import Annotated, Any

import typer

from sverka.api import connect
from sverka.commands.grouping import group
from sverka.endings import WrongUse
from sverka.language import example, tr
from sverka.models import Decision, DecisionsDocument
from sverka.reach import AsJson, Reach, with_reach
from sverka.screen import moment, print_document, show
from sverka.story.words import words

Tenant = Annotated[str | None, typer.Option("--tenant", help=tr("Of one tenant.", "Одного клиента."))]
Id = Annotated[str, typer.Argument(help=tr("As the list shows it.", "Как в списке."))]


def register(app: typer.Typer) -> None:
    """Adds the group."""
    decide = group(app, "decide", tr("Decisions that wait for a person.", "Решения, которых ждут от человека."))
    decide.command("list", help=example("What is asked.", "О чём спрашивают.", "decide list"))(with_reach(listed))
    decide.command("show", help=example("One.", "Одно.", "decide show ID"))(with_reach(shown))
    decide.command("take", help=example("Decide.", "Решить.", "decide take ID found --number B24-1042 --by anna"))(
        with_reach(taken)
    )


def listed(
    reach: Reach,
    *,
    tenant: Tenant = None,
    every: Annotated[bool, typer.Option("--all", help=tr("Those taken too.", "И принятые."))] = False,
    as_json: AsJson = False,
) -> None:
    """The oldest first."""
    with connect(reach) as api:
        document = DecisionsDocument(decisions=[described(card) for card in api.decisions(tenant, every=every)])
    if as_json:
        print_document(document)
    elif not document.decisions:
        show(tr("Nothing is asked.", "Вопросов нет."))
    else:
        for card in document.decisions:
            _print(card)


def shown(reach: Reach, card_id: Id, *, as_json: AsJson = False) -> None:
    """Open or taken."""
    with connect(reach) as api:
        card = described(api.decision(card_id))
    if as_json:
        print_document(card)
    else:
        _print(card)


def taken(
    reach: Reach,
    card_id: Id,
    choice: Annotated[str, typer.Argument(help=tr("One of the card's choices.", "Один из вариантов карточки."))],
    *,
    number: Annotated[str, typer.Option(help=tr("What was found at the vendor.", "Найденный номер."))] = "",
    by: Annotated[str, typer.Option(metavar="USER", help=tr("Who decides.", "Кто решает."))] = "",
    as_json: AsJson = False,
) -> None:
    """Once; the second decision is refused."""
    if choice == "found" and not number:
        raise WrongUse(
            tr("`found` needs the number of what was found: --number N.", "Для `found` нужен номер: --number N.")
        )
    with connect(reach) as api:
        card = described(api.decide(card_id, choice, number=number, by=by or getpass.getuser()))
    if as_json:
        print_document(card)
    else:
        meaning = card.choice_texts.get(choice, choice)
        show(tr(f"Decided: {meaning}.", f"Решено: {meaning}."))


def described(card: dict[str, Any]) -> Decision:
    """With its question and choices in words."""
    spoken = words()
    kind = str(card["kind"])
    return Decision.model_validate(
        {
            **card,
            "question": spoken.card(kind, card.get("values") or {}),
            "choice_texts": {choice: spoken.choice(kind, choice) for choice in card.get("choices") or ()},
        }
    )


def _print(card: Decision) -> None:
    deal = f" · {tr('deal', 'сделка')} {card.deal_id}" if card.deal_id else ""
    show(f"{card.card_id}  {card.tenant}{deal}  {moment(card.opened_at)}")
    show(f"  {card.question}")
    if card.choice is not None:
        show(f"  ✓ {card.choice_texts.get(card.choice, card.choice)} ({card.taken_by})")
        return
    for choice, meaning in card.choice_texts.items():
        show(f"  {choice:<16} {meaning}")
