"""PDFs of a base that has our extension installed: its HTTP service ``crmgate``. OData itself prints nothing."""

from typing import Final

from chassis.domain import Problem
from chassis.http import Answer
from chassis.outcomes import Ok, Outcome, Rejected, Retryable
from chassis.work.handlers import Permit
from connectors import wire
from connectors.onec import address
from connectors.onec.calls import Bases
from connectors.onec.schema import PDF_MAGIC, VENDOR
from connectors.ports.accounting import PdfFile

SERVICE: Final = "crmgate/v1"
NOT_FOUND: Final = "not_found"
"""The service's own word for a document that is not there; any other 404 is a base without the service."""
NOT_POSTED: Final = "not_posted"


class Printing:
    """Printed forms, as far as a base gives them."""

    def __init__(self, bases: Bases) -> None:
        self._bases = bases

    async def pdf(self, permit: Permit, operation: str, resource: str, key: str, form: str) -> Outcome[PdfFile]:
        """The file of one document. Rejected ``capability_missing`` where the base has no such service."""
        url = address.service_url(permit.endpoint, f"{SERVICE}/print/{resource}/{key}?form={form}&format=pdf")
        answer = await self._bases.send(permit, operation, "GET", url, accept="application/pdf")
        if not isinstance(answer, Answer):
            return answer
        if answer.status == 202:
            return self._bases.rendering(answer)
        code = _code(answer)
        if answer.status == 404 and code != NOT_FOUND:
            return Rejected(Problem("capability_missing", {"vendor": VENDOR, "capability": operation}))
        if answer.status == 404:
            return Rejected(Problem("document_not_found", {"vendor": VENDOR, "status": 404}))
        if answer.status == 409 and code == NOT_POSTED:
            return Rejected(Problem("document_not_posted", {"vendor": VENDOR}))
        if answer.status != 200:
            return self._bases.failure(answer, write=False)
        if not answer.body.startswith(PDF_MAGIC):
            return Retryable(Problem("pdf_invalid", {"vendor": VENDOR, "bytes": len(answer.body)}), outage=False)
        return Ok(PdfFile(answer.body))


def _code(answer: Answer) -> str:
    try:
        document = wire.read_json(answer.body)
    except ValueError:
        return ""
    error = document.get("error") if isinstance(document, dict) else None
    return wire.text(error.get("code")) if isinstance(error, dict) and isinstance(error.get("code"), str) else ""
