"""Read a whole file with Bedrock Data Automation: its summary, chapters or pages, texts and unsafe content."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

import msgspec

from headrace.schemas.jobs import DATA_AUTOMATION
from headrace.schemas.parsing import parse_struct
from headrace.schemas.records import InsightPart, InsightsExtracted, Label, MediaReady
from headrace.schemas.topics import INSIGHTS, READY
from headrace.streams.handlers import AsyncJob, FinishedJob
from headrace.streams.insights import InsightProject, Insights
from headrace.streams.limits.input_check import accepted_encoding
from headrace.streams.limits.service_inputs import media_rule
from headrace.streams.search_text import SearchProseKind, SearchText
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from headrace.streams.stages._inputs import Proxied, from_proxy, media_for, picture_for
from headrace.streams.stages._text import excerpt

OPERATION = "InvokeDataAutomationAsync"
# Amazon Bedrock API Reference, InvokeDataAutomationAsync: at most 128 characters.
_ARN = r"(?=.{1,128}$)arn:aws(|-cn|-iso|-iso-[a-z]|-us-gov):bedrock:[a-z0-9-]+:"
PROJECT = re.compile(_ARN + r"(aws|[0-9]{12}):data-automation-project/[a-zA-Z0-9-_]+")
PROFILE = re.compile(_ARN + r"(aws|[0-9]{12}):data-automation-profile/[a-zA-Z0-9-_.]+")
LONGEST_SUMMARY = 2_000
MOST_PARTS = 50
MOST_LABELS = 20
SHOWN = 80
"""Characters of a summary in a list of results."""
DOCUMENTS = ["application/pdf"]
"""Content types of files that are no image, sound or video."""
_PART_KINDS: dict[str, SearchProseKind] = {"document": "page", "audio": "chapter", "video": "chapter"}


def data_automation_stage(profile: str = "", project: str = "", options: tuple[str, ...] = ()) -> Stage:
    """Build the stage: the ARN of the profile of regions, and of the project (default: the output that AWS configures).

    Raises ValueError if one is neither empty nor of the form that the service accepts.
    """
    if profile and not PROFILE.fullmatch(profile):
        form = "arn:aws:bedrock:REGION:ACCOUNT:data-automation-profile/us.data-automation-v1"
        raise ValueError(f"profile = {profile!r}: use the ARN of a profile, {form}")
    if project and not PROJECT.fullmatch(project):
        form = "arn:aws:bedrock:REGION:ACCOUNT:data-automation-project/ID"
        raise ValueError(f"project = {project!r}: use the ARN of a project, {form}")

    async def start(record: Proxied, token: str, services: Services) -> str:
        if isinstance(record, MediaReady) and record.kind == "image":
            media = await picture_for(DATA_AUTOMATION, OPERATION, record, services)
        else:
            media = media_for(DATA_AUTOMATION, record)
        return await services.extractor.start(media, token, InsightProject(project, profile))

    async def finish(finished: FinishedJob, services: Services) -> InsightsExtracted:
        seconds = getattr(finished.record, "duration_seconds", None) or 0.0
        extracted = await services.extractor.get_result(finished.job.job_id, seconds)
        put_blob, name, found = services.blobs.put_blob, stage.result_name, extracted.insights
        stored = msgspec.json.encode(found)
        return InsightsExtracted(
            asset=finished.asset,
            modality=found.modality,
            summary=excerpt(found.summary, LONGEST_SUMMARY),
            parts=_parts(found),
            part_count=len(found.parts),
            words=len(found.text.split()),
            excerpt=excerpt(found.text),
            unsafe=tuple(
                Label(name=each.name, confidence=each.confidence, parent=each.parent or None)
                for each in found.unsafe[:MOST_LABELS]
            ),
            unsafe_count=len(found.unsafe),
            result=await put_blob(finished.asset, f"{name}.insights.json", stored, "application/json"),
            answer=await put_blob(finished.asset, f"{name}.answer.json", extracted.answer, "application/json"),
            charges=extracted.charges,
        )

    video = {"kind": ["video"], **accepted_encoding(media_rule(DATA_AUTOMATION, OPERATION))}
    others = {"$or": [{"kind": ["image", "audio"]}, {"content_type": DOCUMENTS}]}
    stage = Stage(
        "data-automation",
        reads=(READY,),
        writes=INSIGHTS,
        when={"$or": [{"kind": ["image", "video", "audio"]}, {"content_type": DOCUMENTS}]},
        when_proxied={"$or": [others, video, from_proxy(DATA_AUTOMATION)]},
        handler=AsyncJob(DATA_AUTOMATION, OPERATION, start, finish),
        options=options,
        factory=data_automation_stage,
        required=("profile",),
        paid_operations=tuple(
            f"{DATA_AUTOMATION}.{call}" for call in ("invoke_data_automation_async", "get_data_automation_status")
        ),
        summary=_summary,
        search=_search_event,
        search_stored=_search_stored,
    )
    return stage


def _parts(found: Insights) -> tuple[InsightPart, ...]:
    return tuple(
        InsightPart(number=each.number, text=excerpt(each.text), start_seconds=each.start, end_seconds=each.end)
        for each in found.parts[:MOST_PARTS]
    )


def _summary(event: InsightsExtracted) -> str:
    """Return the surest unsafe content, and the summary, or how many parts and words there are."""
    kind = _PART_KINDS.get(event.modality, "part")
    text = textwrap.shorten(event.summary, SHOWN, placeholder=" …")
    unsafe = "".join(f"unsafe: {label.name}; " for label in event.unsafe[:1])
    return unsafe + (text or f"{event.part_count} {kind}s, {event.words} words")


def _search_event(event: InsightsExtracted) -> Iterator[SearchText]:
    yield SearchText("summary", event.summary)
    for each in event.parts:
        yield _part_text(event.modality, each.number, each.text, each.start_seconds, each.end_seconds)
    for label in event.unsafe:
        yield SearchText("moderation", label.name, category=label.parent or "", confidence=label.confidence)


def _search_stored(content: bytes) -> Iterator[SearchText]:
    """Yield the texts of a stored result. Raises `InvalidValueError`."""
    found = parse_struct(content, Insights)
    yield SearchText("summary", found.summary)
    for part in found.parts:
        yield _part_text(found.modality, part.number, part.text, part.start, part.end)
    for spoken in found.speech:
        yield SearchText("transcript", spoken.text, start=spoken.start, end=spoken.end)
    for seen in found.visible:
        yield SearchText("text-in-video", seen.text, start=seen.start, end=seen.end)
    for unsafe in found.unsafe:
        yield SearchText(
            "moderation", unsafe.name, unsafe.parent, unsafe.confidence, start=unsafe.start, end=unsafe.start
        )


def _part_text(modality: str, number: int, text: str, start: float | None, end: float | None) -> SearchText:
    kind = _PART_KINDS.get(modality, "page")
    return SearchText(kind, text, start=start, end=end, page=number if kind == "page" else None)


STAGE = data_automation_stage()
