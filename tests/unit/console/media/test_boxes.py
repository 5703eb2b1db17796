"""Boxes and shots of Rekognition's answers."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from headrace.console.media.boxes import DetectedShot, PictureBox, read_boxes, read_people, read_shots

AREA = {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}


def boxes(**answer: Any) -> list[PictureBox]:
    return read_boxes(json.dumps(answer).encode())


def test_reads_a_label_of_an_image_and_of_a_video() -> None:
    instances = [{"BoundingBox": AREA, "Confidence": 99.0}]
    image = boxes(Labels=[{"Name": "Cat", "Instances": instances}, {"Name": "Indoors", "Instances": []}])
    video = boxes(Labels=[{"Timestamp": 500, "Label": {"Name": "Cat", "Instances": instances}}])
    assert image == [PictureBox("label", "Cat", 99.0, None, 0.1, 0.2, 0.3, 0.4)]
    assert video == [PictureBox("label", "Cat", 99.0, 0.5, 0.1, 0.2, 0.3, 0.4)]


def test_reads_faces_and_lines_of_text_but_no_words() -> None:
    geometry = {"BoundingBox": AREA}
    texts = [{"DetectedText": kind, "Type": kind, "Geometry": geometry} for kind in ("LINE", "WORD")]
    assert [each.text for each in boxes(FaceDetails=[{"BoundingBox": AREA}], TextDetections=texts)] == ["face", "LINE"]
    assert [each.seconds for each in boxes(Faces=[{"Timestamp": 1000, "Face": {"BoundingBox": AREA}}])] == [1.0]


def test_reads_the_faces_of_a_collection() -> None:
    def people(**answer: Any) -> list[tuple[str, float | None]]:
        return [(each.text, each.seconds) for each in read_people(json.dumps(answer).encode())]

    face = {"BoundingBox": AREA, "Confidence": 99.0}
    assert people(FaceRecords=[{"Face": {**face, "FaceId": "a"}, "FaceDetail": face}], Searches=[]) == [("a", None)]
    person = {"Timestamp": 2500, "Person": {"Index": 0, "Face": face}}
    matches = [{"Similarity": 98.0, "Face": {"FaceId": "b"}}]
    assert people(Persons=[{**person, "FaceMatches": matches}, {**person, "FaceMatches": []}]) == [("b", 2.5)]
    assert people(FaceMatches=[]) == []


def test_reads_shots() -> None:
    segment = {"StartTimestampMillis": 0, "EndTimestampMillis": 2500}
    cue = {**segment, "TechnicalCueSegment": {"Type": "BlackFrames", "Confidence": 80}}
    answer = {"Segments": [{**segment, "Type": "SHOT", "ShotSegment": {"Confidence": 90}}, cue]}
    shots = read_shots(json.dumps(answer).encode())
    assert shots == [DetectedShot("SHOT", 0.0, 2.5, 90.0), DetectedShot("BlackFrames", 0.0, 2.5, 80.0)]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"Labels": [{"Instances": [{"BoundingBox": "no"}]}]}'])
def test_rejects_another_document(content: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        read_boxes(content)
