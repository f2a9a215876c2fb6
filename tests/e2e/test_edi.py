"""An act through Diadoc, as a manager, an accountant and the buyer see it."""

import json
from typing import Any

import httpx
import pytest
import yaml

from tests.e2e.conftest import Installation, Portal

pytestmark = [pytest.mark.parts, pytest.mark.timeout(900)]

INN, KPP = "7736207543", "773601001"


class Diadoc:
    """The seller's box, and what people do in it."""

    def __init__(self, installation: Installation, slug: str) -> None:
        run = json.loads((installation.data / "run.json").read_text())
        self._control = f"{run['sandbox']['control_url']}/diadoc"
        self.box = self.post("/accounts", {"title": f"ООО «{slug}»", "inn": "7707083893", "kpp": "770701001"})

    def post(self, path: str, body: Any) -> Any:
        answer = httpx.post(f"{self._control}{path}", json=body, timeout=30, trust_env=False)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def act(self, path: str, body: Any) -> Any:
        return self.post(f"/{self.box['account']}{path}", body)

    def documents(self) -> list[dict[str, Any]]:
        url = f"{self._control}/state?account={self.box['account']}"
        return list(httpx.get(url, timeout=30, trust_env=False).json()["documents"].values())

    def section(self) -> dict[str, Any]:
        keys = ("api_url", "token_url", "box_id", "client_id", "client_secret", "refresh_token")
        return {"vendor": "diadoc", "poll_seconds": 10, **{key: self.box[key] for key in keys}}


@pytest.fixture
def portal(installation: Installation) -> Portal:
    return installation.portal()


@pytest.fixture
def diadoc(installation: Installation, portal: Portal) -> Diadoc:
    made = Diadoc(installation, portal.slug)
    document = yaml.safe_load(portal.file.read_text())
    document["sellers"][0]["edi"] = made.section()
    portal.file.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))
    installation.json("tenant", "apply", str(portal.file), "--yes")
    return made


def act_of(portal: Portal, installation: Installation) -> tuple[str, str]:
    """A deal with an act; its id and the act's number."""
    company, _ = portal.company(INN, KPP)
    deal = portal.deal("Монтаж;12500.50;2", company=company)
    portal.move(deal)
    installation.settle()
    portal.move(deal, "WON")
    installation.settle()
    return deal, str(portal.seen(deal)["UF_CRM_ACT_NUMBER"])


def told(portal: Portal, deal: str, part: str) -> bool:
    return any(part in text for text in portal.comments(deal))


def test_an_act_is_signed_by_both_and_its_files_come_into_the_deal(
    installation: Installation, portal: Portal, diadoc: Diadoc
) -> None:
    checked = installation.json("tenant", "check", portal.slug)
    assert "edi" in str(checked)
    diadoc.act("/partners", {"inn": INN, "kpp": KPP, "name": "ООО «Покупатель»"})
    deal, number = act_of(portal, installation)
    (document,) = diadoc.documents()
    assert (document["number"], document["sender"]) == (number, "WaitingForSenderSignature")
    assert told(portal, deal, "ждёт вашей подписи")
    diadoc.act(f"/documents/{number}/sign", {"by": "us"})
    installation.until("told that it went out", lambda: told(portal, deal, "ждём подписи контрагента"))
    diadoc.act(f"/documents/{number}/sign", {"by": "partner"})
    installation.until("told that both signed", lambda: told(portal, deal, "подписан обеими сторонами"))
    installation.settle()
    files = [file for comment in portal.view(deal)["comments"] for file in comment.get("files", ())]
    assert any(".zip" in str(file) for file in files), portal.view(deal)["comments"]
    assert len(diadoc.documents()) == 1


def test_a_partner_that_must_be_invited_is_asked_about_and_the_refusal_is_told(
    installation: Installation, portal: Portal, diadoc: Diadoc
) -> None:
    diadoc.act("/partners", {"inn": INN, "kpp": KPP, "name": "ООО «Покупатель»", "sociability": "CounteragentsOnly"})
    deal, number = act_of(portal, installation)
    assert diadoc.documents() == []
    cards = installation.json("decide", "list", "--tenant", portal.slug)["decisions"]
    (card,) = [one for one in cards if one["deal_id"] == deal]
    assert "takes documents from its partners in Diadoc alone" in card["question"]
    installation.json("decide", "take", card["card_id"], "invite", "--by", "anna")
    installation.until("told of the invitation", lambda: told(portal, deal, "приглашение"))
    diadoc.act(f"/partners/{INN}/relation", {"relation": "IsMyCounteragent"})
    installation.call("sandbox", "clock", "advance", "900")
    installation.until("prepared after all", diadoc.documents)
    diadoc.act(f"/documents/{number}/sign", {"by": "us"})
    diadoc.act(f"/documents/{number}/refuse", {"text": "Неверная сумма"})
    installation.until("told of the refusal", lambda: told(portal, deal, "Неверная сумма"))
