"""Format numbers, sizes, durations, money and times."""

from __future__ import annotations

from datetime import UTC, datetime

from headrace.schemas.cloudevents import timestamp


def pluralize(number: int, noun: str) -> str:
    """Format `1 picture`, `3 pictures`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def format_bytes(number: int) -> str:
    """Format a number of bytes: `512 B`, `1.2 MB`."""
    amount, unit = float(number), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def format_duration(seconds: float | None) -> str:
    """Format a duration: `850 ms`, `4.2 s`, `3 min 20 s`; empty if unknown."""
    if seconds is None:
        return ""
    if abs(seconds) < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def format_clock(seconds: float) -> str:
    """Format a position in media: `1:02.5`, `1:00:02.5`."""
    minutes, tenths = divmod(round(seconds * 10), 600)
    hours, minutes = divmod(minutes, 60)
    rest = f"{tenths / 10:04.1f}"
    return f"{hours}:{minutes:02}:{rest}" if hours else f"{minutes}:{rest}"


def format_usd(usd: float) -> str:
    """Format an amount of money; empty for none."""
    return f"${usd:.4f}" if usd else ""


def format_time(at: float) -> str:
    """Format seconds since 1970 as local date and time."""
    return datetime.fromtimestamp(at, UTC).astimezone().isoformat(sep=" ", timespec="seconds")


def format_timestamp(at: float | None) -> str | None:
    """Format seconds since 1970 as RFC 3339."""
    return timestamp(datetime.fromtimestamp(at, UTC)) if at is not None else None
