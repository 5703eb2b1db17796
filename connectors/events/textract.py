"""Job completions of Amazon Textract, by SNS."""

from __future__ import annotations

from collections.abc import Container
from functools import partial

from headrace.connectors.events.event_source import EventSource
from headrace.connectors.events.sns_completion import is_completion, parse_completion


def matches(source: str, detail_type: str, members: Container[str]) -> bool:
    """Match a completion with the document that only Textract adds."""
    return is_completion(members) and "DocumentLocation" in members


SOURCE = EventSource("textract", "message", "sns", matches, partial(parse_completion, "textract"), ("topics",))
