"""Diadoc's wire as it is: paths with their versions, words of states, and where files have their names.

Source: https://developer.kontur.ru/doc/diadoc-api, pages named at each method of the client.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

VENDOR: Final = "diadoc"
ORGANIZATIONS: Final = "GetMyOrganizations"
BY_INN: Final = "GetOrganizationsByInnKpp"
COUNTERAGENT: Final = "V3/GetCounteragent"
ACQUIRE: Final = "V3/AcquireCounteragent"
ACQUIRED: Final = "V2/AcquireCounteragentResult"
TYPES: Final = "V3/GetDocumentTypes"
GENERATE: Final = "GenerateTitleXml"
POST: Final = "V3/PostMessage"
MESSAGE: Final = "V6/GetMessage"
DOCUMENT: Final = "V3/GetDocument"
DOCUMENTS: Final = "V3/GetDocuments"
EVENTS: Final = "V8/GetNewEvents"
LAST_EVENT: Final = "V2/GetLastEvent"
PRINT_FORM: Final = "GeneratePrintForm"
ARCHIVE: Final = "GenerateDocumentZip"
SHELF: Final = "V2/ShelfDownload"
AUTHENTICATE: Final = "V3/Authenticate"

DOCUMENT_TYPE: Final = "UniversalTransferDocument"
VERSION: Final = "utd970_05_03_01"
WITH_VAT: Final = "СЧФДОП"
WITHOUT_VAT: Final = "ДОП"
PAGE_ROWS: Final = 100
PDF_MAGIC: Final = b"%PDF-"
ZIP_MAGIC: Final = b"PK"
TOKEN_SECONDS: Final = 24 * 3600
"""How long a token of ``Authenticate`` lives; the answer does not say."""
REJECTIONS: Final = frozenset({"XmlSignatureRejection", "SignatureRequestRejection"})

_FILE_NAME: Final = re.compile(r"filename\*?=(?:UTF-8'')?\"?([^\";]+)\"?", re.IGNORECASE)
_SAFE_NAME: Final = re.compile(r"[\w.\-]{1,200}")


def file_name(headers: Mapping[str, str]) -> str:
    """The file's name of ``Content-Disposition``; "" without one that can be used."""
    found = _FILE_NAME.search(headers.get("content-disposition", ""))
    return found[1] if found is not None and _SAFE_NAME.fullmatch(found[1]) else ""


def oauth_error(document: Any) -> str | None:
    """The code of an OAuth error (RFC 6749 §5.2), in lower case; None without one."""
    error = document.get("error") if isinstance(document, dict) else None
    return error.lower() if isinstance(error, str) and error else None
