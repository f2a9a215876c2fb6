"""Between documents and the mapping list: what a document wants or has found goes there, what is known comes back."""

from chassis.work.handlers import Done, StreamCommand, Task, TaskResult
from services.invoicing.domain import DEAL_PREFIX, goods, plans
from services.invoicing.domain import commands as c


class ListGoods:
    """Puts the products of a document that its nomenclature lacks on the list, or the items that it was made with."""

    kind = plans.LIST_GOODS
    recurring = False
    permits = 0

    async def run(self, task: Task) -> TaskResult:
        """One command per product."""
        payload = task.payload
        commands = []
        for one in payload["goods"]:
            product = goods.Product.model_validate(one["product"])
            command: goods.Command = (
                goods.SeeItem(product, one["item_id"], one["created"])
                if "item_id" in one
                else goods.WantGoods(product, payload["deal_id"], payload["document_id"], one["tried"])
            )
            stream = goods.stream_of(product.account, product.product_id)
            commands.append(StreamCommand(stream, command, f"goods:{task.key}:{product.product_id}"))
        return Done(tuple(commands))


class TellGoods:
    """Tells everybody who waited for a product that its item is known."""

    kind = goods.TELL
    recurring = False
    permits = 0

    async def run(self, task: Task) -> TaskResult:
        """One command per waiting document."""
        payload = task.payload
        return Done(
            tuple(
                StreamCommand(
                    f"{DEAL_PREFIX}-{deal_id}",
                    c.SeeGoods(document_id, payload["product_id"], payload["item_id"]),
                    f"goods:{task.key}:{document_id}",
                )
                for document_id, deal_id in payload["waiting"].items()
            )
        )
