"""Tables of the stages of a pipeline, and of their costs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import msgspec

from headrace.console.pipeline.fan_out import accepts
from headrace.console.pipeline.media_kinds import ready_media
from headrace.console.terminal.screen import Table
from headrace.schemas.records import Asset, Event, MediaReady, MediaTranscribed, Pointer
from headrace.streams.costs.estimates import estimate
from headrace.streams.costs.prices import PriceList
from headrace.streams.pipeline_config import settings_of
from headrace.streams.stage import Stage

_ASSET = Asset(bucket="", key="", version="", etag="", size=0, sequencer="")
_NOWHERE = Pointer(bucket="", key="", size=0, sha256="", content_type="")
HOUR = 3600.0
_WORDS = MediaTranscribed(
    asset=_ASSET, language="en-US", excerpt="", words=1000, result=_NOWHERE, subtitles=_NOWHERE, charges=()
)
"""A transcript: it has subtitles, which documents do not have."""
VIDEO, SAMPLED = "hour of video", "as frames"
EXAMPLES: dict[str, Event] = {
    "image": ready_media("image"),
    VIDEO: ready_media("video", HOUR),
    "hour of sound": ready_media("audio", HOUR),
    "1,000 words": _WORDS,
}
COLUMNS = ("image", VIDEO, SAMPLED, "hour of sound", "1,000 words")


def stages_table(on: Sequence[Stage], every: Iterable[Stage]) -> Table:
    """Build a table of all stages; disabled ones are dimmed."""
    table = Table("stage", "on", "reads", "writes", "for", box=None, pad_edge=False, header_style="bold")
    running = {stage.name: stage for stage in on}
    for known in (*every, *(stage for stage in on if stage.name == "completed")):
        stage = running.get(known.name, known)
        reads = (
            ", ".join(topic.name for topic in stage.reads) if len(stage.reads) < 4 else "every result and dead letter"
        )
        writes = stage.writes.name if stage.writes else ""
        table.add_row(
            stage.name,
            "on" if stage.name in running else "off",
            reads,
            writes,
            _for(stage),
            style="" if stage.name in running else "dim",
        )
    return table


def costs_table(stages: Sequence[Stage], prices: PriceList) -> Table:
    """Build a table of the cost of each paid stage per example; a dash if the stage skips it.

    A stage that can send frames of a video has both prices; the one that is not used is in brackets.
    """
    table = Table("stage", box=None, pad_edge=False, header_style="bold")
    for name in COLUMNS:
        table.add_column(name, justify="right")
    sums = dict.fromkeys(COLUMNS, 0.0)
    for stage in stages:
        if stage.paid_operations:
            costs = _costs(stage, prices)
            for name, usd in costs.items():
                sums[name] += usd if isinstance(usd, float) else 0.0
            table.add_row(stage.name, *(usd if isinstance(usd, str) else f"{usd:.4f}" for usd in costs.values()))
    table.add_row("all", *(f"{usd:.4f}" for usd in sums.values()), style="bold")
    return table


def _costs(stage: Stage, prices: PriceList) -> dict[str, float | str]:
    """Return the costs of a stage by column; a text is no cost of the stage as it is configured."""
    costs = {name: cost_of(stage, record, prices) for name, record in EXAMPLES.items()}
    is_sampling = "sample" in settings_of(stage) and stage.job is None
    used, unused = (SAMPLED, VIDEO) if is_sampling else (VIDEO, SAMPLED)
    both: dict[str, float | str] = {used: costs[VIDEO], unused: "-"}
    if "sample" in settings_of(stage) and stage.factory is not None:
        other = stage.factory(sample="" if is_sampling else "scenes")
        usd = cost_of(other, EXAMPLES[VIDEO], prices)
        both[unused] = f"[{usd:.4f}]" if isinstance(usd, float) else usd
    return {name: both.get(name, costs.get(name, "-")) for name in COLUMNS}


def transcribed_words(words: int) -> MediaTranscribed:
    """Return the record of a transcript with this number of words."""
    return msgspec.structs.replace(_WORDS, words=words)


def cost_of(stage: Stage, record: Event, prices: PriceList) -> float | str:
    """Return US dollars; a dash if the stage skips the record, a question mark if it does not determine the cost."""
    reads_it = (stage.reads[0].events[0] is MediaReady) == isinstance(record, MediaReady)
    if not reads_it or (isinstance(record, MediaReady) and not accepts(stage, record)):
        return "-"
    usd = estimate(stage, record, prices)
    return "?" if usd is None else usd


def _for(stage: Stage) -> str:
    patterns = [json.dumps(pattern, ensure_ascii=False) for pattern in stage.patterns]
    return " and ".join(patterns) or "all"
