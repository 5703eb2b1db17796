"""Tests of the documents: commands, topics, links, generated parts and the example stage."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headrace.console.app.main import app
from headrace.schemas import topics
from headrace.schemas.records import Label, MediaModerated, Pointer
from headrace.streams import pipeline
from headrace.streams.handlers import Transform
from headrace.streams.results import ResultsStore
from headrace.streams.rules.record_predicate import record_predicate
from headrace.streams.stage import Stage
from tests.docs import references
from tests.docs.generate import GENERATED, README, ROOT, SETTINGS, rendered
from tests.support.fake_services import FakeServices, MemoryBucket
from tests.support.records import asset

CHANGELOG = ROOT / "CHANGELOG.md"
DOCUMENTS = (
    README,
    CHANGELOG,
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "conformance").rglob("*.md")),
)

LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
IN_LINE = re.compile(r"`([^`\n]+)`")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SOURCE_CODE = re.compile(r"^```(?:python|diff)\n.*?^```$", re.MULTILINE | re.DOTALL)
TOPIC = re.compile(r"\b(?:(?:media|jobs|aws|bridge|system)\.[a-z][a-z-]+|[a-z][a-z-]*\.(?:dlq|retry))\b(?!\.|\()")
WORD = re.compile(r"[a-z][a-z|-]*")


def text_of(document: Path) -> str:
    return document.read_text("utf-8")


def blocks(document: Path, language: str) -> list[str]:
    """Return the fenced blocks of a document in one language."""
    return [body for marked, body in BLOCK.findall(text_of(document)) if marked == language]


def commands(document: Path, program: str) -> Iterator[str]:
    """Return every use of a program in a document: after a prompt in a `console` block, or alone in backticks."""
    lines = [line.removeprefix("$ ") for block in blocks(document, "console") for line in block.splitlines()]
    for line in (*lines, *IN_LINE.findall(text_of(document))):
        if line.startswith(f"{program} "):
            yield line.partition("#")[0].strip()


def used(program: str) -> list[str]:
    return sorted({command for document in DOCUMENTS for command in commands(document, program)})


@pytest.mark.parametrize("document", GENERATED, ids=lambda path: path.name)
def test_generated_parts_are_up_to_date(document: Path) -> None:
    assert text_of(document) == rendered(text_of(document)), "run `make format`"


def test_reference_has_every_settings_class() -> None:
    defined = {
        name
        for package in {cls.__module__.split(".")[1] for cls in SETTINGS}
        for module in (ROOT / package).rglob("*.py")
        for name in re.findall(r"^class (\w+)\(\w+Settings\)", text_of(module), re.MULTILINE)
    }
    assert defined == {cls.__name__ for cls in SETTINGS}


def test_readme_is_short() -> None:
    text = text_of(README)
    assert len(text.splitlines()) <= 145
    assert len(text.split()) <= 750


@pytest.mark.parametrize("command", used("headrace"))
def test_documented_command_exists_with_its_options(command: str, tmp_path: Path) -> None:
    nothing_runs = {"COLUMNS": "200", "XDG_STATE_HOME": str(tmp_path)}
    tokens = command.split()[1:]
    words = [token.split("|") for token in itertools.takewhile(WORD.fullmatch, tokens)]
    for path in itertools.product(*words):
        shown = CliRunner().invoke(app, [*path, "--help"], env=nothing_runs)
        assert shown.exit_code == 0, shown.output
        for option in re.findall(r"(?<!\S)--[a-z-]+", command):
            assert option in shown.output


def test_cli_reference_documents_every_command() -> None:
    headings = re.findall(r"^## (headrace.*)$", text_of(ROOT / "docs" / "cli.md"), re.MULTILINE)
    assert headings == [name for name, _ in references.commands()]


def test_every_command_and_option_has_help() -> None:
    for name, command in references.commands():
        assert command.help, name
        assert all(each.help for each in command.params if each.param_type_name == "option"), name


@pytest.mark.parametrize("command", used("make"))
def test_documented_make_target_exists(command: str) -> None:
    assert re.search(rf"^{command.split()[1]}:.*## ", text_of(ROOT / "Makefile"), re.MULTILINE)


def test_documented_topics_exist() -> None:
    names = {stage.name for stage in (*pipeline.stages(), *pipeline.all_stages())}
    known = {topic.name for topic in topics.table(names)}
    named = {name for document in DOCUMENTS for name in TOPIC.findall(SOURCE_CODE.sub("", text_of(document)))}
    assert {name for name in named if not name.endswith((".json", ".md", ".py", ".yml"))} <= known


def test_pipeline_diagram_shows_each_stage_before_its_output_topic() -> None:
    [flow] = [block for block in blocks(README, "text") if "media.uploaded" in block]
    drawn = set(re.findall(r"([a-z]+) ─+ ([a-z]+\.[a-z-]+)", flow))
    for stage in pipeline.DEFAULT_STAGES:
        assert stage.name in flow
        assert stage.writes is None or (stage.name, stage.writes.name) in drawn
        assert all(topic.name in flow for topic in stage.reads)


def sections(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub derives them."""
    headings = re.findall(r"^#+ (.+)$", text_of(document), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_have_existing_targets(document: Path) -> None:
    for label, target in LINK.findall(text_of(document)):
        if "://" in target:
            continue
        path, _, section = target.partition("#")
        there = (document.parent / path).resolve() if path else document
        assert there.exists(), target
        assert not section or section in sections(there), target
        if label.startswith("`test_"):
            assert f"def {label.strip('`')}(" in text_of(there)


def test_every_promise_links_an_existing_test() -> None:
    part = text_of(README).split("## Promises")[1].split("\n## ")[0]
    promises = re.findall(r"^\d\. (.*(?:\n   .*)*)", part, re.MULTILINE)
    assert promises
    assert all("`test_" in promise for promise in promises)


def test_threat_model_proves_every_row_by_existing_tests() -> None:
    text = text_of(ROOT / "docs" / "security.md")
    rows = re.findall(r"^(?!Cannot |Measure |---)(.+) \| (.+)$", text, re.MULTILINE)
    assert len(rows) > 30
    assert [claim for claim, proof in rows if not LINK.findall(proof)] == []
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert {
        "Uploader",
        "Third-party receiver",
        "Network neighbour",
        "Other local user",
        "Compromised component",
        "Rule author",
    } <= set(headings)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell without settings, after `headrace demo --keep`."""
    shell = Shell(tmp_path_factory.mktemp("state"))
    try:
        shell.output["make demo"] = shell.run("headrace demo --keep")
        yield shell
    finally:
        shell.run("headrace sandbox down")


class Shell:
    """Runs commands without settings in the environment, and stores their output."""

    def __init__(self, state: Path) -> None:
        own = ("AWS_", "HEADRACE_")
        self._env = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        self._env |= {"XDG_STATE_HOME": str(state), "COLUMNS": "160"}
        self.output: dict[str, str] = {}

    def run(self, command: str) -> str:
        """Return the output of a command. Fails if its exit code is not 0."""
        arguments = [sys.executable, "-m", "headrace.console", *shlex.split(command)[1:]]
        done = subprocess.run(arguments, cwd=ROOT, env=self._env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.mark.system
@pytest.mark.parametrize(
    "block",
    [*blocks(README, "console"), *blocks(ROOT / "docs" / "search.md", "console")],
    ids=lambda block: block.partition("\n")[0],
)
def test_documented_output_equals_the_output_of_the_command(block: str, demo: Shell) -> None:
    prompt, *lines = block.splitlines()
    command = prompt.removeprefix("$ ")
    printed = demo.output.get(command) or demo.run(command)
    measured_lines = [measured(line) for line in printed.splitlines()]
    assert [line for line in lines if line != "..." and measured(line) not in measured_lines] == []


def measured(line: str) -> str:
    """Return a line without the parts that differ between runs: times, offsets, column widths."""
    changing = r"\d\d:\d\d:[\d.]+|(?:\d+ (?:h|min) )*\d+(?:\.\d+)* (?:ms|s|min)\b|/\d+/\d+\b"
    return " ".join(re.sub(changing, "#", line).split())


@pytest.fixture
def example() -> Stage:
    """The example stage of the README."""
    [source] = blocks(README, "python")
    module = types.ModuleType("example")
    exec(compile(source, "README.md", "exec"), vars(module))
    stage: Stage = module.STAGE
    return stage


def moderated(*flags: str) -> MediaModerated:
    pointer = Pointer(bucket="results", key="answer", size=2, sha256="0" * 64, content_type="application/json")
    labels = tuple(Label(name=flag, confidence=99.0) for flag in flags)
    return MediaModerated(asset=asset(), flags=labels, flag_count=len(flags), model="test", result=pointer, charges=())


async def test_example_stage_returns_flagged_media(example: Stage) -> None:
    bucket = MemoryBucket()
    assert isinstance(example.handler, Transform)
    await example.handler.run(moderated("Weapons", "Smoking"), FakeServices().services(ResultsStore(bucket)))
    [(key, content)] = bucket.objects.items()
    assert key.endswith("/review.txt")
    assert content == b"Weapons\nSmoking"


def test_example_stage_filters_by_flag(example: Stage) -> None:
    wants = record_predicate(example.when)
    assert wants(moderated("Weapons"))
    assert not wants(moderated())


def test_example_stage_is_loaded_from_its_entry_point(
    example: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [entry_point] = [block for block in blocks(README, "toml") if "headrace.stages" in block]
    group, line = re.fullmatch(r'\[project\.entry-points\."([\w.]+)"\]\n(.+)\n', entry_point).groups()  # type: ignore[union-attr]
    module = re.search(r'"([\w.]+):', line)
    assert module is not None
    plugin = tmp_path / Path(*module[1].split(".")).with_suffix(".py")
    plugin.parent.mkdir(parents=True, exist_ok=True)
    plugin.write_text(blocks(README, "python")[0], "utf-8")
    info = tmp_path / "yours-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: yours\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(f"[{group}]\n{line.replace(chr(34), '')}\n", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert example.name in [stage.name for stage in pipeline.stages()]
