"""`headrace search` as a user runs it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from typer.testing import CliRunner

from headrace.console.app.main import app
from headrace.console.commands import search as command
from headrace.console.errors import CommandError
from headrace.console.search.request import Moment
from headrace.console.views import database
from tests.unit.console.search.conftest import sqlite
from tests.unit.console.search.corpus import Corpus
from tests.unit.console.search.test_like import add_vectors

__all__ = ["sqlite"]  # a fixture

WIDE = {"COLUMNS": "200"}


class CorpusViews:
    """The views of a corpus."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        with self._corpus.engine.connect() as connection:
            yield connection


@pytest.fixture
def corpus(sqlite: Corpus, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    """The views with one recording."""
    of = sqlite.speech("jfk.flac", "And so, my fellow Americans, ask not what your country can do.", kind="audio")
    sqlite.done(of, "transcript", "s3://results/jfk.json")
    sqlite.picture(of, 0.0)
    sqlite.index()
    monkeypatch.setattr(database, "open_views", lambda: CorpusViews(sqlite))
    return sqlite


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["search", *arguments], env=WIDE)


def test_match_is_printed_with_time_and_locations(corpus: Corpus) -> None:
    shown = run("country")
    assert shown.exit_code == 0
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert lines == [
        "s3://media/jfk.flac audio 1 passage",
        "0:05.5 transcript And so, my fellow Americans, ask not what your country can do. 90 %",
        "result s3://results/jfk.json",
        "thumbnail s3://results/0.jpg",
    ]


def test_json_has_every_field(corpus: Corpus) -> None:
    page = json.loads(run("country", "--json").stdout)
    [asset] = page["assets"]
    [moment] = asset["moments"]
    assert (asset["bucket"], asset["key"], page["next"], page["complete"]) == ("media", "jfk.flac", None, True)
    assert (moment["seconds"], moment["matches"], moment["kind"]) == (5.5, [[47, 54]], "transcript")


def test_no_match_is_no_error(corpus: Corpus) -> None:
    shown = run("absent")
    assert (shown.exit_code, shown.stdout) == (0, "no matches\n")
    assert json.loads(run("absent", "--json").stdout)["assets"] == []


def test_next_page_is_named(corpus: Corpus) -> None:
    for name in ("a", "b"):
        corpus.speech(name, "a river.")
    corpus.index()
    first = run("river", "--limit", "1")
    token = first.stderr.split("--after ")[1].strip()
    second = run("river", "--limit", "1", "--after", token)
    assert ("s3://media/a " in first.stdout, "s3://media/b " in second.stdout, second.stderr) == (True, True, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "a search needs a text"),
        (["?"], "no word"),
        (["a", "--kind", "film"], "--kind film: use one of image, video, audio, other"),
        (["a", "--has", "labls"], "no stage labls; there are"),
        (["a", "--label", " "], "--label needs a name"),
        (["a", "--since", "yesterday"], "--since yesterday: invalid time"),
        (["a", "--since", "2026-02-01", "--until", "2026-01-01"], "--since is not before --until"),
        (["a", "--min-confidence", "101"], "--min-confidence 101: from 0 to 100"),
        (["a", "--limit", "0"], "--limit 0: from 1 to 100"),
        (["a", "--after", "x"], "--after is invalid"),
        (["--like", "s3://media"], "write an asset as s3://bucket/key"),
        (["--like", "s3://media/jfk.flac"], "s3://media/jfk.flac has no vectors"),
        (["--like", "rivers"], "set on = true in [stages.embedding] of the file of HEADRACE_PIPELINE"),
    ],
)
def test_invalid_option_is_one_clear_error(corpus: Corpus, arguments: list[str], message: str) -> None:
    shown = run(*arguments)
    assert (shown.exit_code, shown.stdout, shown.stderr.count("\n")) == (1, "", 1)
    assert message in shown.stderr


@pytest.fixture
def embedded(corpus: Corpus) -> Corpus:
    """The views with vectors of two more assets."""
    for key, text in (("a.mp4", "Whales swim in rivers."), ("b.mp4", "Rivers with whales.")):
        add_vectors(corpus, corpus.upload(key), "A budget of taxes.", text)
    corpus.index()
    return corpus


@pytest.fixture
def pipeline_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "pipeline.toml"
    path.write_text("[stages.embedding]\non = true\ndimensions = 256\n")
    monkeypatch.setenv("HEADRACE_PIPELINE", str(path))
    return path


def test_assets_like_an_asset_have_moments_and_similarities(embedded: Corpus) -> None:
    shown = run("--like", "s3://media/a.mp4")
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert (shown.exit_code, lines[0]) == (0, "s3://media/b.mp4 video 2 passages")
    assert re.fullmatch(r"0:00.0 transcript A budget of taxes\. similarity 0\.\d\d", lines[1])
    [asset] = json.loads(run("--like", "s3://media/a.mp4", "--json").stdout)["assets"]
    assert asset["score"] == asset["moments"][0]["similarity"] > asset["moments"][1]["similarity"]
    assert "not both" in run("river", "--like", "s3://media/a.mp4").stderr


def test_text_without_credentials_is_one_clear_error(
    embedded: Corpus, pipeline_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    shown = run("--like", "rivers")
    assert (shown.exit_code, shown.stdout, shown.stderr.count("\n")) == (1, "", 1)
    assert "--like needs one call of amazon.titan-embed-text-v2:0 on Bedrock" in shown.stderr
    assert "credentials" in shown.stderr


def test_other_model_is_rejected_before_the_call(embedded: Corpus, pipeline_file: Path) -> None:
    pipeline_file.write_text("[stages.embedding]\non = true\ndimensions = 1024\n")
    shown = run("--like", "rivers")
    assert (shown.exit_code, shown.stdout, shown.stderr.count("\n")) == (1, "", 1)
    assert "256 dimensions, and the pipeline file names" in shown.stderr


def test_missing_views_name_the_command_that_builds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "open_views", lambda: None)
    with pytest.raises(CommandError, match="headrace views run"):
        command.search("country")


@pytest.mark.parametrize(
    ("moment", "position"),
    [
        (Moment("page", "documents", "", page=3), "page 3"),
        (Moment("label", "labels", ""), ""),
        (Moment("label", "labels", "", seconds=0.0), "0:00.0"),
        (Moment("label", "labels", "", seconds=59.96), "1:00.0"),
        (Moment("label", "labels", "", seconds=3_725.25), "1:02:05.2"),
    ],
)
def test_positions(moment: Moment, position: str) -> None:
    assert command.position(moment) == position
