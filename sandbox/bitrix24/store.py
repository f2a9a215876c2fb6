"""One generic store for every kind of record of a portal: a table per family, each with its own id sequence."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from itertools import islice
from typing import Any

Record = dict[str, Any]
Change = dict[str, Any]

# Which fields are looked up by value so often that scanning the family would cost.
INDEXES: dict[str, tuple[str, ...]] = {
    "productrow": ("OWNER_ID",),
    "requisite": ("ENTITY_ID", "RQ_INN"),
    "bankdetail": ("ENTITY_ID",),
    "address": ("ENTITY_ID",),
    "link": ("ENTITY_ID",),
    "stagehistory": ("OWNER_ID",),
    "comment": ("BOUND",),
    "logmessage": ("BOUND",),
    "activity": ("OWNER_ID",),
    "status": ("ENTITY_ID",),
    "message": ("CHAT_ID",),
    "notification": ("USER_ID", "TAG"),
    "price": ("PRODUCT_ID",),
    "userfield": ("ENTITY_ID",),
    "file": ("OWNER",),
    "multifield": ("OWNER", "VALUE"),
    "contact": ("COMPANY_IDS",),
    "hook": ("CODE",),
    "apptoken": ("VALUE", "KIND"),
    "handler": ("EVENT",),
    "deal": ("COMPANY_ID",),
    "checklist": ("TASK_ID",),
    "diskobject": ("PARENT_ID",),
    "taskcomment": ("TASK_ID",),
    "elapsed": ("TASK_ID",),
    "taskhistory": ("TASK_ID",),
    "storageitem": ("STORAGE",),
    "storagesection": ("STORAGE",),
    "storageproperty": ("STORAGE",),
    "calendarevent": ("SECTION_ID",),
    "listfield": ("IBLOCK",),
    "listoption": ("IBLOCK",),
    "listelement": ("IBLOCK",),
    "listsection": ("IBLOCK",),
    "listcell": ("ELEMENT",),
    "voteanswer": ("VOTE_ID",),
    "voteballot": ("VOTE_ID",),
}


CHANGED = "DATE_MODIFY"
"""The field by whose moments a table knows what was changed last."""


def index_key(value: Any) -> Any:
    """Values meet in an index and in filters without regard to case, as in the portal's database."""
    return value.casefold() if isinstance(value, str) else value


class Table:
    """Records of one family by id, in order of id; `last_id` never goes back, so an id is never given twice."""

    __slots__ = ("_changes", "_indexes", "ids", "last_id", "records")

    def __init__(self, indexed: tuple[str, ...], last_id: int) -> None:
        self.records: dict[int, Record] = {}
        self.ids: list[int] = []
        self.last_id = last_id
        self._indexes: dict[str, dict[Any, dict[int, None]]] = {name: {} for name in indexed}
        self._changes: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        for number in self.ids:
            yield self.records[number]

    def get(self, number: int) -> Record | None:
        return self.records.get(number)

    def indexed(self, name: str) -> bool:
        return name in self._indexes

    def find(self, name: str, value: Any) -> list[Record]:
        """Records whose indexed field has (or, being a list, contains) the value, in order of id."""
        return [self.records[number] for number in self.ids_of(name, [value])]

    def ids_of(self, name: str, wanted: list[Any]) -> list[int]:
        """Ids of records whose indexed field has (or, being a list, contains) one of the values, ascending."""
        return sorted({number for item in wanted for number in self._indexes[name].get(index_key(item), ())})

    def count(self, name: str, value: Any) -> int:
        """How many records `find` finds."""
        return len(self._indexes[name].get(index_key(value), ()))

    def after(self, number: int) -> Iterator[int]:
        """Ids greater than `number`, ascending."""
        return islice(self.ids, bisect_right(self.ids, number), None)

    def count_after(self, number: int) -> int:
        """How many ids are greater."""
        return len(self.ids) - bisect_right(self.ids, number)

    def changed_since(self, unix: float) -> list[int]:
        """Ids of records with a DATE_MODIFY of then or later, ascending."""
        return sorted(number for _, number in self._changes[bisect_left(self._changes, (unix,)) :])

    def count_changed_since(self, unix: float) -> int:
        """How many those are."""
        return len(self._changes) - bisect_left(self._changes, (unix,))

    def put(self, number: int, values: Record) -> None:
        if number in self.records:
            self._unindex(number, self.records[number], self._indexes)
            self._unmark(number, self.records[number])
        elif not self.ids or number > self.ids[-1]:
            self.ids.append(number)
        else:
            insort(self.ids, number)
        self.records[number] = {"ID": number, **values}
        self.last_id = max(self.last_id, number)
        self._index(number, self.records[number], self._indexes)
        self._mark(number, self.records[number])

    def patch(self, number: int, values: Record) -> None:
        record = self.records[number]
        touched = [name for name in self._indexes if name in values]
        self._unindex(number, record, touched)
        self._unmark(number, record)
        for name, value in values.items():
            if value is None:
                record.pop(name, None)
            else:
                record[name] = value
        self._index(number, record, touched)
        self._mark(number, record)

    def drop(self, number: int) -> None:
        record = self.records.pop(number)
        self._unindex(number, record, self._indexes)
        self._unmark(number, record)
        del self.ids[bisect_left(self.ids, number)]

    def _mark(self, number: int, record: Record) -> None:
        if isinstance(at := record.get(CHANGED), int):
            insort(self._changes, (at, number))

    def _unmark(self, number: int, record: Record) -> None:
        if isinstance(at := record.get(CHANGED), int):
            del self._changes[bisect_left(self._changes, (at, number))]

    def _index(self, number: int, record: Record, names: Any) -> None:
        for name in names:
            for key in _keys(record.get(name)):
                self._indexes[name].setdefault(key, {})[number] = None

    def _unindex(self, number: int, record: Record, names: Any) -> None:
        for name in names:
            entries = self._indexes[name]
            for key in _keys(record.get(name)):
                members = entries.get(key)
                if members is not None:
                    members.pop(number, None)
                    if not members:
                        del entries[key]


def _keys(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, list):
        return [index_key(item) for item in value]
    return [index_key(value)]


class Store:
    """All families of one portal; it changes only through `apply`, which is deterministic and reads no clock."""

    __slots__ = ("base_id", "tables", "version")

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}
        self.base_id = 0
        self.version: dict[str, int] = {}

    def table(self, family: str) -> Table:
        table = self.tables.get(family)
        if table is None:
            table = self.tables[family] = Table(INDEXES.get(family, ()), self.base_id)
        return table

    def apply(self, change: Change) -> None:
        """One of {"op": "put" | "patch" | "drop", "family", "id", "values"} or {"op": "base", "id"}."""
        op = change["op"]
        if op == "base":
            self.base_id = change["id"]
            return
        family = change["family"]
        table = self.table(family)
        if op == "put":
            table.put(change["id"], change["values"])
        elif op == "patch":
            table.patch(change["id"], change["values"])
        elif op == "drop":
            table.drop(change["id"])
        else:
            raise ValueError(f"unknown change {op!r}")
        self.version[family] = self.version.get(family, 0) + 1
