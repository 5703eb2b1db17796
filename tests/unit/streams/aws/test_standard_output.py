"""Tests of the standard output of Bedrock Data Automation, with the examples of its User Guide and damaged ones."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.schemas.parsing import InvalidValueError
from headrace.streams.aws.data_automation import DataAutomation
from headrace.streams.aws.standard_output import insights_of, read_output
from headrace.streams.errors import PermanentError
from headrace.streams.insights import FilePart, FoundText, Insights, UnsafeContent
from headrace.streams.settings import StreamSettings
from tests.support.fake_services import MemoryBucket
from tests.support.prices import PRICES
from tests.unit.streams.aws.test_job_status import ScriptedAws

SAID = {
    "start_timestamp_millis": 0,
    "end_timestamp_millis": 1970,
    "segment_index": 0,
    "type": "TRANSCRIPT",
    "text": "Auto sales, how can I help you?",
    "speaker": {"speaker_label": "spk_0"},
}
FRAME = {
    "timecode_smpte": "00:00:03:15",
    "timestamp_millis": 3500,
    "frame_index": 105,
    "content_moderation": [{"category": "Alcohol", "confidence": 0.9, "parent_name": None}],
    "text_words": [{"type": "TEXT_WORD", "confidence": 0.99, "text": "ANDREA"}, {"text": "LEE"}],
}
VIDEO: dict[str, Any] = {
    "metadata": {"asset_id": "0", "semantic_modality": "VIDEO", "duration_millis": 378233, "codec": "h264"},
    "shots": [{"shot_index": 3, "start_timestamp_millis": 8633}],
    "video": {"summary": "Two people talk.", "transcript": {"representation": {"text": "Auto sales"}}},
    "chapters": [
        {
            "start_timestamp_millis": 0,
            "end_timestamp_millis": 8600,
            "summary": "A venue.",
            "audio_segments": [SAID, {**SAID, "type": "OTHER", "text": "noise"}],
            "frames": [FRAME, {**FRAME, "timestamp_millis": 4000}, {**FRAME, "text_words": None}],
        }
    ],
    "statistics": {"shot_count": 148, "chapter_count": 11},
}
AUDIO: dict[str, Any] = {
    "metadata": {"semantic_modality": "AUDIO", "duration_millis": 237560},
    "audio": {"summary": "A call.", "transcript": {"representation": {"text": SAID["text"]}}},
    "audio_segments": [SAID],
    "topics": [{"topic_index": 0, "start_timestamp_millis": 0, "end_timestamp_millis": 36790, "summary": "Oil."}],
    "content_moderation": [
        {
            "type": "AUDIO_MODERATION",
            "confidence": 0.0476,
            "start_timestamp_millis": 2000,
            "moderation_categories": [
                {"category": "profanity", "confidence": 0.1582},
                {"category": "insult", "confidence": 0.75},
            ],
        }
    ],
}
IMAGE: dict[str, Any] = {
    "metadata": {"semantic_modality": "IMAGE", "image_width_pixels": 1920},
    "image": {
        "summary": "A party.",
        "content_moderation": [
            {"category": "Smoking", "confidence": 0.7, "parent_name": "Drugs & Tobacco"},
            {"category": "Drugs & Tobacco", "confidence": 0.4},
        ],
        "text_lines": [{"id": "line_1", "text": "lively party"}, {"id": "line_2", "text": "lively  party"}],
    },
}
DOCUMENT: dict[str, Any] = {
    "metadata": {"semantic_modality": "DOCUMENT", "number_of_pages": 2},
    "document": {"representation": {"markdown": "# One"}, "description": "A letter.", "summary": {}},
    "pages": [{"page_index": 0, "representation": {"markdown": "# One"}}, {"page_index": 1, "representation": None}],
}


def insights(*outputs: dict[str, Any], min_confidence: float = 50.0) -> Insights:
    return insights_of([read_output(json.dumps(each).encode()) for each in outputs], min_confidence)


def test_video_has_chapters_speech_text_and_unsafe_content() -> None:
    assert insights(VIDEO) == Insights(
        modality="video",
        summary="Two people talk.",
        parts=(FilePart(1, "A venue.", 0.0, 8.6),),
        speech=(FoundText("Auto sales, how can I help you?", 0.0, 1.97),),
        visible=(FoundText("ANDREA LEE", 3.5),),
        unsafe=(UnsafeContent("Alcohol", 90.0, start=3.5),),
    )


def test_video_without_segments_has_its_transcript() -> None:
    silent = {**VIDEO, "chapters": None}
    assert insights(silent).text == "Auto sales"


def test_sound_has_topics_and_the_categories_that_are_sure_enough() -> None:
    found = insights(AUDIO)
    assert (found.modality, found.parts, found.text) == ("audio", (FilePart(1, "Oil.", 0.0, 36.79),), SAID["text"])
    assert found.unsafe == (UnsafeContent("insult", 75.0, start=2.0),)
    assert [each.name for each in insights(AUDIO, min_confidence=10.0).unsafe] == ["insult", "profanity"]


def test_image_has_each_text_once() -> None:
    found = insights(IMAGE)
    assert (found.modality, found.summary, found.text) == ("image", "A party.", "lively party")
    assert found.unsafe == (UnsafeContent("Smoking", 70.0, "Drugs & Tobacco"),)


def test_documents_of_one_file_are_joined() -> None:
    found = insights(DOCUMENT, DOCUMENT)
    assert [(each.number, each.text) for each in found.parts] == [(1, "# One"), (2, ""), (3, "# One"), (4, "")]
    assert found.summary == "A letter.\n\nA letter."


@pytest.mark.parametrize(
    "output",
    [
        {"metadata": {"semantic_modality": "MODEL"}},
        {"metadata": {}},
        [],
        {**VIDEO, "chapters": "none"},
        {**VIDEO, "metadata": {"semantic_modality": 7}},
    ],
)
def test_damaged_output_is_refused(output: Any) -> None:
    with pytest.raises((ValueError, InvalidValueError)):
        insights(output)


def automation(**files: Any) -> DataAutomation:
    """Return an adapter for a finished job, with these files in its output."""
    bucket = MemoryBucket()
    bucket.objects = {f"_insights/{name}": json.dumps(content).encode() for name, content in files.items()}
    response = {"status": "Success", "outputConfiguration": {"s3Uri": "s3://results/_insights/metadata"}}
    return DataAutomation(ScriptedAws(response), bucket, StreamSettings(results_bucket="results"), PRICES)


def metadata(*paths: str | None) -> dict[str, Any]:
    return {"output_metadata": [{"segment_metadata": [{"standard_output_path": path} for path in paths]}]}


@pytest.mark.parametrize(
    ("output", "units", "unit", "usd"),
    [(VIDEO, 378.233 / 60, "minute", 0.315194), (AUDIO, 237.56 / 60, "minute", 0.023756), (IMAGE, 1, "image", 0.003)],
)
async def test_charge_is_by_the_kind_of_the_file(output: dict[str, Any], units: float, unit: str, usd: float) -> None:
    found = await automation(metadata=metadata("s3://results/_insights/a"), a=output).get_result("job", 9.0)
    (charge,) = found.charges
    assert (charge.units, charge.unit, round(charge.usd, 6)) == (units, unit, usd)
    assert json.loads(found.answer) == [output]


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({}, "result_missing"),
        ({"metadata": metadata("s3://results/_insights/gone")}, "result_missing"),
        ({"metadata": metadata("s3://elsewhere/_insights/a"), "a": IMAGE}, "result_missing"),
        ({"metadata": metadata(None)}, "invalid_answer"),
        ({"metadata": {"output_metadata": None}}, "invalid_answer"),
        ({"metadata": []}, "invalid_answer"),
        ({"metadata": metadata("s3://results/_insights/a"), "a": [1]}, "invalid_answer"),
    ],
)
async def test_job_without_a_readable_output_is_a_dead_letter(files: dict[str, Any], code: str) -> None:
    with pytest.raises(PermanentError) as raised:
        await automation(**files).get_result("job", 9.0)
    assert raised.value.code == code
