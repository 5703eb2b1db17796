"""Reads fields of JSON that came from outside, naming the one that is not as it should be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.translation import Unreadable

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


def moment(found: dict[str, Any], name: str, otherwise: datetime) -> datetime:
    """Give a member that is an ISO 8601 moment, in UTC; `otherwise` where it is missing."""
    value = found.get(name)
    if value is None:
        return otherwise
    try:
        read = datetime.fromisoformat(value)
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        raise Unreadable(f"{name} is no moment") from None


def milliseconds(found: dict[str, Any], name: str, otherwise: datetime) -> datetime:
    """Give a member that is a moment in milliseconds since 1970; `otherwise` where it is missing."""
    value = found.get(name)
    if value is None:
        return otherwise
    try:
        return EPOCH + timedelta(milliseconds=value)
    except (TypeError, ValueError, OverflowError):
        raise Unreadable(f"{name} is no moment") from None
