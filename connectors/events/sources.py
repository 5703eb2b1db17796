"""Every source of AWS events. A new one is a file with an `EventSource` and one line here."""

from __future__ import annotations

from headrace.connectors.events import (
    custom,
    data_automation,
    mediaconvert,
    polly,
    rekognition,
    s3,
    textract,
    transcribe,
)
from headrace.connectors.events.event_source import EventSource, PayloadForm

SOURCES = (
    s3.NOTIFICATION,
    s3.NOTIFICATION_BY_SNS,
    s3.EVENTBRIDGE,
    rekognition.SOURCE,
    textract.SOURCE,
    polly.SOURCE,
    transcribe.SOURCE,
    mediaconvert.SOURCE,
    data_automation.SOURCE,
    custom.SOURCE,
)
"""The first source that matches a message parses it. `custom` matches every EventBridge event, so it is the last."""


def by_name(sources: tuple[EventSource, ...] = SOURCES) -> dict[str, EventSource]:
    """Index sources by name."""
    return {source.name: source for source in sources}


def by_form(sources: tuple[EventSource, ...] = SOURCES) -> dict[PayloadForm, tuple[EventSource, ...]]:
    """Group sources by the form of their messages."""
    forms: tuple[PayloadForm, ...] = ("record", "message", "event")
    return {form: tuple(source for source in sources if source.form == form) for form in forms}
