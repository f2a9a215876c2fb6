"""The base's description of itself (``$metadata``, tens of megabytes of XML), read at a check: what it lacks for us."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.etree import ElementTree

from chassis.domain import Problem
from connectors.onec.schema import INVOICES, REQUIRED, VAT_WORDS, VENDOR, WANTED

METADATA_BYTES_MAX: Final = 64 * 1024 * 1024
_VAT_ENUM: Final = "СтавкиНДС"
_ROW: Final = f"{INVOICES}_Товары_RowType"
_READ: Final = frozenset({INVOICES, _ROW, *REQUIRED, *WANTED})


class NotMetadata(ValueError):  # noqa: N818 - an answer about a document, not a fault
    """The document is not the description of a base."""


@dataclass(slots=True)
class BaseDescription:
    """What of the description matters here: published sets, properties of the types we use, words of VAT rates."""

    sets: set[str] = field(default_factory=set)
    properties: dict[str, set[str]] = field(default_factory=dict)
    vat_words: set[str] = field(default_factory=set)


def read_metadata(body: bytes) -> BaseDescription:
    """The description out of its XML; everything is dropped as soon as it is read. Raises NotMetadata."""
    # A declaration of entities has no place here, and could unfold without end.
    if not body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<") or b"<!DOCTYPE" in body:
        raise NotMetadata("the description is no plain XML in UTF-8")
    found = BaseDescription()
    try:
        for tag, element in _elements(body):
            _take(found, tag, element)
    except ElementTree.ParseError as error:
        raise NotMetadata(str(error)) from error
    if not found.sets and not found.properties:
        raise NotMetadata("the description names no objects")
    return found


def _elements(body: bytes) -> Iterator[tuple[str, ElementTree.Element]]:
    for _, element in ElementTree.iterparse(io.BytesIO(body)):  # noqa: S314 - without declarations nothing unfolds
        tag = element.tag.rpartition("}")[2]
        if tag in ("EntityType", "ComplexType", "EnumType", "EntitySet"):
            yield tag, element
            element.clear()


def _take(found: BaseDescription, tag: str, element: ElementTree.Element) -> None:
    name = element.get("Name", "")
    if tag == "EntitySet":
        found.sets.add(name)
    elif tag == "EnumType":
        if name == _VAT_ENUM or name.endswith(f"_{_VAT_ENUM}"):
            found.vat_words |= {child.get("Name", "") for child in element if child.tag.endswith("}Member")}
    elif name in _READ:
        found.properties[name] = {child.get("Name", "") for child in element if child.tag.endswith("}Property")}


def problems_of(found: BaseDescription) -> tuple[Problem, ...]:
    """What an administrator or an accountant must know before documents go to this base."""
    problems = []
    for code, names in (("accounting_not_published", REQUIRED), ("accounting_partly_published", WANTED)):
        missing = [name for name in names if name not in found.sets]
        if missing:
            problems.append(Problem(code, {"vendor": VENDOR, "names": missing}))
    rows: Mapping[str, set[str]] = found.properties
    columns = rows.get(_ROW, set())
    if columns and "СтавкаНДС_Key" in columns:
        # Trade and ERP keep rates in a catalogue: another configuration than the one that documents are made for.
        problems.append(Problem("accounting_configuration_other", {"vendor": VENDOR, "field": "СтавкаНДС_Key"}))
    elif columns and not {"Номенклатура", "Номенклатура_Key"} & columns:
        problems.append(Problem("accounting_configuration_other", {"vendor": VENDOR, "field": "Номенклатура"}))
    unknown = [word for word in VAT_WORDS.values() if found.vat_words and word not in found.vat_words]
    if unknown:
        problems.append(Problem("accounting_vat_words_missing", {"vendor": VENDOR, "names": unknown}))
    return tuple(problems)
