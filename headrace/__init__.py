"""Headrace: an event-driven AI media pipeline on Apache Kafka.

`from headrace import Stage` is the public API for authors of stages, sinks, commands and event kinds: docs/api.md lists
it. Names are imported on first use, so that `import headrace` loads nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.connectors.aws.client import AwsCallError, AwsSession
    from headrace.connectors.events.results import EventWithMetadata, Ignored, Parsed, ParseError, Rejected
    from headrace.connectors.sinks.base import InvalidTargetError, Sink, SinkKind
    from headrace.console.errors import CommandError
    from headrace.schemas import records, topics
    from headrace.schemas.cloudevents import EventMetadata
    from headrace.schemas.delivery import Delivery, DeliveryError
    from headrace.schemas.records import Asset, Charge, Event, Pointer
    from headrace.schemas.topics import Topic
    from headrace.streams.errors import (
        ObjectGone,
        OutageError,
        PermanentError,
        RetryAt,
        StageError,
        ThrottledError,
        TransientError,
    )
    from headrace.streams.handlers import AsyncJob, EventPattern, FanIn, FinishedJob, JobWatch, Router, Transform
    from headrace.streams.results import AssetResults
    from headrace.streams.search_text import SearchText
    from headrace.streams.services import Services
    from headrace.streams.stage import Stage

__all__ = [
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

_MODULES = {
    "headrace.connectors.aws.client": ("AwsCallError", "AwsSession"),
    "headrace.connectors.events.results": ("EventWithMetadata", "Ignored", "ParseError", "Parsed", "Rejected"),
    "headrace.connectors.sinks.base": ("InvalidTargetError", "Sink", "SinkKind"),
    "headrace.console.errors": ("CommandError",),
    "headrace.schemas.cloudevents": ("EventMetadata",),
    "headrace.schemas.delivery": ("Delivery", "DeliveryError"),
    "headrace.schemas.records": ("Asset", "Charge", "Event", "Pointer", "records"),
    "headrace.schemas.topics": ("Topic", "topics"),
    "headrace.streams.errors": (
        "ObjectGone",
        "OutageError",
        "PermanentError",
        "RetryAt",
        "StageError",
        "ThrottledError",
        "TransientError",
    ),
    "headrace.streams.handlers": (
        "AsyncJob",
        "EventPattern",
        "FanIn",
        "FinishedJob",
        "JobWatch",
        "Router",
        "Transform",
    ),
    "headrace.streams.results": ("AssetResults",),
    "headrace.streams.search_text": ("SearchText",),
    "headrace.streams.services": ("Services",),
    "headrace.streams.stage": ("Stage",),
}
"""The public names of each module. A module's own last name stands for the module."""

_SOURCES = {name: module for module, names in _MODULES.items() for name in names}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Import a public name on first use. Raises AttributeError for any other."""
        if name not in _SOURCES:
            raise AttributeError(f"module 'headrace' has no attribute {name!r}")
        module = import_module(_SOURCES[name])
        value = module if module.__name__.endswith(f".{name}") else getattr(module, name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        """List public names as well as those that are already imported."""
        return sorted({*globals(), *__all__})
