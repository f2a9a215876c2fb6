"""The tenant's file: what is taken, what is resolved, and that every refusal says where, what and what to write."""

from pathlib import Path

import pytest

from connectors.registry import ELBA_SEED, MOEDELO, RateLimit
from contracts.tenant_file import Limit, TenantFileRefused, from_document, load
from contracts.tenant_file.accounting import AccountingPart, ElbaSeedPart, MoedeloKeyPart

ENVIRON = {
    "VEKTOR_B24_URL": "https://vektor.bitrix24.ru/rest/7/abc123/",
    "VEKTOR_B24_TOKEN": "token-of-the-portal",
    "VEKTOR_ELBA_ID": "client-1",
    "VEKTOR_ELBA_SECRET": "secret-of-the-client",
}
WHOLE = """\
tenant: vektor                      # our id
name: ООО «Вектор»
language: ru
timezone: Europe/Moscow
activated_at: 2026-11-20T09:00:00+03:00
bitrix24:
  mode: webhook
  webhook_url: env:VEKTOR_B24_URL
  application_token: env:VEKTOR_B24_TOKEN
  limit: {burst: 50, per_second: 2}
  funnels:
    - category: 0
      issue_invoice: [PREPAYMENT_INVOICE]
      issue_act: [WON]
      waiting_for_payment: [PREPAYMENT_INVOICE, EXECUTING]
      paid: FINAL_INVOICE
  fields: {invoice_number: UF_CRM_INVOICE_NUMBER, paid: UF_CRM_PAID}
  admin_chat: chat42
  sweep_seconds: 60
sellers:
  - id: main
    inn: "500123456750"
    accounting:
      vendor: elba
      profile: seed
      api_url: https://elba.example/api/v1
      token_url: https://elba.example/connect/token
      client_id: env:VEKTOR_ELBA_ID
      client_secret: env:VEKTOR_ELBA_SECRET
      limit: {burst: 10, per_second: 5}
      payments_poll_seconds: 300
    tax:
      - {from: 2025-01-01, regime: usn_income, vat: exempt}
    due: {days: 3, calendar: true}
    numbering: {template: "B24-{deal}"}
policies: {unknown_goods: create, buyers_without_inn: individuals, act_requires_paid: false}
reminders: {days: [3, 7], at: "09:00", quiet: ["20:00", "09:00"]}
retry: {seconds: [5, 15, 45], jitter: 0.2}
steps: {invoice: true, payments: true, act: true}
"""
MINIMAL = """\
tenant: vektor
name: Вектор
activated_at: 2026-11-20T09:00:00+03:00
bitrix24: {webhook_url: env:VEKTOR_B24_URL, application_token: env:VEKTOR_B24_TOKEN}
"""


def _refusal(text: str) -> list[str]:
    with pytest.raises(TenantFileRefused) as refused:
        load(text, ENVIRON, Path())
    return [str(fault) for fault in refused.value.faults]


def test_the_whole_file_is_taken_and_its_document_reads_back() -> None:
    file = load(WHOLE, ENVIRON, Path())
    assert file.bitrix24.webhook_url == ENVIRON["VEKTOR_B24_URL"]
    accounting = file.sellers[0].accounting
    assert isinstance(accounting, ElbaSeedPart)
    assert accounting.client_secret == "secret-of-the-client"
    assert from_document(file.document()) == file


def test_what_may_be_left_out_has_the_defaults_of_the_documentation() -> None:
    file = load(MINIMAL, ENVIRON, Path())
    assert (file.language, file.timezone, file.sellers) == ("ru", "Europe/Moscow", ())
    assert file.retry is None, "as the installation has it"
    assert file.steps.act


def test_secrets_may_lie_in_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    file = load(MINIMAL.replace("env:VEKTOR_B24_TOKEN", "file:token"), ENVIRON, tmp_path)
    assert file.bitrix24.application_token == "from-a-file"


@pytest.mark.parametrize(("part", "usual"), [(MoedeloKeyPart, MOEDELO.limit), (ElbaSeedPart, ELBA_SEED.limit)])
def test_a_connection_without_a_limit_has_its_vendors(part: type[AccountingPart], usual: RateLimit) -> None:
    assert part.model_fields["limit"].default == Limit(burst=usual.burst, per_second=usual.per_second)


def test_unlimited_is_a_limit() -> None:
    file = load(WHOLE.replace("{burst: 10, per_second: 5}", "unlimited"), ENVIRON, Path())
    assert file.sellers[0].accounting.limit == "unlimited"


@pytest.mark.parametrize(
    ("found", "written", "line", "key", "says"),
    [
        ("language: ru", "langauge: ru", 3, "langauge", "write language instead"),
        ("burst: 50", "burst: lots", 10, "bitrix24.limit.burst", "found 'lots'; write how many calls"),
        ("timezone: Europe/Moscow", "timezone: Mars", 4, "timezone", "for example Europe/Moscow"),
        ('"500123456750"', "500123456750", 22, "sellers[0].inn", "in quotes"),
        ("vendor: elba", "vendor: kontur", 25, "sellers[0].accounting.profile", "leave it out"),
        ("vendor: elba", "vendor: excel", 24, "sellers[0].accounting.vendor", "write elba, kontur, moedelo or onec"),
        ("mode: webhook", "mode: form", 7, "bitrix24.mode", "write webhook or app"),
        ("  webhook_url: env:VEKTOR_B24_URL\n", "", 6, "bitrix24.webhook_url", "found nothing; in mode webhook write"),
        ("regime: usn_income", "regime: usn", 33, "sellers[0].tax[0].regime", "write usn_income, usn_income_expense"),
        ("[3, 7]", "[3, soon]", 37, "reminders.days[1]", "found 'soon'"),
        ('["20:00", "09:00"]', '[20:00, "09:00"]', 37, "reminders.quiet[0]", "two times in quotes"),
        ("09:00:00+03:00", "09:00:00", 5, "activated_at", "a time with its zone"),
        ('"B24-{deal}"', "B24", 35, "sellers[0].numbering.template", "{deal}"),
        ("tenant: vektor ", "tenant: Вектор ", 1, "tenant", "a-z, 0-9 and -"),
        ("client_id: env:VEKTOR_ELBA_ID", "client_id: ''", 28, "sellers[0].accounting.client_id", "not shown"),
        ("limit: {burst: 50, per_second: 2}", "limit: many", 10, "bitrix24.limit", "or unlimited"),
        ("env:VEKTOR_B24_URL", "https://x.ru/rest/abc", 8, "bitrix24.webhook_url", "https://PORTAL/rest/USER/SECRET/"),
        ("env:VEKTOR_B24_URL", "env:NOT_SET", 8, "bitrix24.webhook_url", "set the variable NOT_SET"),
        ("env:VEKTOR_B24_URL", "file:/nowhere", 8, "bitrix24.webhook_url", "name a file that can be read"),
        ("name: ООО", "name: [ООО", 3, "the file", "write YAML"),
        ("steps: {invoice: true", "steps: {invoice: perhaps", 39, "steps.invoice", "write true or false"),
    ],
)
def test_a_wrong_value_is_named_with_line_key_and_what_to_write(
    found: str, written: str, line: int, key: str, says: str
) -> None:
    assert found in WHOLE
    (sentence,) = _refusal(WHOLE.replace(found, written, 1))
    assert sentence.startswith(f"line {line}, {key}:"), sentence
    assert says in sentence


ELBA = WHOLE[WHOLE.index("      vendor: elba") : WHOLE.index("    tax:")]
KEYS = {
    "moedelo": "      vendor: moedelo\n      api_key: key-of-the-account\n",
    "moedelo by oauth": "      vendor: moedelo\n      auth_mode: oauth\n      client_id: c\n      client_secret: s\n"
    "      refresh_token: r\n",
    "elba's published API": "      vendor: elba\n      profile: vendor\n      api_key: k\n"
    "      organization_id: 9a1f6e0a-52b4-4e0a-9c58-0d6d2c1f7a10\n",
    "kontur": "      vendor: kontur\n      client_id: c\n      client_secret: s\n",
    "kontur by key": "      vendor: kontur\n      auth_mode: api_key\n      api_key: k\n",
    "1C": "      vendor: onec\n      odata_url: https://1c.example/buh/odata/standard.odata\n      user: Обмен\n"
    "      password: p\n      organization: ООО «Вектор»\n",
}


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS)
def test_each_accounting_service_has_keys_of_its_own(keys: str) -> None:
    file = load(WHOLE.replace(ELBA, keys), ENVIRON, Path())
    accounting = file.sellers[0].accounting
    assert accounting.endpoint.startswith("https://")
    assert accounting.endpoint not in accounting.access().values()
    assert from_document(file.document()) == file


def test_what_documents_of_an_account_need_is_said_with_its_keys() -> None:
    bank = "1d3c0a80-94d3-4d24-a1b6-1e9a0f6a1c22"
    elba = KEYS["elba's published API"] + f"      bank_account_id: {bank}\n      closing: upd\n"
    part = load(WHOLE.replace(ELBA, elba), ENVIRON, Path()).sellers[0].accounting
    assert {"bank_account_id": bank, "closing": "upd"}.items() <= part.access().items()
    moedelo = KEYS["moedelo"] + "      closing: waybill\n"
    assert load(WHOLE.replace(ELBA, moedelo), ENVIRON, Path()).sellers[0].accounting.access()["closing"] == "waybill"
    kontur = (
        KEYS["kontur by key"] + f"      unknown_goods: list\n      closing: waybill\n      bank_account_id: {bank}\n"
    )
    part = load(WHOLE.replace(ELBA, kontur), ENVIRON, Path()).sellers[0].accounting
    assert {"unknown_goods": "list", "closing": "waybill", "bank_account_id": bank}.items() <= part.access().items()


@pytest.mark.parametrize(
    ("keys", "found", "written", "says"),
    [
        (
            "moedelo",
            "api_key: key-of-the-account",
            "api_url: https://m.example",
            "api_key: found nothing; write the API",
        ),
        ("moedelo", "api_key: key", "odata_url: x\n      api_key: key", "odata_url: found an unknown key"),
        ("moedelo by oauth", "      refresh_token: r\n", "", "refresh_token: found nothing; write the refresh token"),
        (
            "moedelo by oauth",
            "auth_mode: oauth",
            "auth_mode: magic",
            "auth_mode: found 'magic'; write api_key or oauth",
        ),
        ("elba's published API", "9a1f6e0a", "nine", "organization_id: found 'nine-52b4"),
        (
            "elba's published API",
            "      api_key: k\n",
            "      api_key: k\n      bank_account_id: '40702810600000012345'\n",
            "bank_account_id: found '40702810600000012345'; write the id of the bank account that documents show",
        ),
        (
            "elba's published API",
            "      api_key: k\n",
            "      api_key: k\n      closing: torg12\n",
            "closing: found 'torg12'; write act, waybill",
        ),
        (
            "kontur",
            "      client_id: c\n",
            "      client_id: c\n      unknown_goods: guess\n",
            "unknown_goods: found 'guess'; leave it to policies.unknown_goods",
        ),
        (
            "kontur",
            "client_id: c",
            "bank_account_id: '40702810600000012345'\n      client_id: c",
            "bank_account_id: found '40702810600000012345'; write the id of the bank account that invoices show",
        ),
        (
            "moedelo",
            "api_key: key",
            "bank_account_id: '40702810600000012345'\n      api_key: key",
            "bank_account_id: found '40702810600000012345'; write MoeDelo's number of the bank account",
        ),
        ("moedelo", "api_key: key", "unknown_goods: list\n      api_key: key", "unknown_goods: found an unknown key"),
        ("1C", "password: p", "password: p\n      bank_account_id: x", "bank_account_id: found an unknown key"),
        ("elba's published API", "profile: vendor", "profile: test", "profile: found 'test'; write seed or vendor"),
        ("kontur by key", "      api_key: k\n", "", "api_key: found nothing; write the API key"),
        (
            "1C",
            "user: Обмен",
            "mode: soon\n      user: Обмен",
            "mode: found 'soon'; write draft to count an invoice once it is posted, or posted to count it at once",
        ),
        ("1C", "password: p", "password: ''", "password: found a value that is not shown"),
    ],
)
def test_a_wrong_key_of_an_accounting_service_is_named(keys: str, found: str, written: str, says: str) -> None:
    assert found in KEYS[keys]
    sentences = _refusal(WHOLE.replace(ELBA, KEYS[keys].replace(found, written)))
    assert any(f"sellers[0].accounting.{says}" in sentence for sentence in sentences), sentences
    assert all(sentence.startswith("line ") for sentence in sentences)


def test_everything_wrong_is_said_at_once() -> None:
    faults = _refusal(WHOLE.replace("language: ru", "language: fr").replace("days: 3", "days: -1"))
    assert [fault.split(":")[0] for fault in faults] == ["line 3, language", "line 34, sellers[0].due.days"]


def test_a_key_written_twice_is_refused() -> None:
    (sentence,) = _refusal(MINIMAL + "name: Another\n")
    assert sentence == "line 5, name: found the key twice; write it once"


def test_a_missing_key_is_named() -> None:
    (sentence,) = _refusal(MINIMAL.replace("name: Вектор\n", ""))
    assert sentence.endswith("name: found nothing; write the name of the client")


def test_aliases_cannot_blow_a_file_up() -> None:
    (sentence, *_) = _refusal("a: &a [1, 2]\nb: [*a, *a]\n" + MINIMAL)
    assert "an alias" in sentence


def test_no_refusal_shows_what_a_reference_stood_for() -> None:
    environ = {**ENVIRON, "VEKTOR_B24_URL": "https://portal.example/with-a-secret"}
    with pytest.raises(TenantFileRefused) as refused:
        load(WHOLE, environ, Path())
    assert "with-a-secret" not in str(refused.value)
    assert "env:VEKTOR_B24_URL" in str(refused.value)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text", "tenant: \t- {"])
def test_what_is_no_file_at_all_is_refused(text: str) -> None:
    assert _refusal(text)


BY_APP = MINIMAL[: MINIMAL.index("bitrix24:")] + "bitrix24: {mode: app, client_id: local.66f1, client_secret: hidden}\n"


def test_a_portal_by_an_application_needs_its_credentials_and_no_webhook() -> None:
    file = load(BY_APP, ENVIRON, Path())
    assert (file.bitrix24.mode, file.bitrix24.client_secret, file.bitrix24.webhook_url) == ("app", "hidden", None)
    assert from_document(file.document()) == file
    faults = _refusal(BY_APP.replace("client_secret: hidden", "webhook_url: https://x.ru/rest/1/abc/"))
    keys = [fault.partition(":")[0].rpartition(" ")[2] for fault in faults]
    assert keys == ["bitrix24.client_secret", "bitrix24.webhook_url"]
    assert "in mode app leave it out" in faults[1]
    assert "abc" not in faults[1]
