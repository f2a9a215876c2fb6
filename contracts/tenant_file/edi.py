"""The connection to an operator of electronic documents in the tenant's file; a description is what to write there."""

from typing import Annotated, Final, Literal

from pydantic import Field, ValidationInfo, field_validator

from contracts.tenant_file.parts import Address, Limit, Part

_OF_OIDC: Final = ("client_secret", "refresh_token")
_SecretIfAny = Annotated[str, Field(min_length=1, max_length=2000)] | None


class EdiPart(Part):
    """A seller's box in Diadoc; acts made in accounting are prepared there for a person to sign."""

    vendor: Literal["diadoc"] = Field(
        description="write diadoc: no other operator (СБИС, Такском, Калуга Астрал, Тензор, 1С-ЭДО, …) is supported; "
        "their subscribers are reached from Diadoc by roaming"
    )
    auth_mode: Literal["oidc", "password"] = Field(default="oidc", description="write oidc or password")
    api_url: Address = Field(
        default="https://diadoc-api.kontur.ru",
        description="leave it out, or write the address of the API: https://diadoc-api.kontur.ru",
    )
    token_url: Address = Field(
        default="https://identity.kontur.ru/connect/token",
        description="leave it out, or write the address that gives tokens: https://identity.kontur.ru/connect/token",
    )
    box_id: str = Field(
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        description="write the box's id as a GUID in small letters, 36 characters of 0-9, a-f and -",
    )
    client_id: str = Field(
        min_length=1,
        max_length=2000,
        repr=False,
        description="write the developer's key (client id) of the integration, best as env:NAME or file:PATH",
    )
    client_secret: _SecretIfAny = Field(
        default=None,
        repr=False,
        validate_default=True,
        description="in mode oidc write the client secret, best as env:NAME; in mode password leave it out",
    )
    refresh_token: _SecretIfAny = Field(
        default=None,
        repr=False,
        validate_default=True,
        description="in mode oidc write the refresh token of a person with rights in the box, best as env:NAME; in "
        "mode password leave it out",
    )
    login: _SecretIfAny = Field(
        default=None,
        validate_default=True,
        description="in mode password write the login of a person with rights in the box; in mode oidc leave it out",
    )
    password: _SecretIfAny = Field(
        default=None,
        repr=False,
        validate_default=True,
        description="in mode password write the password, best as env:NAME or file:PATH; in mode oidc leave it out",
    )
    title: Literal["auto", "dop", "schfdop"] = Field(
        default="auto",
        description="write dop or schfdop for the kind of УПД, or auto: ДОП without VAT, else СЧФДОП",
    )
    limit: Limit | Literal["unlimited"] = Field(
        default=Limit(burst=10, per_second=10), description="write {burst: 10, per_second: 10} or unlimited"
    )
    poll_seconds: float = Field(default=60, ge=1, le=3600, description="write seconds from 1 to 3600, for example 60")

    @field_validator("client_secret", "refresh_token", "login", "password")
    @classmethod
    def _of_mode(cls, value: str | None, info: ValidationInfo) -> str | None:
        needed = info.data.get("auth_mode") == ("oidc" if info.field_name in _OF_OIDC else "password")
        if "auth_mode" in info.data and (value is not None) != needed:
            raise ValueError("missing in this mode" if needed else "of the other mode")
        return value
