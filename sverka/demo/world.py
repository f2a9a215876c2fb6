"""The sandbox as the demonstration uses it: clock, seeded portals and accounts, and hands for what people do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sverka.demo.accounting import ELBA, Service
from sverka.http import Json

MANAGER: Final = 7
"""The responsible manager in a seeded portal."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A portal with its accounting account. `env` has their credentials, by the names of the seed."""

    number: int
    slug: str
    account: str
    title: str
    seller_inn: str
    env: Mapping[str, str]


class World:
    """One sandbox. Every call answers when it is durable."""

    def __init__(self, control: Json, url: str, service: Service = ELBA) -> None:
        self.service = service
        self._control = control
        self.url = url

    # the world itself

    def start_clock(self, moment: datetime, rate: float) -> None:
        """Business time from now on."""
        self._control.post("/clock", {"set": moment.isoformat(), "rate": rate, "wait": True})

    def set_clock(self, moment: datetime) -> None:
        """Moves business time; returns when every service has it."""
        self._control.post("/clock", {"set": moment.isoformat(), "wait": True})

    def now(self) -> datetime:
        """Business time."""
        return datetime.fromisoformat(self._control.get("/clock")["now"])

    def still_to_happen(self) -> int:
        """Webhooks that the portals have yet to send, and what accounting has yet to do: an accountant's posting of a
        draft, a call that is carried out late."""
        status = self._control.get("/status")
        return int(status["events_pending"]) + int(status["timers_pending"])

    def seed(self, pairs: int, seed: int) -> list[Pair]:
        """Portals and accounts in pairs, without buyers."""
        done = self._control.post(
            "/seed",
            {
                "portals": pairs,
                "seed": seed,
                "buyers_per_portal": 0,
                "known_buyers_per_account": 0,
                "accounting": self.service.sandbox,
                self.service.sandbox: dict(self.service.dials),
            },
        )
        env: dict[str, str] = done["env"]
        return [
            Pair(
                number=one["index"],
                slug=one["slug"],
                account=env[self.service.env(one["index"], "ACCOUNT")],
                title=one["title"],
                seller_inn=one["seller_inn"],
                env=env,
            )
            for one in done["tenants"]
        ]

    def add_faults(self, rules: list[dict[str, Any]]) -> list[str]:
        """Rules of the fault plan; returns their ids."""
        return [rule["id"] for rule in self._control.post("/faults", rules)["rules"]] if rules else []

    def remove_fault(self, rule: str) -> None:
        """One rule."""
        self._control.call("DELETE", f"/faults/{rule}")

    def faults_fired(self) -> dict[str, int]:
        """How often each kind fired."""
        fired: dict[str, int] = {}
        for rule in self._control.get("/faults")["rules"]:
            fired[rule["kind"]] = fired.get(rule["kind"], 0) + rule["fired"]
        return fired

    # the portal

    def subscribe(self, slug: str, url: str) -> None:
        """Points the portal's outgoing webhook to an address."""
        known = self._control.get(f"/bitrix24/portals/{slug}")["subscription"]
        self._control.call("PATCH", f"/bitrix24/portals/{slug}/subscriptions/{known}", body={"url": url})

    def install(self, slug: str, url: str) -> None:
        """The portal's administrator installs its application, whose address this is."""
        self._control.post(f"/bitrix24/portals/{slug}/apps/install", {"install_url": url})

    def hears(self, slug: str) -> bool:
        """Whether the portal's application has bound handlers of events."""
        return any(app["handlers"] for app in self._control.get(f"/bitrix24/portals/{slug}/apps")["apps"])

    def add_company(self, slug: str, card: dict[str, Any]) -> tuple[int, int | None]:
        """A company; returns its id and that of its requisite."""
        done = self._control.post(f"/bitrix24/portals/{slug}/companies", {**card, "assigned_by": MANAGER})
        requisites = done["requisites"]
        return int(done["company"]["id"]), int(requisites[0]["ID"]) if requisites else None

    def add_contact(self, slug: str, card: dict[str, Any]) -> int:
        """A person."""
        done = self._control.post(f"/bitrix24/portals/{slug}/contacts", {**card, "assigned_by": MANAGER})
        return int(done["id"])

    def fill_requisite(self, slug: str, requisite: int, fields: dict[str, str]) -> None:
        """The manager types into a requisite."""
        self._control.call("PATCH", f"/bitrix24/portals/{slug}/requisites/{requisite}", body=fields)

    def add_deal(self, slug: str, card: dict[str, Any]) -> int:
        """A deal in its first stage."""
        done = self._control.post(f"/bitrix24/portals/{slug}/deals", {**card, "assigned_by": MANAGER})
        return int(done["deal"]["id"])

    def move(self, slug: str, deal: int, stage: str) -> None:
        """The manager drags the deal to a stage."""
        self._control.post(f"/bitrix24/portals/{slug}/deals/{deal}/move", {"stage": stage})

    def replace_rows(self, slug: str, deal: int, rows: list[dict[str, Any]]) -> None:
        """The manager changes the goods."""
        self._control.call("PUT", f"/bitrix24/portals/{slug}/deals/{deal}/rows", body={"rows": rows})

    def deal(self, slug: str, deal: int) -> dict[str, Any]:
        """A deal as people see it."""
        found: dict[str, Any] = self._control.get(f"/bitrix24/portals/{slug}/deals/{deal}")
        return found

    def notifications(self, slug: str) -> list[dict[str, Any]]:
        """What the portal's people were notified of."""
        found: list[dict[str, Any]] = self._control.get(f"/bitrix24/portals/{slug}/notifications")["notifications"]
        return found

    def deal_page(self, slug: str, deal: int) -> str:
        """Where a browser shows it."""
        return f"{self.url}/pages/bitrix24/{slug}/deal/{deal}"

    # the accounting account

    def know_buyer(self, account: str, card: dict[str, Any]) -> None:
        """The accountant has a record of the buyer."""
        self._control.post(f"/{self.service.sandbox}/{account}/counterparties", card)

    def account(self, account: str) -> dict[str, Any]:
        """Everything in an account."""
        found: dict[str, Any] = self._control.get(f"/{self.service.sandbox}/state", account=account)
        return found

    def pay(self, account: str, payment: dict[str, Any]) -> str:
        """Money comes, or goes back; returns the payment's id."""
        return str(self._control.post(f"/{self.service.sandbox}/{account}/payments", payment)["id"])

    def reverse(self, account: str, payment: str) -> None:
        """The bank takes a payment back."""
        self._control.post(f"/{self.service.sandbox}/{account}/payments/{payment}/remove", {})

    def rename(self, account: str, payment: str) -> str:
        """The same payment under a new id; returns it."""
        return str(self._control.post(f"/{self.service.sandbox}/{account}/payments/{payment}/rename", {})["id"])

    def account_page(self, account: str) -> str:
        """Where a browser shows it."""
        return f"{self.url}/pages/{self.service.sandbox}/{account}"
