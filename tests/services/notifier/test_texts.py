"""Texts for people: a sentence for all that can be said, in both languages, and nothing that people type breaks one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, meta

from chassis.values.inn import InnFault
from chassis.values.money import Language
from contracts import topics
from contracts.envelope import Envelope, Message
from contracts.examples import examples_of
from contracts.messages import ALL, counterparty, operations
from contracts.messages.values import Reason
from services.counterparty.domain import party
from services.invoicing.domain.edi import CARDS as EDI_CARDS
from services.invoicing.domain.questions import CARDS as INVOICING_CARDS
from services.notifier.app import ALERTS, DEALS
from services.notifier.domain import deal
from services.notifier.domain import facts as f
from services.notifier.domain.letters import GATHERED_FOR
from services.notifier.handlers import route
from services.notifier.metrics import UNKNOWN_REASONS
from services.notifier.workers.texts import LANGUAGES, TEXT_LENGTH_MAX, Texts
from services.payments.domain import listing, statement
from services.payments.domain.questions import CARDS as PAYMENTS_CARDS
from tests.services.counterparty.stories import all_stories as counterparty_stories
from tests.services.invoicing.stories import all_stories as invoicing_stories
from tests.services.notifier.parts import MOSCOW, letters_began, look_at_delays, outages, tell, told
from tests.services.payments.stories import all_stories as payments_stories
from tests.services.streams import NOW, Stream

ROOT = Path(__file__).resolve().parents[3]
TEXTS = {language: Texts(language) for language in LANGUAGES}
BY_NAME = {message.NAME: message for message in ALL}
CODE = re.compile(r"[a-z0-9]+_[a-z0-9_]+|[A-Z]+_[A-Z_]+")
OPTIONAL = {"text", "inn", "field", "by", "number", "sent_at"}
COUNTERPARTY_CHOICES = {
    "counterparty_double": (f"{party.PICK}e1", party.GIVE_UP),
    "branch_unknown": (f"{party.PICK}e1", party.CREATE_AGAIN, party.GIVE_UP),
    "counterparty_uncertain": ("found", party.CREATE_AGAIN, party.GIVE_UP),
    "buyer_liquidated": (party.CREATE_ANYWAY, party.GIVE_UP),
    "buyer_ending": (party.CREATE_ANYWAY, party.GO_ON, party.GIVE_UP),
    "company_double": (f"{party.PICK}512", party.CREATE_AGAIN, party.GIVE_UP),
}
BANK_CHOICES = {
    listing.UNCLEAR: (listing.SPLIT, f"{listing.USE}127", listing.FOUND, listing.NO_INVOICE),
    listing.REFUND: (f"{listing.USE}127", listing.FOUND, listing.NO_INVOICE),
    listing.SUSPECT: (listing.ANOTHER, listing.SAME),
    statement.UNREADABLE: ("understood",),
    statement.INCOMPLETE: ("understood",),
}
CARDS = {**INVOICING_CARDS, **EDI_CARDS, **PAYMENTS_CARDS, **COUNTERPARTY_CHOICES, **BANK_CHOICES}


# Every problem in the source has a sentence


def constants(node: ast.expr | None, names: dict[str, list[ast.expr]]) -> Iterator[str]:
    """The texts that an expression may be, as far as the source says."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from constants(one, names)
            yield from constants(other, names)
        case ast.Name(id=name):
            for value in names.get(name, ()):
                yield from constants(value, {})


def problems() -> Iterator[tuple[str, set[str] | None, str]]:
    """(code, names of its values where they are written out, place) of all problems that the source makes."""
    for package in ("chassis", "connectors", "services"):
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            names: dict[str, list[ast.expr]] = {}
            for node in ast.walk(tree):
                if isinstance(node, ast.Assign):
                    for target in node.targets:
                        if isinstance(target, ast.Name):
                            names.setdefault(target.id, []).append(node.value)
            for node in ast.walk(tree):
                if isinstance(node, ast.Call):
                    yield from _of_call(node, names, f"{path.relative_to(ROOT)}:{node.lineno}")


def _of_call(
    call: ast.Call, names: dict[str, list[ast.expr]], place: str
) -> Iterator[tuple[str, set[str] | None, str]]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name not in ("Problem", "Reason", "Verdict", "_Unfit"):
        return
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    first = 1 if name == "Verdict" else 0
    code = keywords.get("code") or keywords.get("problem") or (call.args[first] if len(call.args) > first else None)
    values = keywords.get("values") or (call.args[1] if name in ("Problem", "Reason") and len(call.args) > 1 else None)
    given: set[str] | None = set() if values is None and name in ("Problem", "Reason") else None
    if isinstance(values, ast.Dict) and all(isinstance(key, ast.Constant) for key in values.keys):
        given = {str(key.value) for key in values.keys if isinstance(key, ast.Constant)}
    for text in constants(code, names):
        yield text, given, place


FOUND = list(problems())


def test_the_scan_sees_the_source() -> None:
    codes = {code for code, _, _ in FOUND}
    assert len(codes) > 100
    assert {"total_differs", "token_refused", "no_connection", "webhook_too_large", "buyer_changed"} < codes


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_problem_in_the_source_has_a_sentence(language: Language) -> None:
    known = TEXTS[language].sections["reasons"]
    missing = {code: place for code, _, place in FOUND if code not in known}
    assert missing == {}
    assert set(get_args(InnFault)) <= set(known)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_of_a_problem_names_only_what_the_problem_carries(language: Language) -> None:
    lines = {"line"}  # which row it is, put in by chassis/values/lines.py
    environment = Environment(autoescape=True)
    environment.filters |= dict.fromkeys(("rubles", "date", "days", "moment"), str)
    for code, given_values, place in FOUND:
        if given_values is None:
            continue
        needed = meta.find_undeclared_variables(environment.parse(TEXTS[language].sections["reasons"][code]))
        assert needed - OPTIONAL - given_values - (lines if "chassis/values" in place else set()) == set(), place


# Every fact, question and choice has its words


def test_languages_say_the_same_things() -> None:
    first, *others = (TEXTS[language].sections for language in LANGUAGES)
    for other in others:
        assert {name: set(texts) for name, texts in first.items()} == {
            name: set(texts) for name, texts in other.items()
        }
    assert all(
        text.strip() for sections in TEXTS.values() for texts in sections.sections.values() for text in texts.values()
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_question_and_choice_has_words(language: Language) -> None:
    sections = TEXTS[language].sections
    for kind, choices in CARDS.items():
        assert kind in sections["cards"]
        for choice in (*choices, "withdrawn"):
            assert TEXTS[language].choice(kind, choice) != sections["choices"]["unknown"], (kind, choice)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_has_a_word(language: Language) -> None:
    shown = {"needs_data", "sending", "pending_review", "needs_decision", *get_args(f.InvoiceStatus)}
    assert shown == set(TEXTS[language].sections["statuses"])


# What the services really say can be read


def spoken() -> list[Message]:
    """All messages of all stories, and all examples of the contracts."""
    streams: list[Stream[Any, Any]] = [*invoicing_stories(), *counterparty_stories(), *payments_stories()]
    said = [message for stream in streams for message in stream.messages]
    examples = [
        BY_NAME[example.message].model_validate_json(example.body)
        for topic in topics.read_by("notifier")
        for example in examples_of(topic)
    ]
    return [*said, *examples]


def texts_of(message: Message) -> list[tuple[str, dict[str, Any]]]:
    """What people are told of a message: the names of texts with their values."""
    return [(sent["text"], sent["values"]) for sent in _effects(told(), message) if "text" in sent]


def _effects(stream: Stream[Any, Any], message: Message) -> Iterator[dict[str, Any]]:
    if isinstance(message, operations.OutageEnded):
        began = operations.OutageBegan(
            vendor=message.vendor, accounts=message.accounts, since=message.since, reason=Reason(code="vendor_fault")
        )
        stream = outages(message.vendor)
        tell(stream, began, "began")
        tell(stream, message, "ended")
        yield dict(list(stream.effects.values())[-1].request)
        return
    if isinstance(message, operations.WorkResumed):
        values = {"vendor": message.vendor, "work": message.kind, "since": NOW.isoformat()}
        yield {"text": "delay_ended", "values": values}
        reason = {"code": "vendor_fault", "values": {}}
        yield {"text": "delay_lasts", "values": {**values, "reason": reason}}
        return
    if isinstance(message, operations.DeadLettersBegan | operations.DeadLettersEnded):
        stream = outages("letters")
        tell(stream, letters_began(message.key, message.since, message.topic), "began", sequence=1)
        stream.now += GATHERED_FOR * 2
        look_at_delays(stream)
        if isinstance(message, operations.DeadLettersEnded):
            tell(stream, message, "ended", sequence=2)
        yield dict(list(stream.effects.values())[-1].request)
        return
    if isinstance(message, counterparty.CompanyFilled):
        state = {"company": "ООО «Ромашка»", "state": TEXTS["ru"].company_state(message.status)}
        yield {"text": "company_state", "values": {**state, "status": message.status}}
        reason = {"code": "crm_refused", "values": {"text": "нет"}}
        yield {"text": "company_not_filled", "values": {"company": message.company_id, "reason": reason}}
        return
    if isinstance(message, counterparty.CompanyAppeared):
        reason = {"code": "crm_preset_missing", "values": {}}
        yield {"text": "company_not_made", "values": {"inn": message.inn, "reason": reason}}
        return
    envelope = Envelope("m1", message.NAME, 1, "invoicing", "", stream.now, "vektor")
    for routed in route(message, envelope):
        if routed.stream.startswith("tenant"):
            continue
        one: Stream[Any, Any] = Stream(DEALS if routed.stream.startswith(deal.PREFIX) else ALERTS, routed.stream)
        one.ran(routed.command)
        yield from (dict(sent.request) for sent in one.effects.values())


SPOKEN = spoken()


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_that_services_say_reads_as_a_sentence_without_codes(language: Language) -> None:
    told_texts = set()
    for message in SPOKEN:
        for name, values in texts_of(message):
            told_texts.add(name)
            sentence = TEXTS[language].fact(name, values, MOSCOW)
            assert sentence
            assert sentence == " ".join(sentence.split())
            assert not CODE.search(_without_values(sentence, values)), sentence
            assert "{{" not in sentence
            assert "{%" not in sentence
    assert told_texts == set(TEXTS[language].sections["facts"]) - {"work_resumed", "writes_delayed", "write_refused"}


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("document_differs", "суммы в бухгалтерии другие"),
        ("subject_erased", "Данные покупателя стёрты"),
        ("accounting_refused", "бухгалтерия не отдаёт PDF"),
        ("", "бухгалтерия не отдаёт PDF"),
    ],
)
def test_pdf_of_our_own_that_is_not_made_is_not_laid_upon_accounting(why: str, said: str) -> None:
    values = {"number": "B24-15"} | ({"why": why} if why else {})
    assert said in TEXTS["ru"].card("pdf_refused", values, MOSCOW)


def _without_values(sentence: str, values: dict[str, Any]) -> str:
    """The sentence without what people and vendors wrote: links, names, markers."""
    for text in sorted(_strings(values), key=len, reverse=True):
        sentence = sentence.replace(text.replace("[", "[\u200b"), "")
    return sentence


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str() if value:
            yield value
        case dict():
            for one in value.values():
                yield from _strings(one)
        case list() | tuple():
            for one in value:
                yield from _strings(one)


@pytest.mark.parametrize("language", LANGUAGES)
def test_stories_use_no_general_sentence(language: Language) -> None:
    unknown = UNKNOWN_REASONS._value.get()
    for stream in (*invoicing_stories(), *counterparty_stories(), *payments_stories()):
        for message in stream.messages:
            for name, values in texts_of(message):
                TEXTS[language].fact(name, values, MOSCOW)
    assert UNKNOWN_REASONS._value.get() == unknown


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_later_build_says_gives_the_general_sentence(language: Language) -> None:
    texts = TEXTS[language]
    sections = texts.sections
    assert texts.reason({"code": "from_later", "values": {}}, MOSCOW) == sections["reasons"]["unknown"]
    assert texts.reason({"code": "total_differs", "values": {}}, MOSCOW) == sections["reasons"]["unknown"]
    assert texts.choice("overpaid", "from_later") == sections["choices"]["unknown"]
    assert sections["cards"]["unknown"] in texts.fact("card_opened", {"kind": "from_later"}, MOSCOW)
    assert sections["choices"]["unknown"] in texts.fact(
        "card_taken", {"kind": "from_later", "choice": "from_later", "by": "Анна"}, MOSCOW
    )


def test_question_without_its_values_gives_the_general_question() -> None:
    general = TEXTS["ru"].sections["cards"]["unknown"]
    for values in ({}, {"number": "1", "paid_kopecks": "много", "total_kopecks": None}):
        assert TEXTS["ru"].card("overpaid", values, MOSCOW) == general


@pytest.mark.parametrize("language", LANGUAGES)
def test_question_that_stands_again_says_why_the_named_record_will_not_do(language: Language) -> None:
    values = {"name": "Ромашка", "inn": "7736207543", "kpp": "773601001", "sent_at": ""}
    plain = TEXTS[language].card("counterparty_uncertain", values, MOSCOW)
    told = {
        why: TEXTS[language].card("counterparty_uncertain", {**values, "named": "77", "why": why}, MOSCOW)
        for why in ("absent", "other_kpp", "other_email", "taken")
    }
    assert all(text.startswith(plain) and "77" in text.removeprefix(plain) for text in told.values())
    assert len(set(told.values())) == 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_question_that_stands_again_says_why_the_named_document_will_not_do(language: Language) -> None:
    values: dict[str, Any] = {
        "document": "invoice", "deal": "15", "number": "B24-15", "date": "2026-03-12", "total_kopecks": 100,
        "marker": "[m]", "sent_at": "",
    }  # fmt: skip
    plain = TEXTS[language].card("document_uncertain", values, MOSCOW)
    told = {
        why: TEXTS[language].card("document_uncertain", {**values, "named": "77", "why": why, **other}, MOSCOW)
        for why, other in {
            "document_void": {}, "document_of_other_deal": {"other_deal": "16"}, "document_not_found": {},
        }.items()
    }  # fmt: skip
    assert all(text.startswith(plain) and "77" in text.removeprefix(plain) for text in told.values())
    assert "16" in told["document_of_other_deal"].removeprefix(plain)


def test_withdrawn_question_is_not_called_a_decision() -> None:
    values = {"kind": "content_changed", "choice": "withdrawn", "by": ""}
    assert TEXTS["ru"].fact("card_taken", values, MOSCOW).startswith("Вопрос снят")
    assert TEXTS["en"].fact("card_taken", values, MOSCOW).startswith("The question was withdrawn")


# What people type breaks nothing

EVIL = [
    "[b]жирно[/b]",
    "[url=https://evil.example]сюда[/url]",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "{{ zone }}",
    "\u202e[USER=1]x",
]
TAG = re.compile(r"\[(?!\u200b)\S{0,4}")


def spoiled(value: Any, evil: str) -> Any:
    """Values with a hostile text in each word that a person or a vendor may have written."""
    match value:
        case dict():
            return {name: _kept(name, one, evil) for name, one in value.items()}
        case list():
            return [spoiled(one, evil) for one in value]
        case str():
            return evil
        case _:
            return value


KEPT = {
    "kind",
    "code",
    "status",
    "date",
    "due_date",
    "sent_at",
    "since",
    "ended_at",
    "choice",
    "choices",
    "document",
    "vendor",
}


def _kept(name: str, value: Any, evil: str) -> Any:
    return value if name in KEPT and not isinstance(value, dict) else spoiled(value, evil)


@settings(max_examples=25, deadline=None)
@given(evil=st.sampled_from(EVIL) | st.text(st.sampled_from("[]{}%|b/u=\"' \n\t#абв"), max_size=30))
def test_nothing_that_people_type_opens_a_tag_or_runs(evil: str) -> None:
    for message in _one_of_each():
        for name, values in texts_of(message):
            for texts in TEXTS.values():
                sentence = texts.fact(name, spoiled(values, evil), MOSCOW)
                linked = name in ("invoice_issued", "invoice_pending_review", "act_issued")
                own = ["[url=", "[/url"] if linked and evil else []
                assert TAG.findall(sentence) == own, sentence
                assert "49" not in sentence or "49" in evil
                assert "Europe/Moscow" not in sentence


_EACH: list[Message] = []


def _one_of_each() -> list[Message]:
    if not _EACH:
        by_text = {name: message for message in reversed(SPOKEN) for name, _ in texts_of(message)}
        cards = {one.kind: one for one in SPOKEN if isinstance(one, operations.DecisionNeeded)}
        _EACH.extend({id(one): one for one in (*by_text.values(), *cards.values())}.values())
    return _EACH


def test_marker_is_shown_as_people_search_for_it() -> None:
    values = {
        "document": "invoice",
        "number": "1",
        "date": "2026-03-12",
        "total_kopecks": 1,
        "marker": "[b24:15:x:1:0]",
    }
    assert "[b24:15:x:1:0]" in TEXTS["ru"].card("document_uncertain", values, MOSCOW)


def test_sentence_outside_the_deal_names_it() -> None:
    assert TEXTS["ru"].about_deal("15", "Счёт не выставлен.") == "Сделка № 15. Счёт не выставлен."


def test_long_texts_are_cut() -> None:
    assert len(TEXTS["ru"].fact("invoice_cancelled", {"number": "1" * 10_000}, MOSCOW)) == TEXT_LENGTH_MAX


def test_choice_that_names_a_record_cannot_open_a_tag() -> None:
    assert "[b]" not in TEXTS["ru"].choice("counterparty_double", "use_[b]x")
