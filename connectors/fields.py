"""Reads fields of JSON that came from outside, naming the one that is not as it should be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from connectors.translation import Unreadable

LATEST = datetime(9000, 1, 1, tzinfo=UTC)


def member(found: Any, name: str, path: str = "") -> Any:
    """Give a member of an object. Raises `Unreadable` when there is none."""
    if not isinstance(found, dict) or name not in found:
        raise Unreadable(f"no {path}{name}")
    return found[name]


def text(found: Any, name: str, path: str = "") -> str:
    """Give a member that must be text with something in it."""
    value = member(found, name, path)
    if not isinstance(value, str) or not value:
        raise Unreadable(f"{path}{name} is no text")
    return value


def optional_text(found: Any, name: str) -> str:
    """Give a member that may be missing; empty when it is."""
    value = found.get(name) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""


def size_of(found: dict[str, Any]) -> int:
    """Give an object's size in bytes; 0 where the event has none, as on deletions."""
    size = found.get("size", 0)
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 2**63:
        raise Unreadable("object.size is no number of bytes")
    return size


def moment(value: str, name: str) -> datetime:
    """Read an ISO 8601 moment."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise Unreadable(f"{name} is no moment") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def milliseconds(value: Any, name: str) -> datetime:
    """Read a moment in milliseconds since 1970."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < LATEST.timestamp() * 1000:
        raise Unreadable(f"{name} is no moment")
    return datetime.fromtimestamp(value / 1000, UTC)
