"""Objects on the wire: JSON of three levels of metadata, and Atom, which is what comes where JSON was not asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from sandbox.core.wire import Reply
from sandbox.onec.evaluate import Entity
from sandbox.onec.model import EDM, EMPTY_GUID, NAMESPACE, Type
from sandbox.onec.query import Options, columns, expanded, page, presentation
from sandbox.onec.view import View

ATOM = "application/atom+xml; charset=utf-8"
_HEAD = (
    ' xmlns="http://www.w3.org/2005/Atom" xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
    ' xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices"'
)


def wants_json(form: str, accept: str) -> bool:
    """Whether a request asked for JSON, by option or by header."""
    return form.startswith(("json", "application/json")) or (not form and "json" in accept)


class Shape:
    """How one request wants its answer."""

    def __init__(self, root: str, options: Options, accept: str, view: View) -> None:
        self._root, self._options, self._view = root, options, view
        self.json = wants_json(options.format, accept)
        level = options.format or accept
        self._bare, self._full = "nometadata" in level, "fullmetadata" in level

    def collection(self, kind: Type, rows: list[Entity], *, shift: int = 0) -> Reply:
        """The asked page of the rows."""
        shown = [self._row(kind, row) for row in page(rows, self._options, shift)]
        if not self.json:
            return self._feed(kind, shown, len(rows))
        counted = {"odata.count": str(len(rows))} if self._options.counted else {}
        return Reply(payload={**self._context(kind.name), **counted, "value": shown})

    def single(self, kind: Type, row: Entity, status: int = 200) -> Reply:
        """One object."""
        shown = self._row(kind, row)
        if self.json:
            reply = Reply(status=status, payload={**self._context(f"{kind.name}/@Element"), **shown})
        else:
            body = f'<?xml version="1.0" encoding="UTF-8"?>\n<entry{_HEAD}>{self._entry(kind, shown)}</entry>'
            reply = Reply(status=status, body=body.encode(), content_type=ATOM)
        if status == 201:
            reply.headers["Location"] = quote(self._root + address(kind, row), safe=":/('),=")
        return reply

    def value(self, name: str, value: Any) -> Reply:
        """One property."""
        if self.json:
            return Reply(payload={**self._context("Edm.String"), "value": value})
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n<d:{name}{_HEAD}>{escape(_text(value))}</d:{name}>'
        return Reply(body=body.encode(), content_type="application/xml; charset=utf-8")

    def rows(self, name: str, rows: list[dict[str, Any]]) -> Reply:
        """Rows of a section."""
        if self.json:
            return Reply(payload={**self._context(name), "value": rows})
        entries = "".join(f"<entry><content>{self._content({}, row)}</content></entry>" for row in rows)
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n<feed{_HEAD}><title>{name}</title>{entries}</feed>'
        return Reply(body=body.encode(), content_type=ATOM)

    def service(self, more: Sequence[str] = ()) -> Reply:
        """The list of what is published, and `more` besides what a release says."""
        names = [*self._view.release.published(), *more]
        if self.json:
            context = {} if self._bare else {"odata.metadata": f"{self._root}$metadata"}
            return Reply(payload={**context, "value": [{"name": name, "url": name} for name in names]})
        listed = "".join(
            f"<collection href={quoteattr(name)}><atom:title>{name}</atom:title></collection>" for name in names
        )
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n<service xmlns="http://www.w3.org/2007/app" xmlns:atom='
            f'"http://www.w3.org/2005/Atom"><workspace><atom:title>Default</atom:title>{listed}</workspace></service>'
        )
        return Reply(body=body.encode(), content_type="application/atomsvc+xml; charset=utf-8")

    def _context(self, name: str) -> dict[str, Any]:
        return {} if self._bare else {"odata.metadata": f"{self._root}$metadata#{name}"}

    def _row(self, kind: Type, row: Entity) -> dict[str, Any]:
        names, sections = columns(self._options, kind, self._view)
        made: dict[str, Any] = {}
        for name in names:
            made[name] = row[name] if name in row else presentation(name, row, kind, self._view)
        for section, wanted in sections.items():
            made[section] = [
                {"Ref_Key": row["Ref_Key"], **{name: part[name] for name in wanted}} for part in row[section]
            ]
        made |= expanded(row, self._options, kind, self._view)
        if not self._bare and self.json and _named(kind, row):
            made |= {
                f"{one.navigation}@navigationLinkUrl": f"{address(kind, row)}/{one.navigation}"
                for one in kind.properties.values()
                if one.target and one.name in made and row[one.name] != EMPTY_GUID
            }
        if self._full and self.json and _named(kind, row):
            made = {"odata.type": f"{NAMESPACE}.{kind.name}", "odata.id": self._root + address(kind, row), **made}
        return made

    def _feed(self, kind: Type, rows: list[dict[str, Any]], total: int) -> Reply:
        counted = f"<m:count>{total}</m:count>" if self._options.counted else ""
        entries = "".join(f"<entry>{self._entry(kind, row)}</entry>" for row in rows)
        body = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<feed{_HEAD}><title type="text"/><id>{self._root}{kind.name}</id>'
            f"{counted}{entries}</feed>"
        )
        return Reply(body=body.encode(), content_type=ATOM)

    def _entry(self, kind: Type, row: dict[str, Any]) -> str:
        place = escape(self._root + address(kind, row)) if _named(kind, row) else ""
        return (
            f'<id>{place}</id><category term="{NAMESPACE}.{kind.name}" scheme="http://schemas.microsoft.com/ado/2007/'
            f'08/dataservices/scheme"/><content type="application/xml">{self._content(_kinds(kind), row)}</content>'
        )

    def _content(self, kinds: dict[str, str], row: dict[str, Any]) -> str:
        parts = []
        for name, value in row.items():
            if isinstance(value, list):
                inner = "".join(f"<d:element>{self._plain({}, one)}</d:element>" for one in value)
                parts.append(f'<d:{name} m:type="Collection({NAMESPACE}.RowType)">{inner}</d:{name}>')
            elif not isinstance(value, dict):
                typed = f' m:type="{kinds[name]}"' if kinds.get(name, EDM["s"]) != EDM["s"] else ""
                parts.append(f"<d:{name}{typed}>{escape(_text(value))}</d:{name}>")
        return f"<m:properties>{''.join(parts)}</m:properties>"

    def _plain(self, kinds: dict[str, str], row: dict[str, Any]) -> str:
        return "".join(f"<d:{name}>{escape(_text(value))}</d:{name}>" for name, value in row.items())


def _named(kind: Type, row: Entity) -> bool:
    """Whether a row is an object with an address of its own; those of virtual tables are none."""
    return all(key in row for key in kind.key)


def address(kind: Type, row: Entity) -> str:
    """Where an object is, below the root."""
    if kind.key == ("Ref_Key",):
        return f"{kind.name}(guid'{row['Ref_Key']}')"
    parts = ",".join(
        f"{name}=guid'{row[name]}'" if name.endswith("_Key") else f"{name}='{row[name]}'" for name in kind.key
    )
    return f"{kind.name}({parts})"


def _kinds(kind: Type) -> dict[str, str]:
    return {name: EDM[one.kind] for name, one in kind.properties.items()}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
