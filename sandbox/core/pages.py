"""The index page and the template environment that vendors' pages share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from jinja2 import DictLoader, Environment, StrictUndefined

from sandbox.core.wire import Reply, Request, Route, html
from sandbox.core.world import World

LAYOUT = """<!DOCTYPE html>
<html lang="ru"><head><meta charset="utf-8"><title>{% block title %}{% endblock %}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body{font:15px/1.45 system-ui,sans-serif;color:#1c2733;background:#f5f6f8;margin:0}
header{background:#fff;border-bottom:1px solid #dfe3e8;padding:14px 28px}
header a{color:#2067b0;text-decoration:none}
main{max-width:1200px;margin:0 auto;padding:8px 28px 40px}
h1{font-size:20px;margin:4px 0}h2{font-size:16px;margin:26px 0 8px}
table{border-collapse:collapse;width:100%;background:#fff;border:1px solid #dfe3e8;border-radius:6px}
th,td{text-align:left;padding:7px 10px;border-bottom:1px solid #edf0f3;vertical-align:top}
th{font-weight:600;color:#5a6b7b;font-size:13px}
td.money,th.money{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.muted{color:#7a8896}.tag{display:inline-block;padding:1px 8px;border-radius:9px;background:#e8edf2;font-size:13px}
.good{background:#dcf3e2}.warn{background:#fdeccd}.bad{background:#fbdcdc}
</style></head><body><header>{% block header %}{% endblock %}</header><main>{% block main %}{% endblock %}</main>
</body></html>"""

INDEX = """{% extends "layout.html" %}{% block title %}Песочница{% endblock %}
{% block header %}<h1>Песочница</h1><div class="muted">Время: {{ now }}, ход ×{{ rate }}</div>{% endblock %}
{% block main %}{% for vendor, rows in vendors %}
<h2>{{ vendor }}</h2>
{% if rows %}<table><tr><th>Название</th><th>Идентификатор</th></tr>
{% for row in rows %}<tr><td><a href="{{ base }}{{ row.page }}">{{ row.title }}</a></td>
<td class="muted">{{ row.account }}</td></tr>{% endfor %}
</table>{% else %}<p class="muted">Пока ничего нет: POST {{ base }}/control/seed</p>{% endif %}
{% endfor %}
<p><a href="{{ base }}/control/openapi.json">Управление</a> ·
<a href="{{ base }}/control/ledger?limit=200">Журнал</a></p>
{% endblock %}"""


def environment(templates: dict[str, str]) -> Environment:
    """Templates by name, escaped, with the shared `layout.html` and filters `rub` (kopecks) and `day` (ISO date)."""
    env = Environment(
        loader=DictLoader({"layout.html": LAYOUT, **templates}), autoescape=True, undefined=StrictUndefined
    )
    env.filters["rub"] = rub
    env.filters["day"] = lambda iso: datetime.fromisoformat(iso).strftime("%d.%m.%Y") if iso else ""
    return env


def rub(kopecks: int) -> str:
    """123456789 to «1 234 567,89»."""
    sign = "-" if kopecks < 0 else ""
    whole, rest = divmod(abs(kopecks), 100)
    return f"{sign}{whole:,}".replace(",", "\N{NO-BREAK SPACE}") + f",{rest:02d}"


_PAGES: Final = environment({"index.html": INDEX})


def index_routes(world: World) -> Iterator[Route]:
    """The list of portals and accounts: at the root, and where people who know one page look for the others."""

    async def index(request: Request) -> Reply:
        return html(
            _PAGES.get_template("index.html").render(
                base=request.base_url,
                now=world.clock.now().strftime("%d.%m.%Y %H:%M:%S UTC"),
                rate=f"{world.clock.state.rate:g}",
                vendors=[(vendor.name, vendor.accounts()) for vendor in world.vendors.values()],
            )
        )

    yield from (Route("GET", path, index, "portals and accounts") for path in ("/", "/pages"))
