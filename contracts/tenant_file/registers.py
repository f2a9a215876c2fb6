"""Providers of the state register in the tenant's file; a field's description is what a person should write there."""

from typing import Literal

from pydantic import Field

from contracts.tenant_file.parts import Address, Limit, Part, Secret


class RegisterPart(Part):
    """A provider of the state register of companies; the first of the list is asked first, the next where it cannot."""

    vendor: Literal["dadata", "focus"] = Field(description="write dadata or focus")
    api_url: Address | None = Field(
        default=None, description="leave it out, or write the address of the provider's API"
    )
    api_key: Secret = Field(description="write the API key, best as env:NAME or file:PATH")
    secret: str | None = Field(
        default=None,
        min_length=1,
        max_length=2000,
        repr=False,
        description="write the secret of the DaData account, best as env:NAME, or leave it out",
    )
    per_day: int | None = Field(
        default=None, ge=1, le=10_000_000, description="write how many calls a day may be made, for example 10000"
    )
    limit: Limit | Literal["unlimited"] | None = Field(
        default=None, description="write {burst: 30, per_second: 30} or unlimited"
    )
