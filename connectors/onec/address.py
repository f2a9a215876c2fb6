"""Addresses and query options of a base: Cyrillic names, quoted values, and no ``+`` for a space.

A plus sign is no space for 1C: such a query is refused, or its filter dropped and the whole table given. So addresses
are built here as text and sent as they are.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urlsplit
from uuid import UUID

ODATA_PATH: Final = "/odata/standard.odata/"
FILTER_LENGTH_MAX: Final = 6_000
"""Usual web servers take addresses of about 8 KB; a Cyrillic letter takes six characters of it."""
KEYS_PER_FILTER_MAX: Final = 20
_LOCALE: Final = re.compile(r"/(ru|en)$")


@lru_cache(maxsize=1_024)
def infobase_of(endpoint: str) -> str:
    """The base's own address out of what people paste: the browser's address, with a language or with the interface's
    path at its end; a query and a fragment are dropped."""
    parts = urlsplit(endpoint)
    path = parts.path.partition("/odata/")[0].partition("/hs/")[0].rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{_LOCALE.sub('', path)}"


def resource_url(endpoint: str, resource: str, **options: str) -> str:
    """The address of a resource, such as ``Catalog_Контрагенты(guid'…')``, with options without their ``$``."""
    path = _quoted(resource, "()',=/$")
    query = [f"${name}={_quoted(value)}" for name, value in {"format": "json", **options}.items()]
    return f"{infobase_of(endpoint)}{ODATA_PATH}{path}?{'&'.join(query)}"


@lru_cache(maxsize=1_024)  # most are names of columns and of types, Cyrillic and the same each time
def _quoted(value: str, safe: str = "") -> str:
    return quote(value, safe=safe)


def collection_url(endpoint: str, resource: str, **options: str) -> str:
    """The address of a collection, less the rows that the user may not see: one of them would fail the whole read."""
    return f"{resource_url(endpoint, resource, **options)}&allowedOnly=true"


def service_url(endpoint: str, path: str) -> str:
    """The address of an HTTP service of the base's extensions."""
    return f"{infobase_of(endpoint)}/hs/{quote(path, safe='/?=&')}"


def metadata_url(endpoint: str) -> str:
    """The address of the description of all published objects; it exists as XML alone."""
    return f"{infobase_of(endpoint)}{ODATA_PATH}$metadata"


def screen_url(endpoint: str, kind: str, key: str) -> str:
    """Where a person opens an object (``Документ.СчетНаОплатуПокупателю``) in the base's web client."""
    first, second, third, fourth, fifth = key.split("-")
    return f"{infobase_of(endpoint)}/#e1cib/data/{quote(kind)}?ref={fourth}{fifth}{third}{second}{first}"


def guid(key: str) -> str:
    """A reference as a literal. Raises ValueError for what is none."""
    return f"guid'{UUID(key)}'"


def reference(key: str, kind: str) -> str:
    """A reference for an attribute of several types, which a plain literal would never equal."""
    return f"cast({guid(key)}, '{kind}')"


def text(value: str) -> str:
    """A text as a literal."""
    doubled = value.replace("'", "''")
    return f"'{doubled}'"


def moment(value: date | datetime) -> str:
    """A moment on the base's own clock as a literal; a day is its midnight."""
    return f"datetime'{value.strftime('%Y-%m-%dT%H:%M:%S')}'"


def any_of(conditions: Iterable[str]) -> str:
    """Alternatives, bracketed."""
    return "(" + " or ".join(conditions) + ")"


def in_chunks(conditions: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Slices of conditions, each short enough for one address when joined by ``or``."""
    start, length = 0, 0
    for place, condition in enumerate(conditions):
        size = len(quote(condition, safe="")) + len("%20or%20")
        if place > start and (length + size > FILTER_LENGTH_MAX or place - start >= KEYS_PER_FILTER_MAX):
            yield start, place
            start, length = place, 0
        length += size
    if start < len(conditions):
        yield start, len(conditions)
