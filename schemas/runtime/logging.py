"""Configure logging: one line an event, with fields, on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from headrace.schemas.redaction import redact

_PROCESSORS: list[Any] = []
"""Cached loggers hold this list, so `configure` changes it in place."""


class StandardError:
    """Write to the current `sys.stderr`. Cached loggers outlive a redirection."""

    def write(self, text: str) -> int:
        """Write to the current standard error."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush the current standard error."""
        sys.stderr.flush()


def configure(json: bool, level: int = logging.INFO) -> None:
    """Log to standard error, as text or as JSON. Libraries log errors only."""
    text = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0, pad_level=False)
    _PROCESSORS[:] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _without_secrets,
        structlog.processors.JSONRenderer() if json else text,
    ]
    structlog.configure(
        processors=_PROCESSORS,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Each line is one write, so that lines of other threads cannot mix with it.
        logger_factory=structlog.WriteLoggerFactory(StandardError()),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(name)s: %(message)s")


def _without_secrets(_logger: Any, _name: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Redact every text of a line: object keys, reasons, exceptions."""
    for name, value in line.items():
        if isinstance(value, str):
            line[name] = redact(value)
    return line
