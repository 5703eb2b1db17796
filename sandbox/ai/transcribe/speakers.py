"""Add speaker labels to a transcript. Every segment has the same speaker: no model separates them."""

from __future__ import annotations

from typing import Any

SPEAKER = {"speaker_label": "spk_0"}


def with_speaker_labels(document: dict[str, Any]) -> dict[str, Any]:
    """Return a transcript with the labels of a job with `ShowSpeakerLabels`, marked as synthetic."""
    results = document["results"]
    items = [{**item, **SPEAKER} for item in results["items"]]
    segments = [{**segment, **SPEAKER} for segment in results["audio_segments"]]
    labels = {"channel_label": "ch_0", "speakers": 1, "segments": [_labelled(each, items) for each in segments]}
    labelled = {"items": items, "audio_segments": segments, "speaker_labels": labels, "synthetic_speakers": True}
    return {**document, "results": {**results, **labelled}}


def _labelled(segment: dict[str, Any], items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a segment of `speaker_labels`: the times of its words."""
    words = [items[number] for number in segment["items"] if "start_time" in items[number]]
    return {**_times(segment), "items": [_times(word) for word in words]}


def _times(part: dict[str, Any]) -> dict[str, Any]:
    return {name: part[name] for name in ("start_time", "end_time", "speaker_label")}
