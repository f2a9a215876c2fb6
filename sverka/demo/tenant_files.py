"""The tenants' files of the demonstration, written as a user would write them, with references to the environment."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

import yaml

from sverka.demo.accounting import ELBA, Service
from sverka.demo.plan import EXECUTING, PAID, PREPAYMENT, WON, PlannedTenant
from sverka.demo.world import Pair

SWEEP_SECONDS: Final = 60
PAYMENTS_POLL_SECONDS: Final = 120
FIELDS: Final = {
    "invoice_number": "UF_CRM_INVOICE_NUMBER", "invoice_date": "UF_CRM_INVOICE_DATE",
    "invoice_url": "UF_CRM_INVOICE_URL", "invoice_status": "UF_CRM_INVOICE_STATUS",
    "invoice_pdf": "UF_CRM_INVOICE_PDF", "paid": "UF_CRM_PAID", "overdue_days": "UF_CRM_OVERDUE_DAYS",
    "act_number": "UF_CRM_ACT_NUMBER", "act_pdf": "UF_CRM_ACT_PDF",
}  # fmt: skip


def write_tenant_file(
    folder: Path, tenant: PlannedTenant, pair: Pair, activated_at: datetime, service: Service = ELBA
) -> Path:
    """Writes it into a folder and returns its path."""
    number = pair.number
    document: dict[str, Any] = {
        "tenant": pair.slug,
        "name": pair.title,
        "language": "ru",
        "timezone": "Europe/Moscow",
        "activated_at": activated_at.isoformat(),
        "bitrix24": {
            **_access(number, by_app=tenant.by_app),
            "funnels": [
                {
                    "category": 0,
                    "issue_invoice": [PREPAYMENT],
                    "issue_act": [WON],
                    "waiting_for_payment": [PREPAYMENT, EXECUTING],
                    "paid": PAID,
                }
            ],
            "fields": FIELDS,
            "admin_chat": pair.env[f"B24_{number}_CHAT"],
            "sweep_seconds": SWEEP_SECONDS,
        },
        "steps": {"reverse_sync": False},
        "sellers": [
            {
                "id": "main",
                "inn": pair.seller_inn,
                "accounting": {**service.part(number), "payments_poll_seconds": PAYMENTS_POLL_SECONDS},
                "tax": [
                    {
                        "from": "2025-01-01",
                        "regime": "osno" if tenant.vat == "standard" else "usn_income",
                        "vat": tenant.vat,
                    }
                ],
            }
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{pair.slug}.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120), encoding="utf-8")
    return path


def _access(number: int, *, by_app: bool) -> dict[str, str]:
    if by_app:
        names = ("client_id", "client_secret", "oauth_url")
        return {"mode": "app", **{name: f"env:B24_{number}_{name.upper()}" for name in names}}
    return {
        "mode": "webhook",
        "webhook_url": f"env:B24_{number}_WEBHOOK_URL",
        "application_token": f"env:B24_{number}_APPLICATION_TOKEN",
    }
