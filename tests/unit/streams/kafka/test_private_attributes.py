"""The table of private vendor attributes is complete, and each of them still exists."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from pkgutil import resolve_name

import pytest

from headrace.streams import kafka
from headrace.streams.kafka.private_attributes import CHECKED, PRIVATE_ATTRIBUTES, PrivateAttribute

SOURCES = sorted(Path(kafka.__path__[0]).glob("*.py"))


def exists(attribute: PrivateAttribute) -> bool:
    """Whether the class defines the attribute, or a method of it sets the attribute."""
    owner = resolve_name(attribute.owner)
    source = inspect.getsource(owner)
    return hasattr(owner, attribute.name) or bool(re.search(rf"self\.{attribute.name}\b", source))


def private_names(path: Path) -> Iterator[str]:
    """Every private attribute that a module reads, sets or overrides."""
    for node in ast.walk(ast.parse(path.read_text())):
        name = node.attr if isinstance(node, ast.Attribute) else ""
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = node.name
        if name.startswith("_") and not name.startswith("__"):
            yield name


@pytest.mark.parametrize("attribute", PRIVATE_ATTRIBUTES, ids=lambda each: f"{each.owner}.{each.name}")
def test_private_attribute_exists(attribute: PrivateAttribute) -> None:
    assert exists(attribute), f"{attribute.owner}.{attribute.name} is gone ({attribute.use})"


def test_removed_attribute_is_reported() -> None:
    assert not exists(PrivateAttribute("faust.app.base:App", "_no_such_attribute", ""))


@pytest.mark.parametrize("package", CHECKED)
def test_table_was_checked_at_the_installed_version(package: str) -> None:
    assert version(package) == CHECKED[package]


def test_table_lists_every_private_vendor_attribute() -> None:
    source = "\n".join(path.read_text() for path in SOURCES)
    functions, assigned = re.findall(r"def (_\w+)", source), re.findall(r"self\.(_\w+)(?:: [^=\n]+)? = ", source)
    owners = [resolve_name(owner) for owner in {each.owner for each in PRIVATE_ATTRIBUTES}]
    own = {name for name in functions if not any(hasattr(owner, name) for owner in owners)} | set(assigned)
    used = {name for path in SOURCES for name in private_names(path)}
    assert used - own - {each.name for each in PRIVATE_ATTRIBUTES} == set()
