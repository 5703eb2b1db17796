"""Outputs of a job, and unsupported settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.sandbox.ai.framework import ffmpeg
from headrace.sandbox.ai.mediaconvert import conversion
from headrace.streams.costs.estimates import estimate
from headrace.streams.stages.transcode import transcode_stage
from tests.support.prices import PRICES
from tests.support.records import ready

VIDEO = {
    "NameModifier": "-hls",
    "ContainerSettings": {"Container": "M3U8"},
    "VideoDescription": {"Width": 160, "Height": 120, "CodecSettings": {"Codec": "H_264"}},
}


def hls(*outputs: Any, **settings: Any) -> dict[str, Any]:
    own = {"Destination": "s3://results/hls/", "SegmentLength": 2, **settings}
    return {"OutputGroupSettings": {"Type": "HLS_GROUP_SETTINGS", "HlsGroupSettings": own}, "Outputs": list(outputs)}


def files(*outputs: Any) -> dict[str, Any]:
    own = {"Destination": "s3://results/"}
    return {"OutputGroupSettings": {"Type": "FILE_GROUP_SETTINGS", "FileGroupSettings": own}, "Outputs": list(outputs)}


@pytest.mark.parametrize(
    ("groups", "why"),
    [
        ([hls(VIDEO)], ""),
        ([], "one group of each type"),
        ([hls(VIDEO), hls(VIDEO)], "one group of each type"),
        ([{"OutputGroupSettings": {"Type": "DASH_ISO_GROUP_SETTINGS"}}], "one group of each type"),
        ([hls(VIDEO, Destination="elsewhere")], "HlsGroupSettings.Destination"),
        ([files(VIDEO)], "for HLS H_264 and AAC in M3U8"),
        ([hls()], "for HLS H_264 and AAC in M3U8"),
    ],
)
def test_names_unsupported_settings(groups: list[Any], why: str) -> None:
    found = conversion.unsupported({"Inputs": [{"FileInput": "s3://media/a.mp4"}], "OutputGroups": groups})
    assert why in found
    assert bool(found) == bool(why)


def test_segments_begin_at_the_cut_and_are_playable(media: Path, tmp_path: Path) -> None:
    made = conversion.make(media / "rabbit.mp4", "a b", hls(VIDEO), VIDEO, tmp_path / "hls")
    [(_, listed), *segments] = made.files
    lines = listed.read_text("utf-8").splitlines()
    lengths = [float(line[8:-1]) for line in lines if line.startswith("#EXTINF:")]
    assert lines[-1] == "#EXT-X-ENDLIST"
    assert [line for line in lines if not line.startswith("#")] == [f"a%20b-hls_0000{n}.ts" for n in (1, 2, 3, 4)]
    assert [ending for ending, _ in segments] == [f"_0000{n}.ts" for n in (1, 2, 3, 4)]
    assert lengths[:3] == pytest.approx([2.0] * 3, abs=0.1)
    assert sum(lengths) == pytest.approx(ffmpeg.probe(media / "rabbit.mp4").duration, abs=0.2)
    assert conversion.playlist([("a b-hls", made)]).splitlines()[2:] == [
        f"#EXT-X-STREAM-INF:BANDWIDTH={made.peak},RESOLUTION=160x120",
        "a%20b-hls.m3u8",
    ]
    assert made.peak >= sum(file.stat().st_size for _, file in segments) * 8 / sum(lengths)


@pytest.mark.parametrize(("streamed", "usd"), [(False, 0.45), (True, 0.9)])
def test_a_stream_is_paid_besides_the_proxy(streamed: bool, usd: float) -> None:
    assert estimate(transcode_stage(hls=streamed), ready(kind="video", duration_seconds=3600.0), PRICES) == usd
