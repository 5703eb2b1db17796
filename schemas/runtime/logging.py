"""How every process writes its log: one line an event, with fields, on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from headrace.schemas.redaction import redact

_PROCESSORS: list[Any] = []
"""The one list of them: loggers are cached with it, and what is configured later is to count for them, too."""


class StandardError:
    """Standard error as it is when a line is written: loggers are cached, and live longer than a redirection."""

    def write(self, text: str) -> int:
        """Write to what standard error is now."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush what standard error is now."""
        sys.stderr.flush()


def configure(json: bool, level: int = logging.INFO) -> None:
    """Send our lines to standard error, for people or as JSON, and keep the libraries' chatter out."""
    for_people = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0, pad_level=False)
    _PROCESSORS[:] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _without_secrets,
        structlog.processors.JSONRenderer() if json else for_people,
    ]
    structlog.configure(
        processors=_PROCESSORS,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Each line in one write, so that what a library logs from another thread cannot get in between.
        logger_factory=structlog.WriteLoggerFactory(StandardError()),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(name)s: %(message)s")


def _without_secrets(_logger: Any, _name: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take the secrets out of every text of a line: keys of objects, reasons, what an exception says."""
    for name, value in line.items():
        if isinstance(value, str):
            line[name] = redact(value)
    return line
