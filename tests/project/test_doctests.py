"""Examples in docstrings print what they show."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

from tests.project.source import PACKAGES, modules, name_of

EXAMPLES = [path for path in modules(*PACKAGES) if ">>> " in path.read_text("utf-8")]


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_docstring_examples(path: Path) -> None:
    results = doctest.testmod(import_module(name_of(path)))
    assert results.attempted > 0
    assert results.failed == 0


def test_there_are_examples() -> None:
    assert EXAMPLES
