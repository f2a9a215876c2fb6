"""Files that a vendor gives from another address: one redirect is followed, and our credentials are kept back."""

from dataclasses import replace
from typing import Final
from urllib.parse import urljoin, urlsplit

from chassis.domain import Problem
from chassis.http import Answer, Call, NotSent, as_read
from chassis.outcomes import Failure, Rejected, Retryable
from connectors.transport import Transport

REDIRECTS: Final = (301, 302, 303, 307, 308)


async def file_answer(http: Transport, call: Call) -> Answer | Failure:
    """The answer to a GET of a file, of the vendor itself or of the one address that it redirects to.

    Another host is told neither our credentials nor where a tenant's private networks are, and what it answers says
    nothing of the vendor: Rejected ``pdf_elsewhere`` where the file cannot be had, Retryable where it may be had later.
    """
    answer = await http.send(call)
    if not isinstance(answer, Answer):
        return as_read(answer)
    if answer.status not in REDIRECTS:
        return answer
    refused = Rejected(Problem("pdf_elsewhere", {"vendor": call.vendor, "status": answer.status}))
    target = _target(call.url, answer.headers.get("location", ""))
    if target is None:
        return refused
    ours = _origin(target) == _origin(call.url)
    headers = {name: value for name, value in call.headers.items() if ours or name.lower() == "accept"}
    found = await http.send(replace(call, url=target, headers=headers, networks=call.networks if ours else ()))
    if not isinstance(found, Answer):
        unreachable = isinstance(found, NotSent) and not found.outage
        return refused if unreachable else Retryable(found.problem, outage=False)
    if found.status == 200 or (ours and found.status not in REDIRECTS):
        return found
    problem = Problem("pdf_elsewhere", {"vendor": call.vendor, "status": found.status})
    return Retryable(problem, outage=False) if found.status >= 500 or found.status == 429 else Rejected(problem)


def _target(url: str, location: str) -> str | None:
    """Where a redirect leads, None for nowhere or to what is less safe than where it came from."""
    try:
        target = urljoin(url, location)
        scheme = _origin(target)[0]
    except ValueError:
        return None
    return target if location and scheme in ("https", urlsplit(url).scheme) else None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Raises ValueError for a port that is no number."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
