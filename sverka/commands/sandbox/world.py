"""`sandbox clock | limits | faults | seed | reset | ledger | ca | status`: how the simulated world behaves."""

import sys
from typing import Annotated, Any

import typer

from sverka.amounts import pairs, seconds
from sverka.commands.grouping import group
from sverka.commands.sandbox.asking import answer, ask, control
from sverka.endings import NotAsWished, WrongUse
from sverka.language import example, tr
from sverka.reach import AsJson, Reach, with_reach
from sverka.screen import print_document, say, show


def register(parent: typer.Typer) -> None:
    """Adds the commands."""
    clock = group(parent, "clock", tr("Business time.", "Время."))
    clock.command("show", help=example("What time it is.", "Который час.", "sandbox clock show"))(
        with_reach(show_clock)
    )
    clock.command("set", help=example("Set it.", "Установить.", "sandbox clock set 2026-11-20T09:00:00+03:00"))(
        with_reach(set_clock)
    )
    clock.command("advance", help=example("Move it on.", "Перевести вперёд.", "sandbox clock advance 7d"))(
        with_reach(advance_clock)
    )
    clock.command("rate", help=example("Run it faster.", "Ускорить.", "sandbox clock rate 60"))(with_reach(rate_clock))
    parent.command("limits", help=example("Vendors' rate limits.", "Лимиты систем.", "sandbox limits off"))(
        with_reach(limits)
    )
    faults = group(parent, "faults", tr("What goes wrong and when.", "Что и когда ломается."))
    faults.command("list", help=example("The plan and all kinds.", "План и все виды.", "sandbox faults list"))(
        with_reach(list_faults)
    )
    faults.command(
        "add",
        help=example(
            "Add a rule.",
            "Добавить правило.",
            "sandbox faults add elba invoice.create timeout_after --call 1 --call 3",
        ),
    )(with_reach(add_fault))
    faults.command("clear", help=example("Remove one, or all.", "Убрать одно или все.", "sandbox faults clear"))(
        with_reach(clear_faults)
    )
    parent.command("seed", help=example("Portals and accounts in pairs.", "Порталы и учётные записи.", "sandbox seed"))(
        with_reach(seed)
    )
    parent.command("reset", help=example("Empty everything.", "Очистить всё.", "sandbox reset --yes"))(
        with_reach(reset)
    )
    parent.command(
        "ledger",
        help=example("What happened, as JSON lines.", "Что было, строками JSON.", "sandbox ledger --kind request"),
    )(with_reach(ledger))
    parent.command(
        "ca",
        help=example(
            "The authority to trust for calls over https.",
            "Удостоверяющий центр песочницы для вызовов по https.",
            "sandbox ca",
        ),
    )(with_reach(authority))
    parent.command("status", help=example("What is still to happen.", "Что ещё произойдёт.", "sandbox status"))(
        with_reach(status)
    )


def show_clock(reach: Reach, *, as_json: AsJson = False) -> None:
    """Business time, rate, revision, and who is behind."""
    answer(ask(reach, "GET", "/clock"), as_json=as_json)


def set_clock(reach: Reach, time: Annotated[str, typer.Argument(metavar="TIME")], *, as_json: AsJson = False) -> None:
    """Returns when all services have it."""
    _turn(reach, {"set": time}, as_json)


def advance_clock(
    reach: Reach, duration: Annotated[str, typer.Argument(metavar="DURATION")], *, as_json: AsJson = False
) -> None:
    """Returns when all services have it."""
    _turn(reach, {"advance_seconds": seconds(duration)}, as_json)


def rate_clock(reach: Reach, rate: Annotated[float, typer.Argument(min=0)], *, as_json: AsJson = False) -> None:
    """1 is real time, 60 an hour in a minute, 0 stops it."""
    _turn(reach, {"rate": rate}, as_json)


def _turn(reach: Reach, change: dict[str, Any], as_json: bool) -> None:
    done = ask(reach, "POST", "/clock", {**change, "wait": True})
    answer(done, as_json=as_json)
    if done["behind"]:
        behind = ", ".join(done["behind"])
        raise NotAsWished(tr(f"Not all have the new time yet: {behind}.", f"Новое время получили не все: {behind}."))


def limits(
    reach: Reach,
    state: Annotated[str | None, typer.Argument(metavar="[on|off]")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Shows or switches them."""
    if state not in (None, "on", "off"):
        raise WrongUse(tr("Write on or off.", "Напишите on или off."))
    done = ask(reach, "GET", "/limits") if state is None else ask(reach, "POST", "/limits", {"enabled": state == "on"})
    answer(done, as_json=as_json)


def list_faults(reach: Reach, *, as_json: AsJson = False) -> None:
    """Rules with how often each fired, then the kinds."""
    answer(ask(reach, "GET", "/faults"), as_json=as_json)


def add_fault(
    reach: Reach,
    vendor: Annotated[str, typer.Argument(help="elba | bitrix24")],
    operation: Annotated[str, typer.Argument(help=tr("A name or a glob: invoice.*", "Имя или маска: invoice.*"))],
    kind: Annotated[str, typer.Argument(help=tr("See: sverka sandbox faults list", "См. sverka sandbox faults list"))],
    *,
    account: Annotated[str, typer.Option(help=tr("One account or portal.", "Одна учётная запись или портал."))] = "",
    call: Annotated[list[int] | None, typer.Option(help=tr("The n-th call.", "Какой вызов по счёту."))] = None,
    rate: Annotated[float | None, typer.Option(min=0, max=1, help=tr("A share of calls.", "Доля вызовов."))] = None,
    seed: Annotated[int, typer.Option(help=tr("Of the share.", "Зерно доли."))] = 0,
    limit: Annotated[int | None, typer.Option(min=1, help=tr("Fires at most.", "Не больше раз."))] = None,
    param: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE")] = None,
    as_json: AsJson = False,
) -> None:
    """One rule of the plan."""
    rule: dict[str, Any] = {"vendor": vendor, "operation": operation, "kind": kind, "params": pairs(param or [])}
    given = {"account": account or None, "calls": call, "rate": rate, "limit": limit}
    rule |= {name: value for name, value in given.items() if value is not None}
    if rate is not None:
        rule["seed"] = seed
    answer(ask(reach, "POST", "/faults", rule), as_json=as_json)


def clear_faults(
    reach: Reach, rule: Annotated[str | None, typer.Argument(metavar="[ID]")] = None, *, as_json: AsJson = False
) -> None:
    """All, or one."""
    answer(ask(reach, "DELETE", "/faults" if rule is None else f"/faults/{rule}"), as_json=as_json)


def seed(
    reach: Reach,
    *,
    portals: Annotated[int, typer.Option(min=1, max=100, help=tr("How many pairs.", "Сколько пар."))] = 1,
    number: Annotated[int, typer.Option("--seed", help=tr("The same seed, the same world.", "Зерно."))] = 7,
    buyers: Annotated[
        int, typer.Option(min=1, max=200, help=tr("Companies in each portal.", "Компаний в портале."))
    ] = 10,
    as_json: AsJson = False,
) -> None:
    """Prints every credential and id as environment lines."""
    done = ask(reach, "POST", "/seed", {"portals": portals, "seed": number, "buyers_per_portal": buyers})
    if as_json:
        print_document(done)
        return
    for line in done["env_lines"]:
        show(line)


def reset(
    reach: Reach,
    *,
    yes: Annotated[bool, typer.Option("--yes", help=tr("Without asking.", "Не спрашивать."))] = False,
    as_json: AsJson = False,
) -> None:
    """Portals, accounts, faults and ledger; the clock returns to real time."""
    if not yes and not typer.confirm(tr("Empty the sandbox?", "Очистить песочницу?"), err=True):
        raise NotAsWished(tr("Nothing was changed.", "Ничего не изменено."))
    answer(ask(reach, "POST", "/reset", {}), as_json=as_json)


def ledger(
    reach: Reach,
    *,
    vendor: Annotated[str, typer.Option()] = "",
    account: Annotated[str, typer.Option()] = "",
    kind: Annotated[str, typer.Option(help="request | change | event | fault | control")] = "",
    after: Annotated[int, typer.Option(help=tr("Lines after this number.", "Строки после этой."))] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 1000,
) -> None:
    """JSON lines, oldest first."""
    query = {"vendor": vendor or None, "account": account or None, "kind": kind or None, "after": after, "limit": limit}
    with control(reach) as sandbox:
        lines = sandbox.raw("GET", "/ledger", query=query).content
    sys.stdout.buffer.write(lines)
    sys.stdout.buffer.flush()
    if lines.count(b"\n") == limit:
        say(tr("There may be more: give --after.", "Возможно, есть ещё: укажите --after."))


def authority(reach: Reach, *, as_json: AsJson = False) -> None:
    """Prints the path of its certificate alone, for curl --cacert and SSL_CERT_FILE; --json has the address too."""
    done = ask(reach, "GET", "/https")
    if as_json:
        print_document({"https_url": done["https_url"], "ca_file": done["ca_file"]})
        return
    show(done["ca_file"])


def status(reach: Reach, *, as_json: AsJson = False) -> None:
    """Events and timed work pending."""
    answer(ask(reach, "GET", "/status"), as_json=as_json)
