"""Label images and sampled frames of videos with a model of the user's own, which Headrace never starts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from headrace.schemas.records import CustomLabelsDetected, MediaReady
from headrace.schemas.topics import CUSTOM_LABELS, READY
from headrace.streams.handlers import Transform
from headrace.streams.search_text import SearchText
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from headrace.streams.stages._frame_answers import detect_in_frames
from headrace.streams.stages._inputs import picture_for

# Amazon Rekognition API Reference, DescribeProjectVersions.
PROJECT = re.compile(r"arn:[a-z\d-]+:rekognition:[a-z\d-]+:\d{12}:project/[a-zA-Z0-9_.-]{1,255}/[0-9]{1,20}")
VERSION_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,255}")
MOST_LABELS = 20
SHOWN = 3
SAMPLING_SECONDS = 3_600.0
"""The deadline: the frames of a long video take a while."""


def custom_labels_stage(project: str = "", version: str = "", options: tuple[str, ...] = ()) -> Stage:
    """Build the stage for a version of a project of Rekognition Custom Labels: the project's ARN, the version's name.

    Raises ValueError if one is neither empty nor of the form that the service accepts.
    """
    if project and not PROJECT.fullmatch(project):
        form = "arn:aws:rekognition:REGION:ACCOUNT:project/NAME/TIMESTAMP"
        raise ValueError(f"project = {project!r}: use the ARN of a project, {form}")
    if version and not VERSION_NAME.fullmatch(version):
        raise ValueError(f"version = {version!r}: use the name of a version, such as the one in its ARN")

    async def detect(media: MediaReady, services: Services) -> CustomLabelsDetected:
        custom = replace(services, vision=await services.vision.with_model(project, version))
        if media.kind == "video":
            found = await detect_in_frames("custom", media, custom)
        else:
            picture = await picture_for("rekognition", "DetectCustomLabels", media, services)
            found = await custom.vision.detect("custom", picture)
        file = f"{services.result_name}.answer.json"
        return CustomLabelsDetected(
            asset=media.asset,
            labels=tuple(found.detections[:MOST_LABELS]),
            count=len(found.detections),
            model=found.model,
            result=await services.blobs.put_blob(media.asset, file, found.answer, "application/json"),
            charges=found.charges,
        )

    return Stage(
        "custom-labels",
        reads=(READY,),
        writes=CUSTOM_LABELS,
        when={"kind": ["image", "video"]},
        handler=Transform(detect),
        options=options,
        factory=custom_labels_stage,
        required=("project", "version"),
        paid_operations=("rekognition.detect_custom_labels", "rekognition.describe_project_versions"),
        programs=("ffmpeg",),
        deadline_seconds=SAMPLING_SECONDS,
        summary=_summary,
        search=_search_texts,
    )


def _summary(event: CustomLabelsDetected) -> str:
    shown = [label.name for label in event.labels[:SHOWN]]
    more = event.count - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more and shown else "") or "nothing recognised"


def _search_texts(event: CustomLabelsDetected) -> Iterator[SearchText]:
    for label in event.labels:
        for at in label.at_seconds or (None,):
            yield SearchText("label", label.name, confidence=label.confidence, start=at, end=at)


STAGE = custom_labels_stage()
