"""Configure logging: one line an event, with fields, on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from json import dumps
from typing import Any

import structlog

from headrace.schemas.runtime.tracebacks import format_exception
from headrace.schemas.safe_text import redact_data, safe_json, safe_text
from headrace.schemas.spans import current_span

_PROCESSORS: list[Any] = []
"""Cached loggers hold this list, so `configure` changes it in place."""

LogLine = MutableMapping[str, Any]


class StandardError:
    """Write to the current `sys.stderr`. Cached loggers outlive a redirection."""

    def write(self, text: str) -> int:
        """Write to the current standard error."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush the current standard error."""
        sys.stderr.flush()


class LibraryHandler(logging.StreamHandler[StandardError]):
    """Writes the errors of libraries, which log with the standard library. Each is one event."""

    def __init__(self, json: bool) -> None:
        super().__init__(StandardError())
        self._json = json

    def format(self, record: logging.LogRecord) -> str:
        """Format a record without secrets and invisible characters."""
        error = record.exc_info[1] if record.exc_info else None
        trace = format_exception(error) if error else ""
        if self._json:
            line = {"event": record.getMessage(), "level": record.levelname.lower(), "logger": record.name}
            return safe_json(line | ({"exception": trace} if trace else {}))
        text = f"{record.name}: {safe_text(record.getMessage())}"
        return f"{text}\n{trace}" if trace else text


def configure(json: bool, level: int = logging.INFO) -> None:
    """Log to standard error, as text or as JSON. Libraries log errors only."""
    text = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0, pad_level=False)
    _PROCESSORS[:] = [
        structlog.contextvars.merge_contextvars,
        _add_span,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _redact_json if json else _make_safe,
        _render_json if json else text,
    ]
    structlog.configure(
        processors=_PROCESSORS,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Each line is one write, so that lines of other threads cannot mix with it.
        logger_factory=structlog.WriteLoggerFactory(StandardError()),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    _log_errors_of_libraries(json)


def _log_errors_of_libraries(json: bool) -> None:
    """Replace the handler of an earlier call; handlers of others stay."""
    root = logging.getLogger()
    root.setLevel(logging.ERROR)
    root.handlers = [handler for handler in root.handlers if not isinstance(handler, LibraryHandler)]
    root.addHandler(LibraryHandler(json))


def _add_span(_logger: Any, _name: str, line: LogLine) -> LogLine:
    """Add the ids of the current span."""
    span = current_span()
    if span is not None:
        line["trace_id"], line["span_id"] = span.context.trace_id, span.context.span_id
    return line


class _Quoted(str):
    """Safe text with spaces, which the renderer of lines for people puts in quotes. Its escapes stay as they are."""

    __slots__ = ()

    def __repr__(self) -> str:
        return '"' + self.replace('"', "'") + '"'


def _make_safe(_logger: Any, _name: str, line: LogLine) -> LogLine:
    """Redact and escape every name and value of a line: keys, reasons and errors are external text."""
    trace = _pop_exception(line)
    safe: LogLine = {safe_text(str(name)): _safe_value(name, value) for name, value in line.items()}
    return {**safe, "exception": trace} if trace else safe


def _redact_json(_logger: Any, _name: str, line: LogLine) -> LogLine:
    """Redact every name and value of a line; JSON escapes the rest."""
    trace = _pop_exception(line)
    redacted: LogLine = redact_data(line)
    return {**redacted, "exception": trace} if trace else redacted


def _render_json(_logger: Any, _name: str, line: LogLine) -> str:
    """Return a redacted line as JSON in ASCII."""
    return dumps(line)


def _safe_value(name: str, value: Any) -> Any:
    redacted = redact_data({name: value})
    [shown] = redacted.values()
    if shown is None or isinstance(shown, bool | int | float):
        return shown
    return _Quoted(safe_text(shown if isinstance(shown, str) else repr(shown)))


def _pop_exception(line: LogLine) -> str:
    """Remove `exc_info` and return the traceback it stands for; empty if there is none."""
    match line.pop("exc_info", None):
        case BaseException() as error:
            return format_exception(error)
        case (_, BaseException() as error, _):
            return format_exception(error)
        case None | False:
            return ""
    current = sys.exc_info()[1]
    return format_exception(current) if current else ""
