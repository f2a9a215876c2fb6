"""The language of texts: the variable first, then the locale, English otherwise."""

import pytest

from sverka.language import language, tr


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "en"),
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LC_ALL": "en_US.UTF-8", "LANG": "ru_RU.UTF-8"}, "en"),
        ({"SVERKA_LANGUAGE": "ru", "LANG": "en_US"}, "ru"),
        ({"SVERKA_LANGUAGE": "de", "LANG": "ru_RU"}, "ru"),
    ],
)
def test_language(environ: dict[str, str], expected: str) -> None:
    assert language(environ) == expected


def test_a_text_is_in_the_language_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SVERKA_LANGUAGE", "ru")
    assert tr("yes", "да") == "да"
