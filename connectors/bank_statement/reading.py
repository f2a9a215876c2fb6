"""The file as it is: its encoding, its sections with their lines, keys and values; nothing is understood yet."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from chassis.domain import Problem

Encoding = Literal["cp1251", "cp866", "utf-8"]
Kind = Literal["document", "account", "head"]

MARK: Final = b"1CClientBankExchange"
HEAD_BYTES: Final = 64 * 1024
TAIL_BYTES: Final = 4 * 1024
FOUND_LENGTH_MAX: Final = 40
ACCOUNT_LENGTH: Final = 20

DOCUMENT: Final = "СекцияДокумент"
ACCOUNT: Final = "СекцияРасчСчет"
END_OF_DOCUMENT: Final = "КонецДокумента"
END_OF_ACCOUNT: Final = "КонецРасчСчет"
END_OF_FILE: Final = "КонецФайла"
OWN_ACCOUNT: Final = "РасчСчет"

_BOUNDARIES: Final = (DOCUMENT, ACCOUNT, END_OF_DOCUMENT, END_OF_ACCOUNT, END_OF_FILE)
KEYS: Final = frozenset(
    {
        "ДатаСоздания", "ВремяСоздания", "ДатаНачала", "ДатаКонца", OWN_ACCOUNT, "ВсегоПоступило", "ВсегоСписано",
        "Номер", "Дата", "Сумма", "ДатаСписано", "ДатаПоступило", "НазначениеПлатежа",
        *(f"НазначениеПлатежа{place}" for place in range(1, 7)),
        *(f"{whose}{what}" for whose in ("Плательщик", "Получатель") for what in ("", "1", "ИНН", "Счет", "РасчСчет")),
    }
)  # fmt: skip
"""The keys that are read; all others are passed over."""
_ENCODINGS: Final[tuple[Encoding, ...]] = ("utf-8", "cp1251", "cp866")
_TELLING: Final = ("ВерсияФормата", "Кодировка", "Секция", "Отправитель", "Получатель")
_MANY_LINES: Final = ("НазначениеПлатежа", "Плательщик", "Получатель")
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Section:
    """One section, or the lines between two (``kind`` "head"). ``problem`` is why its lines cannot be used."""

    kind: Kind
    line: int
    fields: dict[str, str] = field(default_factory=dict)
    problem: Problem | None = None


def plain_lines(data: bytes) -> bytes:
    """The bytes without a mark of byte order, their lines ended by LF where CR alone ended them."""
    data = data.removeprefix(_BOM)
    return data if b"\n" in data else data.replace(b"\r", b"\n")


def encoding_of(data: bytes) -> Encoding | Problem:
    """The encoding by the words that every file has; what the file says of it is often wrong."""
    head = data[:HEAD_BYTES]
    if not head.lstrip().startswith(MARK):
        return Problem("statement_not_this_format")
    for encoding in _ENCODINGS:
        if any(word.encode(encoding) in head for word in _TELLING):
            return encoding
    return Problem("statement_encoding_unknown")


def end_problem(data: bytes, encoding: Encoding) -> Problem | None:
    """Why the file is not whole: its last line must be the end of the file, and the first such line."""
    end = END_OF_FILE.encode(encoding)
    last = data[-TAIL_BYTES:].strip().rpartition(b"\n")[2].strip()
    if last == end:
        return None
    found = re.search(rb"^[ \t]*" + end + rb"[ \t\r]*$", data, re.MULTILINE)
    if found is None:
        return Problem("statement_cut_off")
    return Problem("statement_after_end", {"line": data.count(b"\n", 0, found.start()) + 2})


def own_accounts(data: bytes, encoding: Encoding) -> frozenset[str]:
    """Every account that the file says it is about, in its head or in sections, wherever they stand."""
    key = b"\n" + OWN_ACCOUNT.encode(encoding)
    found: set[str] = set()
    place = data.find(key)
    while place >= 0:
        ends = data.find(b"\n", place + 1)
        _, equals, value = data[place + len(key) : ends if ends >= 0 else None].partition(b"=")
        value = value.strip()
        if equals and len(value) == ACCOUNT_LENGTH and value.isdigit():
            found.add(value.decode("ascii"))
        place = data.find(key, place + 1)
    return frozenset(found)


def sections(data: bytes, encoding: Encoding, *, documents: bool = True) -> Iterator[Section]:
    """All sections in the file's order, one at a time; what stands between them comes as heads. Without ``documents``
    those that were closed are passed over."""
    kind: Kind = "head"
    begins, place = 1, 0
    for word, starts, ends in _boundaries(data, encoding):
        here = begins + data.count(b"\n", place, starts)
        if word in (END_OF_DOCUMENT, END_OF_ACCOUNT):
            if kind == ("document" if word == END_OF_DOCUMENT else "account"):
                if documents or kind == "account":
                    yield _section(kind, begins, data[place:starts], encoding)
            else:
                yield from _unclosed(kind, begins, data[place:starts], encoding)
                yield Section("head", here, problem=Problem("statement_end_alone"))
            kind = "head"
        else:
            yield from _unclosed(kind, begins, data[place:starts], encoding)
            kind = "document" if word == DOCUMENT else "account" if word == ACCOUNT else "head"
        begins, place = here, ends
    yield from _unclosed(kind, begins, data[place:], encoding)


def _boundaries(data: bytes, encoding: Encoding) -> Iterator[tuple[str, int, int]]:
    """The lines that begin or end a section, with their place and the end of the line. Each word is looked for by
    itself: that is ten times as fast as one expression for all."""
    coming = {word: _next(data, word.encode(encoding), 0) for word in _BOUNDARIES}
    while True:
        word, (starts, ends) = min(coming.items(), key=lambda item: item[1])
        if ends < 0:
            return
        yield word, starts, ends
        coming[word] = _next(data, word.encode(encoding), ends)


def _next(data: bytes, word: bytes, place: int) -> tuple[int, int]:
    """Where the next line is that has this word alone, or with a value; past the end without one."""
    while (found := data.find(word, place)) >= 0:
        starts = data.rfind(b"\n", 0, found) + 1
        ends = data.find(b"\n", found)
        ends = len(data) if ends < 0 else ends
        rest = data[found + len(word) : ends].lstrip()
        if (not rest or rest.startswith(b"=")) and not data[starts:found].strip():
            return starts, ends
        place = found + len(word)
    return len(data), -1


def _unclosed(kind: Kind, begins: int, body: bytes, encoding: Encoding) -> Iterator[Section]:
    """Lines up to a word that does not end them: a head, or a section that was never closed."""
    if kind != "head":
        yield Section(kind, begins, problem=Problem("statement_section_open"))
    elif body.strip():
        yield _section("head", begins, body, encoding)


def _section(kind: Kind, begins: int, body: bytes, encoding: Encoding) -> Section:
    """``begins`` is the line on which the bytes begin: the one of the section's first word, or the file's first."""
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        line = begins + body.count(b"\n", 0, error.start)
        return Section(kind, begins, problem=Problem("statement_text_unreadable", {"line": line}))
    fields: dict[str, str] = {}
    last = ""
    for number, raw in enumerate(text.split("\n")):
        key, equals, value = raw.partition("=")
        if not equals or key not in KEYS:
            key = key.strip()
            if not equals or not key or " " in key:
                if not (said := raw.strip()):
                    continue
                if last.startswith(_MANY_LINES):
                    if last in fields:
                        fields[last] = f"{fields[last]} {said}"  # banks break long texts as their screens do
                    continue
                if said.encode(encoding) == MARK:
                    continue
                return Section(kind, begins, fields, Problem("statement_line_unreadable", {"line": begins + number}))
            if key not in KEYS:
                last = key
                continue
        value = value.strip()
        if fields.setdefault(key, value) != value and key != OWN_ACCOUNT:
            return Section(kind, begins, problem=Problem("statement_key_twice", {"field": key}))
        last = key
    return Section(kind, begins, fields)
