"""The documents of `goods`."""

from typing import Literal

from pydantic import Field

from sverka.models.base import Document


class GoodsItem(Document):
    """A product of the CRM that the accounting's nomenclature lacked."""

    seller: str
    account: str
    product_id: str = Field(description="The CRM's id of the product.")
    external_code: str = Field(description="Its code in other systems (Bitrix24: XML_ID), empty where it has none.")
    name: str
    unit: str
    state: Literal["open", "mapped", "created"] = Field(
        description="open waits for a person; mapped has an item of the accounting; created was made there by us."
    )
    item_id: str = Field(description="The accounting's id of the item, empty while it is open.")
    mapped_by: str = Field(description="Who mapped it; empty where a document found or made it.")
    waiting: int = Field(description="Documents that wait for it.")


class GoodsDocument(Document):
    """`sverka goods list --json`."""

    goods: list[GoodsItem]
