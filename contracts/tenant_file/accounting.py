"""The accounting connection of a seller: each vendor and profile with the keys of its own."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from contracts.tenant_file.parts import Address, Limit, Part, Secret, Zone

_VENDOR: Final = "write elba, kontur, moedelo or onec"
_MODE: Final = "write api_key or oauth"
_API_KEY: Final = "write the API key, best as env:NAME or file:PATH"
_CLIENT_ID: Final = "write the client id, best as env:NAME or file:PATH"
_CLIENT_SECRET: Final = "write the client secret, best as env:NAME or file:PATH"  # noqa: S105 - a hint
_CLOSING: Final = "write act, waybill (goods by waybill, with services by UPD) or upd"
_CONNECTION_KEYS: Final = frozenset(
    {"vendor", "profile", "limit", "payments_poll_seconds", "counterparties_poll_seconds"}
)


Closing = Literal["act", "waybill", "upd"]


class AccountingPart(Part):
    """What every accounting connection has. ``profile`` tells the APIs of one vendor apart."""

    vendor: str = Field(description=_VENDOR)
    profile: str = Field(default="standard", description="leave it out")
    limit: Limit | Literal["unlimited"] = Field(
        default=Limit(burst=10, per_second=5), description="write {burst: 10, per_second: 5} or unlimited"
    )
    payments_poll_seconds: float = Field(
        default=300, ge=1, le=86_400, description="write seconds from 1 to 86400, for example 300"
    )
    counterparties_poll_seconds: float = Field(
        default=900, ge=1, le=86_400, description="write seconds from 1 to 86400, for example 900"
    )

    @property
    def endpoint(self) -> str:
        """Where the account is called."""
        raise NotImplementedError

    def goods(self, policy: Literal["create", "list"] | None) -> Literal["", "create", "list"]:
        """What becomes of goods that the nomenclature lacks: the connection's own word, else the tenant's; "" where
        documents refer to no nomenclature."""
        return ""

    def access(self) -> dict[str, str]:
        """The keys by which the account is entered, secrets among them."""
        return {name: value for name, value in self._own().items() if value != self.endpoint}

    def addresses(self) -> dict[str, str]:
        """The addresses that are called, by their keys."""
        return {name: value for name, value in self._own().items() if name.endswith("_url")}

    def _own(self) -> dict[str, str]:
        values: dict[str, str] = self.model_dump(exclude=set(_CONNECTION_KEYS), exclude_none=True)
        return values


class _AtApi(AccountingPart):
    api_url: Address = Field(description="write the address of the API, for example https://api.e-kontur.ru/api/v1")

    @property
    def endpoint(self) -> str:
        """The API's address."""
        return self.api_url


class ElbaSeedPart(_AtApi):
    """Elba by OAuth client credentials."""

    vendor: Literal["elba"] = Field(description=_VENDOR)
    profile: Literal["seed"] = Field(default="seed", description="write seed or vendor")
    token_url: Address = Field(
        description="write the address that gives tokens, for example https://auth.kontur.ru/connect/token"
    )
    client_id: Secret = Field(description=_CLIENT_ID)
    client_secret: Secret = Field(description=_CLIENT_SECRET)


class ElbaVendorPart(_AtApi):
    """Elba's published API by an API key, one organization of those that the key opens."""

    vendor: Literal["elba"] = Field(description=_VENDOR)
    profile: Literal["vendor"] = Field(description="write seed or vendor")
    api_url: Address = Field(
        default="https://elba-api.kontur.ru/v1",
        description="write the address of the API, for example https://elba-api.kontur.ru/v1",
    )
    api_key: Secret = Field(description=_API_KEY)
    organization_id: str = Field(
        pattern=r"^[0-9a-fA-F-]{36}$", description="write the organization's id, 36 characters of 0-9, a-f and -"
    )
    bank_account_id: str = Field(
        default="",
        pattern=r"^([0-9a-fA-F-]{36})?$",
        description="write the id of the bank account that documents show, 36 characters of 0-9, a-f and -, "
        "or leave it out for Elba's usual one",
    )
    closing: Closing = Field(default="act", description=_CLOSING)


class _MoedeloPart(_AtApi):
    """MoeDelo."""

    vendor: Literal["moedelo"] = Field(description=_VENDOR)
    profile: Literal["standard"] = Field(default="standard", description="leave it out")
    auth_mode: Literal["api_key", "oauth"] = Field(default="api_key", description=_MODE)
    api_url: Address = Field(
        default="https://restapi.moedelo.org",
        description="write the address of the API, for example https://restapi.moedelo.org",
    )
    limit: Limit | Literal["unlimited"] = Field(
        default=Limit(burst=5, per_second=3), description="write {burst: 5, per_second: 3} or unlimited"
    )
    closing: Closing = Field(default="act", description=_CLOSING)
    bank_account_id: str = Field(
        default="",
        pattern=r"^[0-9]{0,18}$",
        description="write MoeDelo's number of the bank account that bills show, in quotes, or leave it out for the "
        "usual one",
    )


class MoedeloKeyPart(_MoedeloPart):
    """MoeDelo by an API key."""

    auth_mode: Literal["api_key"] = Field(default="api_key", description=_MODE)
    api_key: Secret = Field(description=_API_KEY)


class MoedeloOauthPart(_MoedeloPart):
    """MoeDelo by OAuth; the refresh token is the first one, those that follow it are kept by the installation."""

    auth_mode: Literal["oauth"] = Field(description=_MODE)
    token_url: Address = Field(
        default="https://oauth.moedelo.org/connect/token",
        description="write the address that gives tokens, for example https://oauth.moedelo.org/connect/token",
    )
    client_id: Secret = Field(description=_CLIENT_ID)
    client_secret: Secret = Field(description=_CLIENT_SECRET)
    refresh_token: Secret = Field(description="write the refresh token, best as env:NAME or file:PATH")


class _KonturPart(_AtApi):
    """Kontur.Accounting."""

    vendor: Literal["kontur"] = Field(description=_VENDOR)
    profile: Literal["standard"] = Field(default="standard", description="leave it out")
    auth_mode: Literal["api_key", "oauth"] = Field(default="oauth", description=_MODE)
    api_url: Address = Field(
        default="https://api.kontur.ru/budget/v1",
        description="write the address of the API, for example https://api.kontur.ru/budget/v1",
    )
    organization_id: str = Field(
        default="",
        pattern=r"^([0-9a-fA-F-]{36})?$",
        description="write the organization's id, 36 characters of 0-9, a-f and -, where the access opens several",
    )
    bank_account_id: str = Field(
        default="",
        pattern=r"^([0-9a-fA-F-]{36})?$",
        description="write the id of the bank account that invoices show, 36 characters of 0-9, a-f and -, or leave it "
        "out for the usual one",
    )
    unknown_goods: Literal["text", "create", "list"] | None = Field(
        default=None,
        description="leave it to policies.unknown_goods, or write create to have unknown goods made, "
        "list to have them named to a person, or text where lines need no nomenclature",
    )
    closing: Closing = Field(default="act", description=_CLOSING)
    callback_secret: str = Field(
        default="",
        max_length=2000,
        repr=False,
        description="write the secret that callbacks are signed with, best as env:NAME, or leave it out",
    )

    def goods(self, policy: Literal["create", "list"] | None) -> Literal["", "create", "list"]:
        """Without a word of anybody they are for a person to map (R25)."""
        own = self.unknown_goods or policy or "list"
        return "" if own == "text" else own


class KonturKeyPart(_KonturPart):
    """Kontur.Accounting by an API key."""

    auth_mode: Literal["api_key"] = Field(description=_MODE)
    api_key: Secret = Field(description=_API_KEY)


class KonturOauthPart(_KonturPart):
    """Kontur.Accounting by OAuth client credentials."""

    auth_mode: Literal["oauth"] = Field(default="oauth", description=_MODE)
    token_url: Address = Field(
        default="https://identity.kontur.ru/connect/token",
        description="write the address that gives tokens, for example https://identity.kontur.ru/connect/token",
    )
    client_id: Secret = Field(description=_CLIENT_ID)
    client_secret: Secret = Field(description=_CLIENT_SECRET)


class OnecPart(AccountingPart):
    """1C:Accounting by its standard OData interface."""

    vendor: Literal["onec"] = Field(description=_VENDOR)
    profile: Literal["standard"] = Field(default="standard", description="leave it out")
    odata_url: Address = Field(
        description="write the published infobase's address, for example https://1c.example.ru/buh/odata/standard.odata"
    )
    user: str = Field(min_length=1, max_length=200, description="write the name of the 1C user, best as env:NAME")
    password: Secret = Field(description="write the password of the 1C user, best as env:NAME or file:PATH")
    organization: str = Field(
        min_length=1, max_length=200, description="write the organization as 1C names it, or its INN in quotes"
    )
    mode: Literal["draft", "posted"] = Field(
        default="draft",
        description="write draft to count an invoice once it is posted, or posted to count it at once",
    )
    unknown_goods: Literal["create", "list"] | None = Field(
        default=None,
        description="leave it to policies.unknown_goods, or write list to have goods that 1C does not know named to a "
        "person, or create to have them made",
    )
    closing: Literal["act", "upd"] = Field(default="act", description="write act or upd")
    timezone: Zone = Field(
        default="Europe/Moscow", description="write the zone of the 1C server's clock, for example Europe/Moscow"
    )

    def goods(self, policy: Literal["create", "list"] | None) -> Literal["", "create", "list"]:
        """Each line of a document is an item; without a word of anybody unknown ones are for a person to map (R25)."""
        return self.unknown_goods or policy or "list"

    @property
    def endpoint(self) -> str:
        """The OData address."""
        return self.odata_url


class OtherAccountingPart(AccountingPart):
    """A vendor that nobody knows: only there to be refused."""

    model_config = ConfigDict(extra="ignore")

    vendor: Literal["elba", "kontur", "moedelo", "onec"] = Field(description=_VENDOR)


_PARTS: Final[Mapping[tuple[str, str], type[AccountingPart]]] = {
    ("elba", "seed"): ElbaSeedPart,
    ("elba", "vendor"): ElbaVendorPart,
    ("moedelo", "api_key"): MoedeloKeyPart,
    ("moedelo", "oauth"): MoedeloOauthPart,
    ("kontur", "oauth"): KonturOauthPart,
    ("kontur", "api_key"): KonturKeyPart,
    ("onec", ""): OnecPart,
}
"""By vendor, and by its profile or way of access; a vendor's first one is its usual one."""


def accounting_model(value: Any) -> type[AccountingPart]:
    """The model of a connection as it is written, whether it is right or not."""
    vendor = _word(value, "vendor")
    usual = next((part for (name, _), part in _PARTS.items() if name == vendor), OtherAccountingPart)
    chosen = (_PARTS.get((vendor, _word(value, key))) for key in ("profile", "auth_mode"))
    return next((part for part in chosen if part is not None), usual)


def _word(value: Any, key: str) -> str:
    found = value.get(key) if isinstance(value, dict) else getattr(value, key, None)
    return found if isinstance(found, str) and found else "-"


def _tag(value: Any) -> str:
    return accounting_model(value).__name__


Accounting = Annotated[
    Annotated[ElbaSeedPart, Tag("ElbaSeedPart")]
    | Annotated[ElbaVendorPart, Tag("ElbaVendorPart")]
    | Annotated[MoedeloKeyPart, Tag("MoedeloKeyPart")]
    | Annotated[MoedeloOauthPart, Tag("MoedeloOauthPart")]
    | Annotated[KonturKeyPart, Tag("KonturKeyPart")]
    | Annotated[KonturOauthPart, Tag("KonturOauthPart")]
    | Annotated[OnecPart, Tag("OnecPart")]
    | Annotated[OtherAccountingPart, Tag("OtherAccountingPart")],
    Discriminator(_tag),
]
"""One of the connections; which one, is told by its vendor, profile and way of access."""
