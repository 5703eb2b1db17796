"""Validation, summary and estimate of `headrace backfill`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from headrace.connectors.backfill.checkpoint import BackfillCounts
from headrace.connectors.backfill.filters import ObjectFilters
from headrace.console.commands.backfill import check_options, parse_time, summary
from headrace.console.errors import CommandError
from headrace.console.pipeline.backfill_estimate import BackfillEstimate
from headrace.console.pipeline.media_kinds import kind_of
from headrace.streams import pipeline
from tests.support.prices import PRICES

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)


@pytest.mark.parametrize("given", ["2026-03-14T12:00:00Z", "2026-03-14T12:00", "2026-03-14T13:00+01:00", "20260314T12"])
def test_times_are_utc_by_default(given: str) -> None:
    assert parse_time("--since", given) == NOON


@pytest.mark.parametrize("given", ["yesterday", "2026-13-01", "0001-01-01T00:00+10:00"])
def test_rejects_invalid_times_with_an_example(given: str) -> None:
    with pytest.raises(CommandError, match=r"--until .*: invalid time. Use 2026-03-14"):
        parse_time("--until", given)


@pytest.mark.parametrize(
    ("filters", "rate", "message"),
    [
        (ObjectFilters(), 0.0, "--rate 0: must be above 0"),
        (ObjectFilters(), float("nan"), "--rate nan"),
        (ObjectFilters(min_size=-1), None, "0 or more"),
        (ObjectFilters(min_size=2, max_size=1), None, "--min-size is above --max-size"),
        (ObjectFilters(since=NOON, until=NOON), None, "--since is not before --until"),
    ],
)
def test_rejects_filters_that_match_nothing(filters: ObjectFilters, rate: float | None, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        check_options(filters, rate)


def test_the_summary_adds_up() -> None:
    counts = BackfillCounts(1200, 3_400_000, {"suffix": 1000, "folder": 1})

    assert summary(counts) == "2,201 listed = 1,200 sent (3.4 MB) + 1,001 filtered (folder 1, suffix 1,000)"


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("a/b.JPG", "image"),
        ("b.mp4", "video"),
        ("c.flac", "audio"),
        ("d.txt", "other"),
        ("e", "other"),
        (".mp4", "other"),
    ],
)
def test_kind_of_a_file_name(key: str, kind: str) -> None:
    assert kind_of(key) == kind


def test_estimate_includes_every_enabled_stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usual = BackfillEstimate(pipeline.stages(), PRICES).price("video", 60.0)
    file = tmp_path / "pipeline.toml"
    file.write_text("[stages.faces]\non = true\n[stages.labels]\non = false\n[stages.segments]\non = true\n", "utf-8")
    monkeypatch.setenv("HEADRACE_PIPELINE", str(file))
    stages = pipeline.stages(pipeline.load_config())
    assert [usual, BackfillEstimate(stages, PRICES).price("video", 60.0)] == pytest.approx([0.224, 0.324])


def test_estimate_lists_its_assumptions() -> None:
    estimate = BackfillEstimate(pipeline.stages(), PRICES)
    for _ in range(500):
        estimate.add("a.jpg", 1_000_000)
    estimate.add("b.mp4", 375_000_000)
    estimate.add("c.mp3", 9_600_000)
    estimate.add("d.txt", 1)

    assert list(estimate.lines()) == [
        "500 image files, 500.0 MB: $1.00",
        "1 video file, 375.0 MB, 10.0 min if it has 5 Mbit/s, $0.224 a minute: $2.24",
        "1 audio file, 9.6 MB, 10.0 min if it has 0.128 Mbit/s, $0.024 a minute: $0.24",
        "1 other file, 1 B: $0.00",
        "about $3.48 at AWS's list prices, if every file is what its name says",
    ]
