"""One canonical log line a record, and the counters behind `/metrics`."""

from __future__ import annotations

import logging
import sys

import structlog
from prometheus_client import Counter, Gauge, Histogram

from schemas.message import Received
from streams.outcome import Dead, Done, Outcome, Retry, label

RECORDS = Counter("headrace_records_total", "Records by how they ended", ["stage", "outcome", "code"])
SECONDS = Histogram("headrace_record_seconds", "From first try to durable outcome", ["stage"])
PAUSED = Gauge("headrace_stage_paused", "1 while the stage waits for an outage to end", ["stage"])

log = structlog.get_logger("headrace")


def configure(json: bool, level: int = logging.INFO) -> None:
    """Send our lines to standard error, for people or as JSON, and keep the libraries' chatter out."""
    renderer = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0, pad_level=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(name)s: %(message)s")


def ended(stage: str, received: Received, outcome: Outcome, seconds: float) -> None:
    """Count a record's outcome, and say it in one line."""
    word = label(outcome)
    code = outcome.code if isinstance(outcome, Retry | Dead) else outcome.how if isinstance(outcome, Done) else ""
    RECORDS.labels(stage, word, code).inc()
    SECONDS.labels(stage).observe(seconds)
    level = log.warning if isinstance(outcome, Dead) else log.info
    level(
        word,
        stage=stage,
        key=(received.key or b"").decode(errors="replace"),
        record=f"{received.topic}/{received.partition}/{received.offset}",
        code=code,
        why=getattr(outcome, "why", "") or None,
        ms=round(seconds * 1000, 1),
    )
