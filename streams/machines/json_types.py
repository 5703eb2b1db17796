"""The types of JSON values."""

from __future__ import annotations

from typing import Any, TypeAlias

Json: TypeAlias = Any
"""A value that `json.loads` returns: None, bool, int, float, str, a list or a dict with string keys."""
