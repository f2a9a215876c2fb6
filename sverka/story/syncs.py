"""A first sync in words: what became of a company, why, and how far the whole is."""

from collections.abc import Mapping
from typing import Any, Final

from sverka.language import language
from sverka.models import SellerSync
from sverka.story.words import words

OUTCOMES: Final[dict[str, tuple[str, str]]] = {
    "to_pair": ("to be paired", "будет связано"),
    "paired": ("paired", "связано"),
    "to_create": ("to be created", "будет создано"),
    "created": ("created", "создано"),
    "to_enter": ("to be created in the CRM", "будет создано в CRM"),
    "entered": ("being created in the CRM", "создаётся в CRM"),
    "conflict": ("conflict", "конфликт"),
    "skipped": ("skipped", "пропущено"),
}
_REASONS: Final[dict[str, tuple[str, str]]] = {
    "companies_double": (
        "Company {company} of the CRM has the same INN and KPP; both are the one record.",
        "В CRM тот же ИНН и КПП у компании {company}; обе связаны с одной карточкой.",
    ),
    "records_double": (
        "The accounting service has several records of this INN and KPP ({records}); keep one of them.",
        "В бухгалтерии несколько карточек с этими ИНН и КПП ({records}); оставьте одну.",
    ),
    "branch_unknown": (
        "The accounting service has this INN under other KPPs only ({records}); nothing is created.",
        "В бухгалтерии этот ИНН есть только с другими КПП ({records}); карточка не создаётся.",
    ),
    "linked_record_gone": (
        "It is linked to record {record}, which the accounting service does not list any more.",
        "Связана с карточкой {record}, которой в бухгалтерии больше нет.",
    ),
    "waits_for_person": (
        "A question about it is open: sverka decide list.",
        "По ней есть нерешённый вопрос: sverka decide list.",
    ),
    "changed_since_compared": (
        "It was changed in the CRM after it was compared; sync once more.",
        "Изменена в CRM после сравнения; повторите синхронизацию.",
    ),
    "requisite_repeated": (
        "The company has these requisites twice.",
        "У компании эти реквизиты указаны дважды.",
    ),
    "requisite_off": ("These requisites are switched off in the CRM.", "Реквизиты отключены в CRM."),
    "own_company": ("It is one of the portal's own companies.", "Это своя компания портала."),
    "record_ours": (
        "Sverka made this record for a buyer who is no company of the CRM, or none any more.",
        "Карточку завела Сверка для покупателя, который в CRM не компания или которого там больше нет.",
    ),
    "known_before": (
        "It was to be created in the CRM before, and is not there: it was deleted, or the portal refused it.",
        "Её уже создавали в CRM, и её там нет: удалена или портал отказал.",
    ),
    "contact_has_inn": (
        "A contact of the CRM has this INN, or a person left the record out.",
        "Этот ИНН в CRM у контакта, или карточку решили не переносить.",
    ),
    "record_gone": (
        "The accounting service does not list it any more.",
        "В бухгалтерии этой карточки больше нет.",
    ),
    "reverse_sync_off": (
        "Companies are not taken from accounting any more (steps.reverse_sync).",
        "Перенос компаний из бухгалтерии выключен (steps.reverse_sync).",
    ),
    "company_gone": ("The company was deleted meanwhile.", "Компания за это время удалена."),
}
_PHASES: Final[dict[str, tuple[str, str]]] = {
    "none": ("not begun", "не начата"),
    "reading": (
        "reading: {companies} companies, {records} records",
        "чтение: компаний {companies}, карточек {records}",
    ),
    "comparing": ("comparing {seen} of {companies} companies", "сравнение: {seen} из {companies} компаний"),
    "compared": ("compared", "сравнение готово"),
    "linking": ("linking: {paired} of {pairs} pairs", "связывание: {paired} из {pairs} пар"),
    "creating": ("creating: {created} of {missing}", "создание: {created} из {missing}"),
    "entering": ("into the CRM: {entered} of {lacking}", "в CRM: {entered} из {lacking}"),
    "done": ("done", "готово"),
}


def outcome(code: str) -> str:
    """What became of a company."""
    return _of(OUTCOMES.get(code, (code, code)))


def why(code: str, values: Mapping[str, Any]) -> str:
    """The reason in a sentence; "" for what needs none."""
    if not code:
        return ""
    if code in _REASONS:
        return _of(_REASONS[code]).format_map(_Told(values)).replace(" ()", "")
    return words().why({"code": code, "values": dict(values)})


def progress(sync: SellerSync) -> str:
    """How far a seller's sync is."""
    counts = sync.outcomes
    values = {
        "companies": sync.companies,
        "records": sync.records,
        "seen": sum(counts.model_dump().values()),
        "paired": counts.paired,
        "pairs": counts.paired + counts.to_pair,
        "created": counts.created,
        "missing": counts.created + counts.to_create,
        "entered": counts.entered,
        "lacking": counts.entered + counts.to_enter,
    }
    return f"{sync.seller}: {_of(_PHASES.get(sync.phase, (sync.phase, sync.phase))).format_map(_Told(values))}"


def _of(pair: tuple[str, str]) -> str:
    return pair[1] if language() == "ru" else pair[0]


class _Told(dict[str, Any]):
    """Values of a sentence, of which an older build may have told fewer."""

    def __missing__(self, key: str) -> str:
        return ""
