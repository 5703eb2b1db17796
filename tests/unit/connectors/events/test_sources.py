"""A source of AWS events is one file and one line of the list: the parser and the sources file derive the rest."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headrace.connectors.bridge_sources import config
from headrace.connectors.bridge_sources.config import SourcesConfig
from headrace.connectors.bridge_sources.requirements import requirements, rules
from headrace.connectors.events import parser
from headrace.connectors.events.aws_event import aws_event
from headrace.connectors.events.decoding import JsonObject
from headrace.connectors.events.event_source import EventSource, QueueScope
from headrace.connectors.events.parser import parse_message
from headrace.connectors.events.results import EventWithMetadata, Parsed
from headrace.connectors.events.sources import SOURCES, by_form, by_name
from headrace.schemas.records import AwsEvent

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROOT = Path(__file__).parents[4]
QUEUE = "https://sqs.eu-central-1.amazonaws.com/111122223333/events"
BUILD = {"source": "aws.codebuild", "detail-type": "Build State Change", "detail": {"build": "1"}}


def matches(source: str, detail_type: str, members: Container[str]) -> bool:
    return source == "aws.codebuild"


def parse(message: JsonObject, received_at: datetime) -> EventWithMetadata:
    return aws_event("codebuild", "parsed", received_at, "{}")


def pattern(queue: QueueScope) -> Mapping[str, Any]:
    return {"source": ["aws.codebuild"]}


@pytest.fixture
def codebuild(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register one more source in front of the others."""
    sources = (EventSource("codebuild", "event", "eventbridge", matches, parse, pattern=pattern), *SOURCES)
    monkeypatch.setattr(parser, "BY_FORM", by_form(sources))
    monkeypatch.setattr(config, "SOURCES", by_name(sources))


def test_registered_source_parses_its_messages(codebuild: None) -> None:
    result = parse_message(json.dumps(BUILD), NOW)
    assert isinstance(result, Parsed)
    event = result.events[0][0]
    assert isinstance(event, AwsEvent)
    assert (event.source, event.detail_type) == ("codebuild", "parsed")


def test_registered_source_is_known_to_the_sources_file(codebuild: None) -> None:
    file = {"region": "eu-central-1", "account": "1" * 12, "queue": [{"url": QUEUE, "carries": ["codebuild"]}]}
    sources = SourcesConfig.model_validate(file)
    assert rules(sources.queue[0]) == {"events-codebuild": {"source": ["aws.codebuild"]}}
    assert [each.kind for each in requirements(sources)] == ["queue", "queue policy", "rule"]


def test_names_are_unique_and_custom_is_last() -> None:
    names = [source.name for source in SOURCES]
    assert len(set(names)) == len(names)
    assert names[-1] == "custom"


@pytest.mark.parametrize("source", SOURCES, ids=[source.name for source in SOURCES])
def test_eventbridge_sources_have_a_pattern(source: EventSource) -> None:
    assert (source.pattern is not None) == (source.carried_by == "eventbridge")


@pytest.mark.parametrize("name", ["rekognition", "textract", "polly", "transcribe", "mediaconvert"])
def test_job_service_is_named_in_its_own_file_and_the_list_alone(name: str) -> None:
    folders = [ROOT / "connectors" / folder for folder in ("events", "bridge", "bridge_sources")]
    files = [file for folder in folders for file in folder.glob("*.py")]
    naming = {file.name for file in files if f'"{name}"' in file.read_text("utf-8") or f"{name}." in file.read_text()}
    assert naming == {f"{name}.py", "sources.py"}
