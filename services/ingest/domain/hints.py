"""Due work that a hint about something else than a deal causes."""

from chassis.aggregate import Lane, TaskPlan

READ_BUYER = "read-buyer"


def read_buyer_plan(account: str, entity: str, object_id: str) -> TaskPlan:
    """A company, a contact or requisites changed: deals that were asked for a document of that buyer are read again."""
    payload = {"account": account, "entity": entity, "object_id": object_id}
    return TaskPlan(READ_BUYER, f"{account}:{entity}:{object_id}", payload, lane=Lane.BULK)
