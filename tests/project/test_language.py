"""Prose uses standard terms: no file has a forbidden word."""

from __future__ import annotations

import pytest

from tests.project import forbidden_words


def test_files_have_no_forbidden_words() -> None:
    found = [violation for name in forbidden_words.checked_files() for violation in forbidden_words.violations(name)]
    assert not found, "use the standard term: CONTRIBUTING.md"


@pytest.mark.parametrize(
    "source",
    [
        '"""What nobody can read."""',
        "x = 1  # as it came",
        "def test_nobody_reads_it(): ...",
        "raise ValueError(f'{x} for  ever')",
        "def f():\n    '''It is\n    so\n    many.'''",
    ],
)
def test_forbidden_word_in_code_is_detected(source: str) -> None:
    prose = " ".join(text for _, text in forbidden_words.python_prose(source, messages=True))
    assert forbidden_words.FORBIDDEN.search(prose)


@pytest.mark.parametrize("text", ["seating", "unfused", "a consumer group", "gears", "saidso"])
def test_only_whole_words_are_forbidden(text: str) -> None:
    assert not forbidden_words.FORBIDDEN.search(text)
