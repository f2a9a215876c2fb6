"""The base of all documents."""

from pydantic import BaseModel, ConfigDict


class Document(BaseModel):
    """Frozen; keys that a newer service adds are kept, so that a document never says less than the service did."""

    model_config = ConfigDict(frozen=True, extra="allow")
