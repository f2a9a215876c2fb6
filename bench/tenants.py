"""Tenants on a sandbox: portals with accounts, limits and delays off, applied through the public API."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from sverka.demo.accounting import ELBA, Service
from sverka.http import Json

ACTIVATED_AT: Final = "2020-01-01T00:00:00+03:00"
STAGE: Final = "PREPAYMENT_INVOICE"
PDF_BYTES: Final = 60 * 1024
FIELDS: Final = {
    "invoice_number": "UF_CRM_INVOICE_NUMBER", "invoice_date": "UF_CRM_INVOICE_DATE",
    "invoice_url": "UF_CRM_INVOICE_URL", "invoice_status": "UF_CRM_INVOICE_STATUS",
    "invoice_pdf": "UF_CRM_INVOICE_PDF", "paid": "UF_CRM_PAID",
}  # fmt: skip
DIALS: Final = {"pdf_render_seconds": 0, "pdf_bytes": PDF_BYTES}


@dataclass(frozen=True, slots=True)
class Tenant:
    """One tenant: its portal, its account, and where the portal posts its webhooks."""

    slug: str
    account: str
    hook_path: str
    application_token: str


def open_tenants(
    control: Json, ingest: Json, count: int, *, seed: int, unlimited: bool, subscribed: bool
) -> list[Tenant]:
    """Seeds pairs of portal and account of Elba, switches the sandbox's limits off, and applies the tenants' files.

    ``unlimited``: the product's own rate buckets are off too (``limit: unlimited`` in the file).
    """
    done = seed_pairs(control, count, seed, ELBA)
    return apply_tenants(control, ingest, done, ELBA, unlimited=unlimited, subscribed=subscribed)


def seed_pairs(control: Json, count: int, seed: int, service: Service) -> dict[str, Any]:
    """Pairs of portal and account that the product does not know yet, and no limits; the sandbox's answer."""
    control.post("/limits", {"enabled": False})
    seeded: dict[str, Any] = control.post(
        "/seed",
        {
            "portals": count,
            "seed": seed,
            "buyers_per_portal": 0,
            "known_buyers_per_account": 0,
            "accounting": service.sandbox,
            service.sandbox: {**service.dials, **DIALS},
        },
    )
    return seeded


def apply_tenants(
    control: Json, ingest: Json, seeded: dict[str, Any], service: Service, *, unlimited: bool, subscribed: bool
) -> list[Tenant]:
    """Applies the files of seeded pairs."""
    env = seeded["env"]
    return [_open(control, ingest, one, env, unlimited, subscribed, service) for one in seeded["tenants"]]


def _open(
    control: Json,
    ingest: Json,
    one: dict[str, Any],
    env: dict[str, str],
    unlimited: bool,
    subscribed: bool,
    service: Service,
) -> Tenant:
    slug, number = one["slug"], one["index"]
    applied = ingest.call("PUT", f"/api/v1/tenants/{slug}", body=_document(one, env, unlimited, service))
    hook = applied["webhook_urls"]["bitrix24"]
    known = control.get(f"/bitrix24/portals/{slug}")["subscription"]
    url = hook if subscribed else "http://127.0.0.1:9/nobody"
    control.call("PATCH", f"/bitrix24/portals/{slug}/subscriptions/{known}", body={"url": url})
    return Tenant(
        slug, env[service.env(number, "ACCOUNT")], urlsplit(hook).path, env[f"B24_{number}_APPLICATION_TOKEN"]
    )


def _document(one: dict[str, Any], env: dict[str, str], unlimited: bool, service: Service) -> dict[str, Any]:
    number = one["index"]
    connection = {key: env.get(value.removeprefix("env:"), value) for key, value in service.part(number).items()}
    limit = {"limit": "unlimited"} if unlimited else {}
    return {
        "tenant": one["slug"],
        "name": one["title"],
        "activated_at": ACTIVATED_AT,
        "bitrix24": {
            "webhook_url": env[f"B24_{number}_WEBHOOK_URL"],
            "application_token": env[f"B24_{number}_APPLICATION_TOKEN"],
            "funnels": [{"category": 0, "issue_invoice": [STAGE]}],
            "fields": FIELDS,
            **limit,
        },
        "sellers": [
            {
                "id": "main",
                "inn": one["seller_inn"],
                "accounting": {**connection, **limit},
                "tax": [{"from": "2020-01-01", "regime": "usn_income", "vat": "exempt"}],
            }
        ],
    }
