"""What an administrator published of a base, and whether it is enough for what is done here."""

from chassis.domain import Problem
from chassis.http import Answer
from chassis.outcomes import Ok, Outcome, Retryable
from chassis.work.handlers import Permit
from connectors import wire
from connectors.onec import address, metadata
from connectors.onec.calls import Bases
from connectors.onec.schema import REQUIRED, VENDOR
from connectors.onec.seller import Sellers
from connectors.verdicts import unexpected
from connectors.wire import ShapeError


class Publication:
    """The composition of the interface of all bases."""

    def __init__(self, bases: Bases, sellers: Sellers) -> None:
        self._bases = bases
        self._sellers = sellers

    async def ping(self, permit: Permit) -> Outcome[None]:
        """The list of published objects, and whether the least that is needed is among them."""
        url = address.resource_url(permit.endpoint, "")
        found = await self._bases.document(permit, "ping", "GET", url)
        if not isinstance(found, Ok):
            return found
        try:
            names = {wire.text(row.get("name")) for row in wire.records(wire.required(found.value, "value"), "value")}
        except (ShapeError, AttributeError) as error:
            return unexpected(VENDOR, str(error), write=False)
        missing = [name for name in REQUIRED if name not in names]
        if missing:
            return Retryable(Problem("accounting_not_published", {"vendor": VENDOR, "names": missing}), outage=True)
        return Ok(None)

    async def check(self, permit: Permit) -> Outcome[tuple[Problem, ...]]:
        """What must be mended: the base's description is read whole, and whether our organisation can be told is
        asked."""
        reached = await self.ping(permit)
        if not isinstance(reached, Ok):
            return reached
        answer = await self._bases.send(
            permit,
            "metadata",
            "GET",
            address.metadata_url(permit.endpoint),
            accept="application/xml",
            answer_bytes_max=metadata.METADATA_BYTES_MAX,
        )
        if not isinstance(answer, Answer):
            return answer
        if answer.status != 200:
            return self._bases.failure(answer, write=False)
        try:
            problems = metadata.problems_of(metadata.read_metadata(answer.body))
        except metadata.NotMetadata:
            return self._bases.failure(answer, write=False)
        seller = await self._sellers.seller(permit)
        return Ok(problems if isinstance(seller, Ok) else (*problems, seller.problem))
