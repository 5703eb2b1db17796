"""Templates. Every text passes `safe_text` on its way into a page: no secret, no invisible character."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from headrace.console.terminal.formatting import format_bytes, format_clock, format_duration
from headrace.schemas.parsing import InvalidValueError, parse_time
from headrace.schemas.safe_text import safe_text

FOLDER = Path(__file__).parent
TEMPLATES = FOLDER / "templates"
STATIC = FOLDER / "static"
STATIC_PATH = "/static"
THEME_COOKIE = "theme"
THEMES = ("light", "dark")


@cache
def static(name: str) -> Markup:
    """Return the address of a static file, which changes with its content."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return Markup("{}/{}?v={}").format(STATIC_PATH, name, digest)


@cache
def environment() -> Environment:
    """Return the environment of the templates."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_safe,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {"link": link, "static": static}
    found.filters |= {
        "exact": exact,
        "lines": str.splitlines,
        "time": time_element,
        "utc": written_time,
        "clock": format_clock,
        "duration": format_duration,
        "bytes": format_bytes,
        "usd": format_usd,
        "number": format_number,
    }
    return found


def render_fragment(template: str, **values: Any) -> str:
    """Render a template that depends on no request, such as an event of a live feed."""
    return environment().get_template(template).render(values)


def exact(text: str) -> Markup:
    """Return a text that is escaped and not redacted: for ids, names of fields and addresses of the console."""
    return escape(text)


def link(path: str, /, *segments: str | int, **query: object) -> Markup:
    """Return an address of the console. Segments are appended; empty values of the query are left out."""
    path += "/".join(quote(str(segment), safe="") for segment in segments)
    return escape(address(path, **query))


def address(path: str, /, **query: object) -> str:
    """Return an address of the console, for headers. Empty values of the query are left out."""
    given: Mapping[str, object] = {name: value for name, value in query.items() if value not in (None, "", ())}
    return path + (f"?{urlencode(given, doseq=True)}" if given else "")


def csrf_field(token: str) -> Markup:
    """Return the hidden field of a form that changes something."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(token)


def time_element(seconds: float | datetime | None) -> Markup:
    """Return a time in UTC as an element. A script shows it in the zone of the viewer."""
    if seconds is None:
        return Markup("")
    at = seconds.astimezone(UTC) if isinstance(seconds, datetime) else datetime.fromtimestamp(seconds, UTC)
    exact_, shown = at.isoformat(timespec="milliseconds"), at.strftime("%Y-%m-%d %H:%M:%S")
    return Markup('<time datetime="{}">{} UTC</time>').format(exact_, shown)


def written_time(text: str | None) -> Markup | str:
    """Return a time in the form of RFC 3339 as an element; other text as it is."""
    try:
        return time_element(parse_time(text or ""))
    except InvalidValueError:
        return text or ""


def format_usd(usd: float) -> str:
    """Format US dollars with at least two digits; amounts below a dollar have four."""
    return f"${usd:,.2f}" if abs(usd) >= 1 or usd == 0 else f"${usd:.4f}"


def format_number(number: float) -> str:
    """Format a count or a rate with separators of thousands."""
    return f"{number:,}" if isinstance(number, int) else f"{number:,.1f}"


def _safe(value: Any) -> Any:
    if value is None:
        return ""
    return safe_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value
