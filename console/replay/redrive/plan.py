"""Plans a redrive: which dead letters of a stage go back to it, what becomes of them, and who is there to work them."""

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
    ANSWERED,
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
"""What becomes of a letter that was there a moment ago and is no longer."""


@dataclass(frozen=True, slots=True)
class RedrivePlan:
    """What a redrive will do with every letter that its position has not passed. `workers` are there to work them.

    `seen` is how much of the audit topic there was before anything was looked at.
    """

    stage: Stage
    standings: Mapping[int, RedrivePosition]
    letters: tuple[CandidateLetter, ...]
    decisions: Mapping[str, Disposition]
    seen: int = 0
    workers: tuple[str, ...] = ()
    outlook: ForecastSummary | None = None

    @property
    def topic(self) -> str:
        """The stage's dead-letter topic."""
        return topics.dead_letters(self.stage.name).name

    @property
    def group(self) -> str:
        """The consumer group that is the position of the stage's redrives."""
        return redrive_group(self.stage.name)

    def selected(self) -> list[CandidateLetter]:
        """Give the letters that go back, the oldest first."""
        return selected(self.letters)

    def is_about_something(self) -> bool:
        """Whether any letter of the stage was asked for."""
        return any(letter.verdict not in ("other", "repeated") for letter in self.letters)

    def unanswered(self) -> list[LetterOffset]:
        """Say which letters the position may not pass as things are."""
        return [letter.spot for letter in self.letters if letter.verdict not in ANSWERED]

    def is_decided(self, letter: CandidateLetter) -> bool:
        """Whether it is written down what became of this very letter."""
        decision = self.decisions.get(letter.id)
        return decision is not None and decision.through in ("", self.place(letter))

    def place(self, letter: CandidateLetter) -> str:
        """Say where a letter lies: `topic/partition/offset`."""
        return f"{self.topic}/{letter.partition}/{letter.offset}"


def plan_redrive(cluster: KafkaAdmin, stage: Stage, rules: SelectionCriteria, look: bool = True) -> RedrivePlan:
    """Judge every letter that the position has not passed; with `look`, also by what the stage has in the store."""
    letters, retries = topics.dead_letters(stage.name).name, topics.retry(stage.name).name
    cluster.require(letters, retries, topics.DISPOSITIONS.name, topics.AUDIT.name)
    seen = cluster.spans([topics.AUDIT.name])[AUDIT].high
    spans = cluster.spans((letters, retries))
    standings = _standings(cluster, stage, spans)
    notes = {partition: each.note for partition, each in standings.items()}
    past = RedriveHistory(past_redrives(_read(cluster, retries, spans), notes), dispositions.load(cluster))
    unpassed = {(letters, partition): OffsetRange(each.start, each.end) for partition, each in standings.items()}
    found = classify(_read(cluster, letters, unpassed), rules, past)
    bare = RedrivePlan(stage, standings, tuple(found), past.decisions, seen, cluster.members(stage.group))
    if look and bare.selected():
        return _looked_at(cluster, bare, rules.filter.limit)
    return replace(bare, letters=tuple(limited(found, rules.filter.limit)))


def refuse_hopeless(plans: Iterable[RedrivePlan]) -> None:
    """Raise `Refused` when all that was asked for would only fail again, saying why and what to do instead."""
    letters = [letter for plan in plans for letter in plan.letters]
    hopeless = [letter for letter in letters if letter.verdict == "hopeless"]
    if hopeless and not selected(letters):
        whys = "; ".join(f"{code}: {why_not_retryable(code)}" for code in sorted({letter.code for letter in hopeless}))
        raise CommandError(f"{pluralize(len(hopeless), 'letter')} would only fail again. {whys}")


def refuse_idle(plans: Iterable[RedrivePlan], waits: bool) -> None:
    """Raise `Refused` when outcomes are to be waited for that nobody is there to bring about."""
    idle = [plan.stage.name for plan in plans if plan.selected() and not plan.workers]
    if idle and waits:
        names = " ".join(idle)
        raise CommandError(
            f"nobody works on {names}, so nothing would happen: headrace worker {names};"
            " or let the records wait in the retry topic with --without-worker"
        )


def refuse_stale(cluster: KafkaAdmin, plan: RedrivePlan, replay: str) -> None:
    """Raise `Refused` when since the plan another redrive of the stage has begun or ended, or moved its position."""
    positions = cluster.positions(plan.group, [(plan.topic, partition) for partition in plan.standings])
    for partition, each in plan.standings.items():
        position = positions.get((plan.topic, partition))
        if each.committed != (position.offset if position else None):
            raise CommandError(f"{plan.group} has been moved since the plan was made: nothing was sent, plan again")
    new = {AUDIT: OffsetRange(plan.seen, cluster.spans([topics.AUDIT.name])[AUDIT].high)}
    since = audit.read(record.value for batch in cluster.read(new, values=True) for record in batch)
    for action in since.values():
        if action.group == plan.group and action.id != replay:
            raise CommandError(f"{action.by} has redriven {plan.stage.name} meanwhile: nothing was sent, plan again")


def records_of(cluster: KafkaAdmin, topic: str, letters: Iterable[CandidateLetter]) -> Iterator[ConsumerRecord]:
    """Read letters again, each partition in its order."""
    wanted: dict[int, set[int]] = {}
    for letter in letters:
        wanted.setdefault(letter.partition, set()).add(letter.offset)
    spans = {(topic, partition): OffsetRange(min(own), max(own) + 1) for partition, own in wanted.items()}
    for batch in cluster.read(spans, values=True):
        yield from (record for record in batch if record.offset in wanted[record.partition])


def _standings(
    cluster: KafkaAdmin, stage: Stage, spans: Mapping[TopicAndPartition, OffsetRange]
) -> dict[int, RedrivePosition]:
    """Say where the position is in each partition of the dead-letter topic."""
    letters, retries = topics.dead_letters(stage.name).name, topics.retry(stage.name).name
    retry_ends = {place[1]: span.high for place, span in spans.items() if place[0] == retries}
    own = {place: span for place, span in spans.items() if place[0] == letters}
    positions = cluster.positions(redrive_group(stage.name), own)
    return {place[1]: redrive_position(span, positions.get(place), retry_ends) for place, span in own.items()}


def _looked_at(cluster: KafkaAdmin, bare: RedrivePlan, limit: int | None) -> RedrivePlan:
    """Look at what the stage would do with those that go back, until as many as were asked for are known to go."""
    candidates, book = bare.selected(), cluster.codec()
    notes = {partition: each.note for partition, each in bare.standings.items()}
    judged: dict[LetterOffset, CandidateLetter] = {}
    effects: dict[LetterOffset, RecordForecast] = {}
    looking = bar(f"looking at results of {bare.stage.name}", len(candidates))
    with store_lookup.create_forecaster(bare.stage) as foresight, looking as advance:
        while len(judged) < len(candidates) and (limit is None or len(selected(judged.values())) < limit):
            some = candidates[len(judged) : len(judged) + BATCH]
            records = list(records_of(cluster, bare.topic, some))
            found = store_lookup.forecast_records(foresight, [open_record(record, book).event for record in records])
            effects |= {(record.partition, record.offset): each for record, each in zip(records, found, strict=True)}
            judged |= {each.spot: reclassify(each, effects.get(each.spot, _EXPIRED), notes) for each in some}
            advance(len(some))
    letters = limited([judged.get(letter.spot, letter) for letter in bare.letters], limit)
    return replace(
        bare, letters=tuple(letters), outlook=summarize(effects[letter.spot] for letter in selected(letters))
    )


def _read(cluster: KafkaAdmin, topic: str, spans: Mapping[TopicAndPartition, OffsetRange]) -> Iterator[ConsumerRecord]:
    own = {place: span for place, span in spans.items() if place[0] == topic}
    total = sum(span.high - span.low for span in own.values())
    return tracked(cluster.read(own), f"reading {topic}", total) if total else iter(())
