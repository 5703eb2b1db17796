"""Which files name a stage: adding one changes at most 5 files outside tests, docs and the sandbox.

Adapters, prices and input rules are of a service: they name no stage. `GENERATED` files count too; `make format` or the
test that compares them writes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from headrace.streams import pipeline

ROOT = Path(__file__).parents[2]
FOLDERS = ("connectors", "console", "deploy", "headrace", "schemas", "streams")
SUFFIXES = (".py", ".toml", ".json", ".avsc", ".yaml", ".yml", ".tf", ".tpl", ".html", ".js", ".css", ".env")
GENERATED = ("deploy/terraform/wanted.json", "schemas/records.py")
MEASURED = "console/capacity/measured.toml"
"""Written by a benchmark. A stage that is not in it has the usual requests of its handler."""
MOST_FILES = 5


@dataclass(frozen=True)
class StageFiles:
    """The constant of a stage's topic, and the files that name the stage, its event or its topic.

    `readers` are the modules of later stages, commands and views that read its results: they do not count as files of
    the stage.
    """

    topic: str
    files: tuple[str, ...]
    readers: tuple[str, ...] = ()


STAGES = {
    "quality": StageFiles(
        "QUALITY", ("schemas/avro/QualityMeasured/v1.avsc", "schemas/topics.py", "streams/stages/quality.py")
    ),
    "custom-labels": StageFiles(
        "CUSTOM_LABELS",
        (
            "schemas/avro/CustomLabelsDetected/v1.avsc",
            "schemas/topics.py",
            "streams/stages/custom_labels.py",
        ),
    ),
    "redact-transcript": StageFiles(
        "REDACTED_TRANSCRIPT",
        (
            "schemas/avro/TranscriptRedacted/v1.avsc",
            "schemas/topics.py",
            "streams/stages/redact_transcript.py",
        ),
        readers=("streams/stages/redact.py",),
    ),
    "redact": StageFiles(
        "REDACTED_MEDIA", ("schemas/avro/MediaRedacted/v1.avsc", "schemas/topics.py", "streams/stages/redact.py")
    ),
    "data-automation": StageFiles(
        "INSIGHTS",
        ("schemas/avro/InsightsExtracted/v1.avsc", "schemas/topics.py", "streams/stages/data_automation.py"),
    ),
    "face-search": StageFiles(
        "PEOPLE",
        ("schemas/avro/PeopleRecognised/v1.avsc", "schemas/topics.py", "streams/stages/face_search.py"),
        readers=(
            "console/commands/faces.py",
            "console/views/apply_operations.py",
            "console/views/canonical.py",
            "console/views/queries/history.py",
            "console/views/queries/face_places.py",
            "console/views/specs.py",
            "console/web/pages/assets/detail.py",
            "console/web/pages/people.py",
        ),
    ),
    "describe": StageFiles(
        "DESCRIBED", ("schemas/avro/MediaDescribed/v1.avsc", "schemas/topics.py", "streams/stages/describe.py")
    ),
    "embedding": StageFiles(
        "EMBEDDED", ("schemas/avro/MediaEmbedded/v1.avsc", "schemas/topics.py", "streams/stages/embedding.py")
    ),
}


def sources() -> Iterator[tuple[str, str]]:
    """Yield the path and the text of every file of the product."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in SUFFIXES and not path.is_symlink():
                yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return dict(sources())


@pytest.mark.parametrize("name", STAGES)
def test_stage_is_named_by_at_most_five_files(texts: dict[str, str], name: str) -> None:
    [stage] = [stage for stage in pipeline.all_stages() if stage.name == name]
    assert stage.writes is not None
    [event] = stage.writes.events
    module = name.replace("-", "_")
    names = (
        rf'"(headrace\.)?{name}(\.retry|\.dlq)?"',
        rf"\b{event.EVENT}\b",
        rf"\b{STAGES[name].topic}\b",
        rf"{re.escape(stage.writes.name)}\b",
        rf"stages(\.|/){module}\b",
    )
    pattern = re.compile("|".join(names))
    found = {path for path, text in texts.items() if pattern.search(text)}
    own = found - {*STAGES[name].readers, MEASURED}
    assert own == {*STAGES[name].files, *GENERATED}
    assert len(own) <= MOST_FILES
