"""`sandbox app | token | placement | robot | uninstall`: applications in portals, their tokens and pages."""

from typing import Annotated, Any

import typer

from sverka.amounts import pairs
from sverka.commands.grouping import group
from sverka.commands.sandbox.asking import answer, ask, at
from sverka.commands.sandbox.crm import Portal, Values
from sverka.language import example, tr
from sverka.reach import AsJson, Reach, with_reach

App = Annotated[int | None, typer.Option(help=tr("Which one; else the only one.", "Какое; иначе единственное."))]
User = Annotated[int | None, typer.Option(help=tr("The user who acts.", "Кто действует."))]


def register(parent: typer.Typer) -> None:
    """Adds the commands."""
    app = group(parent, "app", tr("Applications of a portal.", "Приложения портала."))
    app.command("list", help=example("With credentials.", "С доступами.", "sandbox app list vektor"))(
        with_reach(listed)
    )
    app.command("add", help=example("Register one.", "Зарегистрировать.", "sandbox app add vektor --ui"))(
        with_reach(add)
    )
    app.command(
        "install",
        help=example(
            "Install it: it hears ONAPPINSTALL, or its page is opened.",
            "Установить: оно получит ONAPPINSTALL или откроется его страница.",
            "sandbox app install vektor http://127.0.0.1:8080/hooks/bitrix24/SECRET",
        ),
    )(with_reach(install))
    app.command(
        "edit",
        help=example("Status, paid, addresses.", "Статус, оплата, адреса.", "sandbox app edit vektor paid=false"),
    )(with_reach(edit))
    app.command("update", help=example("A new version.", "Новая версия.", "sandbox app update vektor --new-token"))(
        with_reach(update)
    )
    parent.command(
        "uninstall", help=example("Remove the application.", "Удалить приложение.", "sandbox uninstall vektor")
    )(with_reach(uninstall))
    parent.command(
        "token",
        help=example(
            "A token in any state, or all of them put into one.",
            "Токен в любом состоянии, или все сразу.",
            "sandbox token vektor expired --existing",
        ),
    )(with_reach(token))
    parent.command(
        "placement",
        help=example(
            "Open an application's page.",
            "Открыть страницу приложения.",
            "sandbox placement vektor CRM_DEAL_DETAIL_TAB ID=1001",
        ),
    )(with_reach(placement))
    parent.command(
        "robot",
        help=example(
            "Run a robot on a deal: the stock webhook by URL, an application's by code.",
            "Запустить робота на сделке: вебхук по адресу или робота приложения по коду.",
            "sandbox robot vektor 1001 --address http://127.0.0.1:8080/hooks/bitrix24/SECRET",
        ),
    )(with_reach(robot))


def listed(reach: Reach, portal: Portal, *, as_json: AsJson = False) -> None:
    """Client ids and secrets, handlers, placements."""
    columns = ("app", "title", "client_id", "client_secret", "installed", "install_url")
    answer(ask(reach, "GET", f"/bitrix24/portals/{portal}/apps"), as_json=as_json, columns=columns, under="apps")


def add(
    reach: Reach,
    portal: Portal,
    *,
    title: Annotated[str, typer.Option()] = "",
    ui: Annotated[bool, typer.Option("--ui", help=tr("It has a page.", "У него есть страница."))] = False,
    handler_url: Annotated[str, typer.Option()] = "",
    as_json: AsJson = False,
) -> None:
    """As an administrator registers a local application."""
    body = _given(title=title or None, ui=ui or None, handler_url=handler_url or None)
    answer(ask(reach, "POST", f"/bitrix24/portals/{portal}/apps", body), as_json=as_json)


def install(
    reach: Reach,
    portal: Portal,
    address: Annotated[str, typer.Argument(metavar="URL")] = "",
    *,
    app: App = None,
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """The URL becomes the application's; without one it keeps what it has."""
    body = _given(app=app, user_id=user, install_url=address or None, handler_url=address or None)
    answer(ask(reach, "POST", f"/bitrix24/portals/{portal}/apps/install", body), as_json=as_json)


def edit(reach: Reach, portal: Portal, values: Values, *, app: App = None, as_json: AsJson = False) -> None:
    """title, scopes, status, ui, paid, handler_url, install_url."""
    answer(ask(reach, "PATCH", f"/bitrix24/portals/{portal}/apps", _given(app=app) | pairs(values)), as_json=as_json)


def update(
    reach: Reach,
    portal: Portal,
    *,
    app: App = None,
    new_token: Annotated[
        bool, typer.Option("--new-token", help=tr("With another application token.", "С новым токеном приложения."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    """It hears ONAPPUPDATE."""
    body = _given(app=app, new_token=new_token or None)
    answer(ask(reach, "POST", f"/bitrix24/portals/{portal}/apps/update", body), as_json=as_json)


def uninstall(
    reach: Reach,
    portal: Portal,
    *,
    app: App = None,
    clean: Annotated[bool, typer.Option("--clean", help=tr("Its data too.", "И его данные."))] = False,
    as_json: AsJson = False,
) -> None:
    """It hears ONAPPUNINSTALL; its tokens, handlers, placements and robots are gone."""
    body = _given(app=app, clean=clean or None)
    answer(ask(reach, "POST", f"/bitrix24/portals/{portal}/apps/uninstall", body), as_json=as_json)


def token(
    reach: Reach,
    name: Annotated[str, typer.Argument(metavar="PORTAL|ACCOUNT")],
    state: Annotated[str, typer.Argument(help="valid | expired | revoked | … (`STATE`)")] = "valid",
    *,
    existing: Annotated[
        bool, typer.Option("--existing", help=tr("Change those that are out.", "Менять выданные."))
    ] = False,
    kind: Annotated[str, typer.Option(help=tr("Of a portal: access | refresh", "Портала: access | refresh"))] = "",
    scope: Annotated[
        list[str] | None, typer.Option(help=tr("Of a portal: what it may, repeatable.", "Портала: права токена."))
    ] = None,
    app: App = None,
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """Gives tokens in a state, or puts those that were given into it. Portals know further: dismissed, unpaid,
    not_installed, narrow, external, restricted."""
    portals = [one["portal"] for one in ask(reach, "GET", "/bitrix24/portals")["portals"]]
    if name.lower() not in portals:
        answer(at(reach, "POST", name, "/tokens", {"state": state, "existing": existing}), as_json=as_json)
        return
    body = _given(app=app, user_id=user, existing=existing or None, kind=kind or None, scopes=scope) | {"state": state}
    answer(ask(reach, "POST", f"/bitrix24/portals/{name}/tokens", body), as_json=as_json)


def placement(
    reach: Reach,
    portal: Portal,
    code: Annotated[str, typer.Argument(metavar="CODE")] = "DEFAULT",
    options: Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE…")] = None,
    *,
    app: App = None,
    user: User = None,
    as_json: AsJson = False,
) -> None:
    """Posts the form of a portal's frame to the page and prints what came back."""
    body = _given(app=app, user_id=user) | {"placement": code}
    body["options"] = {name: str(value) for name, value in pairs(options or []).items()}
    answer(ask(reach, "POST", f"/bitrix24/portals/{portal}/placements/open", body), as_json=as_json)


def robot(
    reach: Reach,
    portal: Portal,
    deal: Annotated[int, typer.Argument(metavar="DEAL")],
    *,
    address: Annotated[str, typer.Option()] = "",
    code: Annotated[str, typer.Option()] = "",
    app: App = None,
    as_json: AsJson = False,
) -> None:
    """As automation runs it when a deal enters a stage."""
    body = _given(app=app, url=address or None, code=code or None) | {"deal": deal}
    answer(ask(reach, "POST", f"/bitrix24/portals/{portal}/robots/run", body), as_json=as_json)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
