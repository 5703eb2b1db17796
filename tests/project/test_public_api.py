"""`from headrace import ...` is complete, typed, documented and loads nothing before it is used."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import headrace

ROOT = Path(__file__).parents[2]

PUBLIC_NAMES = [
    "Asset",
    "AssetResults",
    "AsyncJob",
    "AwsCallError",
    "AwsSession",
    "Charge",
    "CommandError",
    "Delivery",
    "DeliveryError",
    "Event",
    "EventMetadata",
    "EventPattern",
    "EventWithMetadata",
    "FanIn",
    "FinishedJob",
    "Ignored",
    "InvalidTargetError",
    "JobWatch",
    "ObjectGone",
    "OutageError",
    "ParseError",
    "Parsed",
    "PermanentError",
    "Pointer",
    "Rejected",
    "RetryAt",
    "Router",
    "SearchText",
    "Services",
    "Sink",
    "SinkKind",
    "Stage",
    "StageError",
    "ThrottledError",
    "Topic",
    "Transform",
    "TransientError",
    "records",
    "topics",
]
"""A name that leaves this list is a breaking change."""


def typed_imports() -> dict[str, str]:
    """Return what `headrace/__init__.py` imports for type checkers: name to module."""
    tree = ast.parse((ROOT / "headrace" / "__init__.py").read_text("utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name)]
    return {
        alias.name: str(node.module) for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }


def test_public_names_are_pinned() -> None:
    assert headrace.__all__ == PUBLIC_NAMES


@pytest.mark.parametrize("name", PUBLIC_NAMES)
def test_public_name_is_importable(name: str) -> None:
    assert getattr(headrace, name) is not None
    assert name in dir(headrace)


def test_type_checkers_see_the_same_names_from_the_same_modules() -> None:
    typed = typed_imports()
    assert sorted(typed) == PUBLIC_NAMES
    assert {name: getattr(import_module(module), name) for name, module in typed.items()} == {
        name: getattr(headrace, name) for name in PUBLIC_NAMES
    }


def test_unknown_name_raises_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Stages'"):
        headrace.Stages  # type: ignore[attr-defined]  # noqa: B018


def test_public_names_are_documented() -> None:
    documented = re.findall(r"^`(\w+)` \| \S", (ROOT / "docs" / "api.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(documented) == PUBLIC_NAMES


def test_importing_headrace_loads_nothing_else() -> None:
    code = (
        "import headrace, json, sys; print(json.dumps([each for each in sys.modules if each.startswith('headrace.')]))"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(shown.stdout) == []
