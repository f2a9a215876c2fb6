"""`tenant`: the clients of an installation."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from sverka.api import connect
from sverka.commands.grouping import group
from sverka.endings import NotAsWished, WrongUse
from sverka.language import example, tr
from sverka.models import AppliedDocument, Change, Check, ChecksDocument, TenantsDocument, TenantSummary, TenantView
from sverka.models.tenants import PortalLink
from sverka.reach import AsJson, Reach, with_reach
from sverka.screen import outline, print_document, show, table, text
from sverka.story.words import words
from sverka.tenants import read_tenant_file

Tenant = Annotated[str, typer.Argument(help=tr("The tenant's id.", "Клиент."))]
Yes = Annotated[bool, typer.Option("--yes", help=tr("Without asking.", "Не спрашивать."))]


def register(app: typer.Typer) -> None:
    """Adds the group."""
    tenant = group(app, "tenant", tr("The clients of this installation.", "Клиенты этой установки."))
    tenant.command(
        "apply",
        help=example(
            "Make a tenant what its file says; shows the difference first.",
            "Привести клиента к его файлу; сначала показывает разницу.",
            "tenant apply vektor.yaml",
        ),
    )(with_reach(apply))
    tenant.command("list", help=example("All tenants.", "Все клиенты.", "tenant list"))(with_reach(listed))
    tenant.command("show", help=example("One, without secrets.", "Один, без секретов.", "tenant show vektor"))(
        with_reach(shown)
    )
    tenant.command(
        "check",
        help=example(
            "Ask its vendors whether all that the file names is there.",
            "Проверить у систем клиента всё, что названо в файле.",
            "tenant check vektor",
        ),
    )(with_reach(checked))
    tenant.command(
        "suspend", help=example("Begin nothing new for it.", "Не начинать нового.", "tenant suspend vektor")
    )(with_reach(suspended))
    tenant.command("resume", help=example("Go on.", "Продолжить.", "tenant resume vektor"))(with_reach(resumed))
    tenant.command(
        "remove",
        help=example(
            "End it: its secrets and addresses are destroyed, its history stays.",
            "Завершить: секреты и адреса уничтожаются, история остаётся.",
            "tenant remove vektor",
        ),
    )(with_reach(removed))


def apply(
    reach: Reach,
    file: Annotated[Path, typer.Argument(metavar="FILE", help=tr("The tenant's file.", "Файл клиента."))],
    *,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Idempotent; references are resolved here, in this environment."""
    read = read_tenant_file(file, os.environ)
    with connect(reach) as api:
        wanted = api.apply(read.tenant, read.document(), dry_run=True)
        found, warnings = _changes(wanted), _problem_texts(wanted.get("warnings", ()))
        if found and not yes:
            _show_changes(read.tenant, found)
            _show_warnings(warnings)
            _confirm(tr("Apply?", "Применить?"))
        answer = api.apply(read.tenant, read.document(), dry_run=False)
        done = AppliedDocument.model_validate({**answer, "warning_texts": _problem_texts(answer.get("warnings", ()))})
    if as_json:
        print_document(done)
        return
    if yes and found:
        _show_changes(read.tenant, found)
    if not found:
        show(tr(f"{done.tenant}: nothing to change.", f"{done.tenant}: менять нечего."))
    else:
        show(
            tr(
                f"{done.tenant}: version {done.version} is in force.",
                f"{done.tenant}: действует версия {done.version}.",
            )
        )
    if yes or not found:
        _show_warnings(warnings)
    _show_addresses(done.webhook_urls)


def listed(reach: Reach, *, as_json: AsJson = False) -> None:
    """In the order of their ids."""
    with connect(reach) as api:
        document = TenantsDocument(tenants=[TenantSummary.model_validate(one) for one in api.tenants()])
    if as_json:
        print_document(document)
    elif not document.tenants:
        show(tr("There are none yet: sverka tenant apply FILE.", "Пока нет: sverka tenant apply FILE."))
    else:
        titles = ("id", tr("name", "название"), tr("status", "состояние"), tr("version", "версия"))
        table(titles, ((one.tenant, one.name, one.status, one.version) for one in document.tenants))


def shown(reach: Reach, tenant: Tenant, *, as_json: AsJson = False) -> None:
    """Its file as it was applied, and where its portal is to send webhooks."""
    with connect(reach) as api:
        view = TenantView.model_validate(api.tenant(tenant))
    if as_json:
        print_document(view)
        return
    show(f"{view.tenant}  {view.name}  {view.status}, {tr('version', 'версия')} {view.version}")
    outline(view.document)
    _show_addresses(view.webhook_urls)
    if view.portal is not None:
        _show_link(view.portal)


def checked(reach: Reach, tenant: Tenant, *, as_json: AsJson = False) -> None:
    """Exit code 1 when something is missing."""
    with connect(reach) as api:
        document = ChecksDocument(checks=[_check(one) for one in api.check(tenant)])
    if as_json:
        print_document(document)
    else:
        for one in document.checks:
            mark = "✗" if not one.ok else "!" if one.problem_texts else "✓"
            show(f"{mark} {one.what} {one.account}")
            for problem in one.problem_texts:
                show(f"    {problem}")
    if not all(one.ok for one in document.checks):
        raise NotAsWished(tr(f"{tenant} needs corrections.", f"{tenant}: нужны исправления."))


def suspended(reach: Reach, tenant: Tenant, *, as_json: AsJson = False) -> None:
    """Facts are still recorded, and what is uncertain is still looked up."""
    _act(reach, tenant, "suspend", as_json)


def resumed(reach: Reach, tenant: Tenant, *, as_json: AsJson = False) -> None:
    """What waited goes on."""
    _act(reach, tenant, "resume", as_json)


def removed(reach: Reach, tenant: Tenant, *, yes: Yes = False, as_json: AsJson = False) -> None:
    """Cannot be undone."""
    if not yes:
        _confirm(
            tr(
                f"Remove {tenant}? Its secrets and addresses are destroyed; this cannot be undone.",
                f"Завершить {tenant}? Секреты и адреса уничтожаются, вернуть нельзя.",
            )
        )
    _act(reach, tenant, "remove", as_json)


def _act(reach: Reach, tenant: str, action: str, as_json: bool) -> None:
    with connect(reach) as api:
        done = TenantSummary.model_validate(api.tenant_action(tenant, action))
    if as_json:
        print_document(done)
    else:
        show(f"{done.tenant}: {done.status}")


def _changes(answer: dict[str, Any]) -> list[Change]:
    return [Change.model_validate(one) for one in answer.get("changes", ())]


def _show_changes(tenant: str, changes: list[Change]) -> None:
    show(tr(f"{tenant}: what changes", f"{tenant}: что изменится"))
    for change in changes:
        show(f"  {change.key}: {text(change.before)} → {text(change.after)}")


def _show_addresses(urls: dict[str, str]) -> None:
    for vendor, url in urls.items():
        show(tr(f"Outgoing webhook of {vendor}: {url}", f"Исходящий вебхук {vendor}: {url}"))


def _show_link(link: PortalLink) -> None:
    told = {
        "waiting": tr("waits for the installation of the application", "ждёт установки приложения"),
        "connected": tr(f"connected: {link.host}", f"подключён: {link.host}"),
        "lost": tr("its administrator has to connect it again", "администратору нужно подключить его заново"),
        "uninstalled": tr("the application was removed", "приложение удалено"),
    }
    show(f"{tr('Portal', 'Портал')}: {told.get(link.state, link.state)}")
    if link.authorize_url and link.state != "connected":
        show(f"  {link.authorize_url}")


def _check(one: dict[str, Any]) -> Check:
    return Check.model_validate({**one, "problem_texts": _problem_texts(one.get("problems", ()))})


def _problem_texts(problems: Iterable[dict[str, Any]]) -> list[str]:
    return [words().why(problem) for problem in problems]


def _show_warnings(texts: Iterable[str]) -> None:
    for warning in texts:
        show(f"! {warning}")


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise WrongUse(tr(f"{question} Nobody can be asked here: give --yes.", f"{question} Спросить некого: --yes."))
    if not typer.confirm(question, err=True):
        raise NotAsWished(tr("Nothing was changed.", "Ничего не изменено."))
