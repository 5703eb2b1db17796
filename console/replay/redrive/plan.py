"""Plan a redrive: the dead letters to send back to a stage, a forecast, and the active workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from headrace.console.dlq import dispositions
from headrace.console.dlq.dispositions import Disposition
from headrace.console.errors import CommandError
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.kafka.entry import open_record
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.console.replay import audit
from headrace.console.replay.forecast import store_lookup
from headrace.console.replay.forecast.effects import RecordForecast
from headrace.console.replay.forecast.summary import ForecastSummary, summarize
from headrace.console.replay.groups import redrive_group
from headrace.console.replay.redrive.position import LetterOffset, RedrivePosition, redrive_position
from headrace.console.replay.redrive.selection import (
    RESOLVED,
    CandidateLetter,
    RedriveHistory,
    SelectionCriteria,
    classify,
    limited,
    past_redrives,
    reclassify,
    selected,
    why_not_retryable,
)
from headrace.console.terminal.formatting import pluralize
from headrace.console.terminal.progress_bar import bar, tracked
from headrace.schemas import topics
from headrace.schemas.messages import ConsumerRecord
from headrace.streams.stage import Stage

AUDIT = (topics.AUDIT.name, 0)
BATCH = 1000
_EXPIRED = RecordForecast("given-up")
"""The forecast for a dead letter that expired while the plan was made."""


@dataclass(frozen=True, slots=True)
class RedrivePlan:
    """The verdict for every dead letter after the position. `workers` are the active workers of the stage.

    `audit_end` is the end offset of the audit topic before the plan was made.
    """

    stage: Stage
    positions: Mapping[int, RedrivePosition]
    letters: tuple[CandidateLetter, ...]
    decisions: Mapping[str, Disposition]
    audit_end: int = 0
    workers: tuple[str, ...] = ()
    forecast: ForecastSummary | None = None

    @property
    def topic(self) -> str:
        """The stage's dead-letter topic."""
        return topics.dead_letters(self.stage.name).name

    @property
    def group(self) -> str:
        """The consumer group that stores the redrive position."""
        return redrive_group(self.stage.name)

    def selected(self) -> list[CandidateLetter]:
        """Return the dead letters to redrive, oldest first."""
        return selected(self.letters)

    def has_matches(self) -> bool:
        """Whether any dead letter matches the criteria."""
        return any(letter.verdict not in ("not_selected", "older_record") for letter in self.letters)

    def unresolved(self) -> list[LetterOffset]:
        """Return the dead letters that the position may not pass yet."""
        return [letter.spot for letter in self.letters if letter.verdict not in RESOLVED]

    def has_disposition(self, letter: CandidateLetter) -> bool:
        """Whether a disposition covers this record of the dead letter."""
        decision = self.decisions.get(letter.id)
        return decision is not None and decision.through in ("", self.place(letter))

    def place(self, letter: CandidateLetter) -> str:
        """Return `topic/partition/offset` of a dead letter."""
        return f"{self.topic}/{letter.partition}/{letter.offset}"


def plan_redrive(
    cluster: KafkaAdmin, stage: Stage, criteria: SelectionCriteria, check_store: bool = True
) -> RedrivePlan:
    """Classify every dead letter after the position; with `check_store`, also by the stage's stored results."""
    letters, retries = topics.dead_letters(stage.name).name, topics.retry(stage.name).name
    cluster.require(letters, retries, topics.DISPOSITIONS.name, topics.AUDIT.name)
    audit_end = cluster.spans([topics.AUDIT.name])[AUDIT].high
    spans = cluster.spans((letters, retries))
    positions = _positions(cluster, stage, spans)
    notes = {partition: each.note for partition, each in positions.items()}
    past = RedriveHistory(past_redrives(_read(cluster, retries, spans), notes), dispositions.load(cluster))
    unpassed = {(letters, partition): OffsetRange(each.start, each.end) for partition, each in positions.items()}
    candidates = classify(_read(cluster, letters, unpassed), criteria, past)
    workers = cluster.members(stage.group)
    bare = RedrivePlan(stage, positions, tuple(candidates), past.decisions, audit_end, workers)
    if check_store and bare.selected():
        return _checked(cluster, bare, criteria.filter.limit)
    return replace(bare, letters=tuple(limited(candidates, criteria.filter.limit)))


def refuse_not_retryable(plans: Iterable[RedrivePlan]) -> None:
    """Raise `CommandError` if every matching dead letter would fail again."""
    letters = [letter for plan in plans for letter in plan.letters]
    failing = [letter for letter in letters if letter.verdict == "not_retryable"]
    if failing and not selected(letters):
        reasons = "; ".join(
            f"{code}: {why_not_retryable(code)}" for code in sorted({letter.code for letter in failing})
        )
        raise CommandError(f"{pluralize(len(failing), 'dead letter')} would fail again. {reasons}")


def refuse_idle(plans: Iterable[RedrivePlan], waits: bool) -> None:
    """Raise `CommandError` if the command waits for outcomes but no worker is running."""
    idle = [plan.stage.name for plan in plans if plan.selected() and not plan.workers]
    if idle and waits:
        names = " ".join(idle)
        raise CommandError(
            f"no worker is running for {names}. Start one: headrace worker {names}."
            " Or let the records wait in the retry topic: --allow-no-worker"
        )


def refuse_stale(cluster: KafkaAdmin, plan: RedrivePlan, replay: str) -> None:
    """Raise `CommandError` if another redrive of the stage ran, or its position moved, since the plan was made."""
    positions = cluster.positions(plan.group, [(plan.topic, partition) for partition in plan.positions])
    for partition, each in plan.positions.items():
        position = positions.get((plan.topic, partition))
        if each.committed != (position.offset if position else None):
            raise CommandError(f"{plan.group} moved after the plan was made. Nothing was sent; run the command again")
    new = {AUDIT: OffsetRange(plan.audit_end, cluster.spans([topics.AUDIT.name])[AUDIT].high)}
    since = audit.read(record.value for batch in cluster.read(new, values=True) for record in batch)
    for action in since.values():
        if action.group == plan.group and action.id != replay:
            raise CommandError(
                f"{action.by} redrove {plan.stage.name} after the plan was made. Nothing was sent; run it again"
            )


def records_of(cluster: KafkaAdmin, topic: str, letters: Iterable[CandidateLetter]) -> Iterator[ConsumerRecord]:
    """Yield the records of dead letters, in offset order per partition."""
    offsets: dict[int, set[int]] = {}
    for letter in letters:
        offsets.setdefault(letter.partition, set()).add(letter.offset)
    spans = {(topic, partition): OffsetRange(min(own), max(own) + 1) for partition, own in offsets.items()}
    for batch in cluster.read(spans, values=True):
        yield from (record for record in batch if record.offset in offsets[record.partition])


def _positions(
    cluster: KafkaAdmin, stage: Stage, spans: Mapping[TopicAndPartition, OffsetRange]
) -> dict[int, RedrivePosition]:
    """Return the redrive position in each partition of the dead-letter topic."""
    letters, retries = topics.dead_letters(stage.name).name, topics.retry(stage.name).name
    retry_ends = {place[1]: span.high for place, span in spans.items() if place[0] == retries}
    own = {place: span for place, span in spans.items() if place[0] == letters}
    positions = cluster.positions(redrive_group(stage.name), own)
    return {place[1]: redrive_position(span, positions.get(place), retry_ends) for place, span in own.items()}


def _checked(cluster: KafkaAdmin, bare: RedrivePlan, limit: int | None) -> RedrivePlan:
    """Forecast the candidates in batches until `limit` of them are selected."""
    candidates, codec = bare.selected(), cluster.codec()
    notes = {partition: each.note for partition, each in bare.positions.items()}
    checked: dict[LetterOffset, CandidateLetter] = {}
    forecasts: dict[LetterOffset, RecordForecast] = {}
    progress = bar(f"forecasting {bare.stage.name}", len(candidates))
    with store_lookup.create_forecaster(bare.stage) as forecaster, progress as advance:
        while len(checked) < len(candidates) and (limit is None or len(selected(checked.values())) < limit):
            batch = candidates[len(checked) : len(checked) + BATCH]
            records = list(records_of(cluster, bare.topic, batch))
            events = [open_record(record, codec).event for record in records]
            results = store_lookup.forecast_records(forecaster, events)
            forecasts |= {
                (record.partition, record.offset): each for record, each in zip(records, results, strict=True)
            }
            checked |= {each.spot: reclassify(each, forecasts.get(each.spot, _EXPIRED), notes) for each in batch}
            advance(len(batch))
    letters = limited([checked.get(letter.spot, letter) for letter in bare.letters], limit)
    forecast = summarize(forecasts[letter.spot] for letter in selected(letters))
    return replace(bare, letters=tuple(letters), forecast=forecast)


def _read(cluster: KafkaAdmin, topic: str, spans: Mapping[TopicAndPartition, OffsetRange]) -> Iterator[ConsumerRecord]:
    own = {place: span for place, span in spans.items() if place[0] == topic}
    total = sum(span.high - span.low for span in own.values())
    return tracked(cluster.read(own), f"reading {topic}", total) if total else iter(())
