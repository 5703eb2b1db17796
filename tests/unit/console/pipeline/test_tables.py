"""`headrace pipeline` and what a pipeline costs."""

from __future__ import annotations

import re
from pathlib import Path

from typer.testing import CliRunner

from headrace.console.app.main import app
from headrace.console.assets.projection import AssetProjection
from headrace.console.kafka.entry import open_record
from headrace.console.pipeline import spent
from tests.support.records import CODEC, received
from tests.unit.console.asset_history import labelled

ALL = str(Path(__file__).parents[4] / "sandbox" / "demo" / "all_stages.toml")


def run(*arguments: str, columns: int = 200, **settings: str) -> str:
    done = CliRunner().invoke(app, ["pipeline", *arguments], env={"COLUMNS": str(columns), **settings})
    assert done.exit_code == 0, done.output
    return done.stdout


def test_table_shows_every_stage_as_on_or_off() -> None:
    rows = {line.split()[0]: line.split()[1] for line in run("show").splitlines()[1:] if not line.startswith(" ")}
    assert (rows["labels"], rows["faces"], rows["completed"]) == ("on", "off", "on")


def test_pattern_is_shown_unchanged() -> None:
    assert '"version_id": [null]' in " ".join(run("show", columns=400).split())


def test_valid_file_is_summarized_with_warnings() -> None:
    output = run("check", ALL, HEADRACE_SLOTS="labels=25", HEADRACE_RESULTS_BUCKET="results")
    assert re.search(r"^\S+: \d+ stages, \d+ of them paid$", output, re.MULTILINE)
    assert "note: rekognition runs 20 jobs at a time" in output


def test_stages_that_share_a_quota_need_no_warning() -> None:
    assert "note:" not in run("check", ALL)


def test_invalid_file_is_rejected(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.toml"
    file.write_text("[stages.voice]\non = true\n", "utf-8")
    done = CliRunner().invoke(app, ["pipeline", "check", str(file)])
    assert done.exit_code == 1
    assert "translation is off" in done.output


def test_costs_cover_the_media_a_stage_accepts() -> None:
    rows = {line.split()[0]: line.split()[1:] for line in run("cost", ALL).splitlines()[1:]}
    assert rows["labels"] == ["0.0010", "6.0000", "[1.2000]", "-", "-"]
    assert rows["transcript"] == ["-", "1.4400", "-", "1.4400", "-"]
    assert rows["entities"] == ["-", "-", "-", "-", "0.0060"]
    assert rows["translation"] == ["-", "-", "-", "-", "0.1800"], "the transcript and its subtitles"


def test_costs_show_frames_and_the_video_api(tmp_path: Path) -> None:
    file = tmp_path / "pipeline.toml"
    file.write_text('[stages.labels]\nsample = "scenes"\n', "utf-8")
    rows = {line.split()[0]: line.split()[1:] for line in run("cost", str(file)).splitlines()[1:]}
    assert rows["labels"] == ["0.0010", "[6.0000]", "1.2000", "-", "-"]
    assert rows["moderation"] == ["0.0010", "6.0000", "[1.2000]", "-", "-"]
    assert rows["all"] == ["0.0020", "7.4400", "1.2000", "1.4400", "0.0000"]


def test_spending_counts_each_result_once() -> None:
    progress = AssetProjection()
    for _ in range(2):
        progress.take(open_record(received(labelled(usd=0.25), source="headrace/labels"), CODEC))
    assert spent.spent(progress, "stage") == {"labels": 0.25}
    assert sum(spent.spent(progress, "day").values()) == 0.25
    [asset] = spent.spent(progress, "asset")
    assert "/" in asset
