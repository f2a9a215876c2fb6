"""The books of bases: objects as clients write them, and what the accountant does with documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.accounting.book import Book
from sandbox.accounting.records import Account, Counterparty, Dials, Item, Product, Record
from sandbox.core.vendor import Change
from sandbox.onec.model import EMPTY_GUID, TYPES, VAT_WORDS, Release
from sandbox.onec.refusals import TEXTS, Refusal
from sandbox.onec.view import INVOICES, STORED, Entity, View, belongs

SALES = "Document_РеализацияТоваровУслуг"
GONE = "gone"
"""Records of what was deleted."""
DOCUMENTS = {INVOICES: "invoices", SALES: "acts"}
_CONTACTS = {"Адрес": "address", "АдресЭлектроннойПочты": "email", "Телефон": "phone"}


@dataclass(frozen=True, slots=True)
class OnecDials(Dials):
    """How one base behaves, besides what all accounts do.

    `posts_after_seconds`: the accountant posts what clients wrote so long after (0: by hand). `client_keys`: whether a
    reference in a POST is taken, dropped, or, with `client_keys_refused`, refused. `version_checked`: whether If-Match
    is. `patch_forbidden`: the autonomous server. `inn_filter_forbidden`, `rows_hidden`: rights of the user.
    `extension`: the HTTP service that prints. `licence_free`, `open_to_sessions`: whether anybody gets in at all.
    `new_rates`, `typed_items`, `catalog_rates`, `unpublished` (names by commas): the configuration. `closed_until`: the
    last day of the closed period.
    """

    posts_after_seconds: float = 0.0
    client_keys: bool = True
    client_keys_refused: bool = False
    version_checked: bool = True
    patch_forbidden: bool = False
    inn_filter_forbidden: bool = False
    rows_hidden: bool = False
    extension: bool = True
    licence_free: bool = True
    open_to_sessions: bool = True
    new_rates: bool = True
    typed_items: bool = True
    catalog_rates: bool = False
    unpublished: str = ""
    closed_until: str = ""


class OnecBook(Book):
    """All bases."""

    dials_type = OnecDials
    _chosen = ""

    def apply(self, change: Change) -> None:
        super().apply(change)
        if change.op == "account":
            for kind in ("contracts", GONE):
                self.accounts[change.data["id"]].records.setdefault(kind, {})

    def delete(self, account: Account, kind: str, record_id: str) -> None:
        """The object is gone; the extension's journal tells of it."""
        record = account.records[kind][record_id]
        entity = next(name for name, one in STORED.items() if one == kind and belongs(name, record))
        with self._world.ledger.together():
            super().delete(account, kind, record_id)
            self._write(account, GONE, {"entity": entity}, record_id=record_id)

    def new_id(self, account: Account, kind: str, number: int) -> str:
        chosen, self._chosen = self._chosen, ""
        return chosen or super().new_id(account, kind, number)

    @staticmethod
    def dials(account: Account) -> OnecDials:
        """The account's dials in their own type."""
        assert isinstance(account.dials, OnecDials)
        return account.dials

    def release(self, account: Account) -> Release:
        """The configuration of a base."""
        dials = self.dials(account)
        names = frozenset(name.strip() for name in dials.unpublished.split(",") if name.strip())
        return Release(names, dials.new_rates, dials.typed_items, dials.catalog_rates)

    def view(self, account: Account) -> View:
        """A base as its interface shows it."""
        return View(self, account, self.release(account))

    # -- clients write

    def create(
        self, account: Account, kind: str, entity: Entity, *, off_kopecks: int = 0, lag_seconds: float = 0.0
    ) -> str:
        """A new object; returns its reference. Raises Refusal."""
        self._open_period(account, entity)
        key = self._key_of(account, kind, entity)
        dials = self.dials(account)
        self._chosen = key if dials.client_keys else ""
        try:
            record = self._created(account, kind, entity, off_kopecks, lag_seconds)
        finally:
            self._chosen = ""
        if kind in DOCUMENTS and not entity.get("Posted") and dials.posts_after_seconds:
            due = self.now_unix + dials.posts_after_seconds
            self._world.set_timer(self._vendor, account.id, due, "post", {"kind": kind, "id": record["id"]})
        return str(record["id"])

    def _key_of(self, account: Account, kind: str, entity: Entity) -> str:
        key = str(entity.pop("Ref_Key", ""))
        if not key or key == EMPTY_GUID:
            return ""
        if self.dials(account).client_keys_refused:
            raise Refusal(400, "16", "Невозможно присвоить значение свойству Ref_Key")
        if self.dials(account).client_keys and self.view(account).one(kind, key) is not None:
            raise Refusal(400, "15", "Экземпляр сущности с таким ключом уже существует")
        return key

    def _created(self, account: Account, kind: str, entity: Entity, off_kopecks: int, lag_seconds: float) -> Record:
        match kind:
            case "Catalog_Контрагенты":
                card = {**_counterparty(entity, None), "onec": entity}
                return self._write(account, "counterparties", card, record_id=None, lag_seconds=lag_seconds)
            case "Catalog_ДоговорыКонтрагентов":
                return self._write(account, "contracts", {"onec": _coded(account, "contracts", entity)}, record_id=None)
            case "Catalog_Номенклатура":
                return self._write(account, "products", {**_product(entity), "onec": entity}, record_id=None)
            case "Document_СчетНаОплатуПокупателю":
                return self.add_invoice(
                    account, number=entity.get("Number") or self._number(account, "invoices"), day=_day(entity),
                    due_day=None, counterparty_id=entity.get("Контрагент_Key", EMPTY_GUID),
                    comment=entity.get("Комментарий") or None, lines=_items(entity.get("Товары", ())),
                    off_kopecks=off_kopecks, lag_seconds=lag_seconds, extra={"onec": entity},
                )  # fmt: skip
            case "Document_РеализацияТоваровУслуг":
                lines = _items([*_kept(entity, "Услуги"), *_kept(entity, "Товары")])
                return self.add_act(
                    account, number=entity.get("Number") or self._number(account, "acts"), day=_day(entity),
                    counterparty_id=entity.get("Контрагент_Key", EMPTY_GUID),
                    invoice_id=_filled(entity.get("СчетНаОплатуПокупателю_Key")), lines=lines,
                    comment=entity.get("Комментарий") or None, off_kopecks=off_kopecks, lag_seconds=lag_seconds,
                    extra={"onec": _without_lost(entity)},
                )  # fmt: skip
            case "InformationRegister_СрокиОплатыДокументов":
                return self._put_term(account, entity)
            case _:
                raise Refusal(405, "19", f"Запись в {kind} не поддерживается")

    def _put_term(self, account: Account, entity: Entity) -> Record:
        record = account.records["invoices"].get(str(entity.get("Документ", "")))
        if record is None or not entity.get("СрокОплаты"):
            raise Refusal(400, "5", "Не заполнены измерения регистра")
        if record["due_date"]:
            raise Refusal(400, "15", "Запись с такими ключевыми полями существует")
        return self.rewrite(account, "invoices", record, due_date=str(entity["СрокОплаты"])[:10])

    def change(self, account: Account, kind: str, record: Record, entity: Entity) -> Record:
        """Some attributes of an object; a section that is there takes the place of all its rows. Raises Refusal."""
        self._open_period(account, {"Date": f"{record['date']}T00:00:00"} if kind in DOCUMENTS else {})
        self._open_period(account, entity)
        entity = {name: value for name, value in entity.items() if name not in ("Ref_Key", "DataVersion")}
        known = {**record.get("onec", {}), **entity}
        if kind == "Catalog_Контрагенты":
            card = _counterparty({**self.view(account).entity(kind, record), **entity}, record)
            return self.rewrite(account, "counterparties", record, **card, onec=known)
        if kind == "Catalog_Номенклатура":
            return self.rewrite(account, "products", record, **_product(known), onec=known)
        if kind == "Catalog_ДоговорыКонтрагентов":
            return self.rewrite(account, "contracts", record, onec=known)
        if kind not in DOCUMENTS:
            raise Refusal(405, "19", f"Изменение {kind} не поддерживается")
        return self._change_document(account, kind, record, entity, known)

    def _change_document(self, account: Account, kind: str, record: Record, entity: Entity, known: Entity) -> Record:
        values: dict[str, Any] = {}
        marked = entity.get("DeletionMark", record.get("cancelled", known.get("DeletionMark", False)))
        if marked:
            known["Posted"] = False
        for name, ours in (("Number", "number"), ("Контрагент_Key", "counterparty_id"), ("Комментарий", "comment")):
            if name in entity:
                values[ours] = entity[name]
        if "Date" in entity:
            values["date"] = _day(entity)
        if any(section in entity for section in TYPES[kind].sections):
            sections = ("Товары",) if kind == INVOICES else ("Услуги", "Товары")
            lines = _items([row for section in sections for row in _kept(known, section)])
            values |= {"items": lines, "sum_kopecks": sum(line["sum_kopecks"] for line in lines)}
        if kind == INVOICES:
            return self.rewrite(account, "invoices", record, **values, cancelled=marked, onec=known)
        return self.rewrite(account, "acts", record, **values, onec={**known, "DeletionMark": marked})

    # -- the accountant posts

    def post(self, account: Account, kind: str, record: Record) -> Record:
        """Posting: what a document needs must be filled. Raises Refusal."""
        known = record.get("onec", {})
        self._open_period(account, {"Date": f"{record['date']}T00:00:00"})
        names = ("Организация_Key", "ДоговорКонтрагента_Key", "ВалютаДокумента_Key")
        empty = [name for name in names if not _filled(known.get(name))]
        buyer = self.get(account, "counterparties", record["counterparty_id"])
        rows = [row for section in TYPES[kind].sections for row in _kept(known, section)]
        if not rows or any(not (_filled(row.get("Номенклатура_Key")) or row.get("Номенклатура")) for row in rows):
            empty.append("Номенклатура")
        marked = record.get("cancelled") or known.get("DeletionMark")
        if empty or buyer is None or marked:
            said = "документ помечен на удаление" if marked else f"не заполнено: {', '.join(empty) or 'Контрагент'}"
            raise Refusal(500, "-1", f"Не удалось провести «{record['number']}»: {said}")
        return self.rewrite(account, DOCUMENTS[kind], record, onec={**known, "Posted": True})

    def unpost(self, account: Account, kind: str, record: Record) -> Record:
        """Takes the posting back."""
        return self.rewrite(account, DOCUMENTS[kind], record, onec={**record.get("onec", {}), "Posted": False})

    def _open_period(self, account: Account, entity: Entity) -> None:
        closed = self.dials(account).closed_until
        if closed and "Date" in entity and _day(entity) <= closed:
            raise Refusal(500, *TEXTS["period"])

    def _number(self, account: Account, kind: str) -> str:
        return f"0000-{account.made.get(kind, 0) + 1:06d}"


def _coded(account: Account, kind: str, entity: Entity) -> Entity:
    number = account.made.get(kind, 0) + 1
    return {**entity, "Code": entity.get("Code") or f"00-{number:06d}"}


def _counterparty(entity: Entity, before: Record | None) -> Counterparty:
    contacts = {_CONTACTS[row["Тип"]]: row.get("Представление") for row in entity.get("КонтактнаяИнформация", ())
                if row.get("Тип") in _CONTACTS}  # fmt: skip
    person = entity.get("ЮридическоеФизическоеЛицо") == "ФизическоеЛицо"
    sole = entity.get("ИндивидуальныйПредприниматель") or (person and len(entity.get("ИНН", "")) == 12)
    return Counterparty(
        full_name=entity.get("НаименованиеПолное") or entity.get("Description") or "",
        short_name=entity.get("Description") or None,
        inn=entity.get("ИНН") or None,
        kpp=entity.get("КПП") or None,
        ogrn=entity.get("РегистрационныйНомер") or None,
        address=contacts.get("address") or None,
        email=contacts.get("email") or None,
        phone=contacts.get("phone") or None,
        type="entrepreneur" if sole else "individual" if person else "legal",
    )


def _product(entity: Entity) -> Product:
    name = entity.get("Description") or entity.get("НаименованиеПолное") or ""
    return Product(name=name, article=entity.get("Артикул") or None, unit=None, price_kopecks=None, vat=None)


def _items(rows: Sequence[Entity]) -> list[Item]:
    """Rows as the book keeps them. Raises Refusal for a rate that no document of these years carries."""
    made = []
    for row in rows:
        word = row.get("СтавкаНДС", "") or "БезНДС"
        if word not in VAT_WORDS:
            raise Refusal(400, "4", f"Неверное значение свойства СтавкаНДС: {word!r}")
        made.append(
            Item(
                name=row.get("Содержание", ""),
                count=format(Decimal(str(row.get("Количество", 0))), "f"),
                price_kopecks=_kopecks(row.get("Цена", 0)),
                unit="",
                vat=VAT_WORDS[word],
                sum_kopecks=_kopecks(row.get("Сумма", 0)),
            )
        )
    return made


def _without_lost(entity: Entity) -> Entity:
    """A realization keeps its section of services only in operations that have one."""
    return {**entity, "Услуги": _kept(entity, "Услуги")} if "Услуги" in entity else entity


def _kept(entity: Entity, section: str) -> list[Entity]:
    rows: list[Entity] = list(entity.get(section, ()))
    if section == "Услуги" and entity.get("ВидОперации") not in ("Услуги", "ПродажаКомиссия"):
        return []
    return rows


def _day(entity: Entity) -> str:
    return str(entity.get("Date") or "0001-01-01")[:10]


def _filled(key: Any) -> str | None:
    return str(key) if key and key != EMPTY_GUID else None


def _kopecks(roubles: float) -> int:
    return int((Decimal(str(roubles)) * 100).quantize(Decimal(1), ROUND_HALF_UP))
