"""Tests of the checks at the start of a worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.streams.worker.host import _ffmpeg_error
from tests.support.stages import get_stages


def test_missing_ffmpeg_is_reported_with_the_stages_that_need_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "none"))

    reason = _ffmpeg_error(get_stages(["probe", "thumbnails", "labels"]))

    assert reason.startswith("probe, thumbnails: ffmpeg cannot be started")
    assert "IMAGEIO_FFMPEG_EXE" in reason
    assert _ffmpeg_error(get_stages(["labels", "scan"])) == ""


def test_bundled_ffmpeg_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMAGEIO_FFMPEG_EXE", raising=False)
    assert _ffmpeg_error(get_stages(["probe"])) == ""
