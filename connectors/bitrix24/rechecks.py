"""The second look at a deal before a document comes of it: did it move, whose INN is it, what codes its products have.

Source: the vendor's documentation, pages "Batch", crm.item.list, crm.requisite.list, catalog.product.get.
"""

from collections.abc import Sequence
from typing import Final

from chassis.outcomes import Failure, Ok, Outcome, Rejected
from chassis.work.handlers import Permit
from connectors import wire
from connectors.bitrix24.calls import PortalCalls
from connectors.bitrix24.mapping import records
from connectors.bitrix24.mapping.deal import recheck_commands
from connectors.bitrix24.schema import BATCH_COMMANDS_MAX, VENDOR, BatchAnswer, Command, Success
from connectors.ports.crm import DealRecheck
from connectors.verdicts import unexpected
from connectors.wire import ShapeError

_SCOPE_MISSING: Final = "scope_missing"


class Rechecks:
    """Second looks at the deals of any portal."""

    def __init__(self, calls: PortalCalls) -> None:
        self._calls = calls

    async def recheck(self, permit: Permit, deal_id: str, inn: str, products: Sequence[str]) -> Outcome[DealRecheck]:
        """All questions in one batch, unless the products fill more."""
        asked = recheck_commands(deal_id, inn)
        room = BATCH_COMMANDS_MAX - len(asked)
        answer = await self._calls.batch(permit, "recheck_deal", asked | _products(products[:room]), write=False)
        if not isinstance(answer, BatchAnswer):
            return answer
        present = self._calls.present(answer, asked)
        if not isinstance(present, dict):
            return present
        try:
            listed, same = present["deal"], present.get("same_inn")
            deals = records.read_items(listed, "items", records.read_modified_deal) if listed is not None else []
            rows = wire.records(same.result, "requisites") if same is not None else ()
            updated_at = next((one.updated_at for one in deals if one.deal_id == deal_id), None)
            same_inn = tuple(records.read_requisite(row) for row in rows)
            codes = self._codes(answer, products[:room])
            for start in range(room, len(products), BATCH_COMMANDS_MAX):
                if not isinstance(codes, dict):
                    return codes
                further = products[start : start + BATCH_COMMANDS_MAX]
                answer = await self._calls.batch(permit, "recheck_deal", _products(further), write=False)
                if not isinstance(answer, BatchAnswer):
                    return answer
                more = self._codes(answer, further)
                codes = codes | more if isinstance(more, dict) else more
        except ShapeError as error:
            return unexpected(VENDOR, str(error), write=False)
        return Ok(DealRecheck(updated_at, same_inn, codes)) if isinstance(codes, dict) else codes

    def _codes(self, batch: BatchAnswer, products: Sequence[str]) -> dict[str, str] | Failure:
        """The products' codes by their ids. One that was deleted, or that the webhook's rights do not reach, has none:
        the row's own words go into the document. The portal gives a product without a code its id for one."""
        codes: dict[str, str] = {}
        for product in products:
            part = self._calls.part(batch, f"product{product}", write=False)
            if isinstance(part, Success):
                found = wire.mapping(wire.mapping(part.result, "product").get("product"), "product")
                code = wire.text(found.get("xmlId")).strip()
                if code and code != product:
                    codes[product] = code
            elif not isinstance(part, Rejected) and part.problem.code != _SCOPE_MISSING:
                return part
        return codes


def _products(products: Sequence[str]) -> dict[str, Command]:
    return {f"product{product}": Command("catalog.product.get", {"id": product}) for product in products}
