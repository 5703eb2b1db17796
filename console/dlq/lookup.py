"""Letters by their ids, or by the beginnings of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from headrace.console.dlq.letter import letter_id, may_hold, short_ids
from headrace.console.dlq.parallel_scan import OnProgress, ignore_progress, scan
from headrace.console.errors import CommandError
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord

ENOUGH = 5
"""Letters with one beginning that are told apart: more would not make it clearer what is meant."""


@dataclass(frozen=True, slots=True)
class LetterMatch:
    """A letter by its id: its newest record, without the value, and how many records it has."""

    id: str
    record: ConsumerRecord
    record_count: int


def find(
    settings: KafkaSettings,
    spans: Mapping[TopicAndPartition, OffsetRange],
    prefixes: Sequence[str],
    heard: OnProgress = ignore_progress,
) -> list[LetterMatch]:
    """Find the letter that each prefix means. Raises `Refused` for one that means none, or several."""
    held = narrowed(spans, prefixes)
    seen = [sighting for part in scan(settings, held, partial(LetterFinder, prefixes), heard) for sighting in part]
    return [resolve_prefix(prefix, seen) for prefix in dict.fromkeys(prefixes)]


def narrowed(
    spans: Mapping[TopicAndPartition, OffsetRange], prefixes: Iterable[str]
) -> dict[TopicAndPartition, OffsetRange]:
    """Keep the partitions that can hold letters whose ids begin so."""
    wanted = list(prefixes)
    return {place: span for place, span in spans.items() if any(may_hold(place[0], prefix) for prefix in wanted)}


def resolve_prefix(prefix: str, seen: Collection[LetterMatch]) -> LetterMatch:
    """Give the one that a prefix means. Raises `Refused` where that is not clear."""
    found = [sighting for sighting in seen if sighting.id.startswith(prefix)]
    if not found:
        raise CommandError(f"there is no letter {prefix}: headrace dlq list --all shows what there is")
    if len(found) > 1:
        shown = sorted(short_ids(sighting.id for sighting in found).values())[:ENOUGH]
        raise CommandError(
            f"{prefix} may be {', '.join(shown)}{' or others' if len(found) > ENOUGH else ''}: say which"
        )
    return found[0]


class LetterFinder:
    """A look at one partition for letters whose ids begin with one of some prefixes."""

    def __init__(self, prefixes: Sequence[str]) -> None:
        self._prefixes = tuple(prefixes)
        self._seen: dict[str, LetterMatch] = {}

    def take(self, records: list[ConsumerRecord]) -> None:
        """Look at records; the last one of a letter is what it is now."""
        for record in records:
            id_ = letter_id(record)
            if id_.startswith(self._prefixes) and (id_ in self._seen or self._has_room(id_)):
                before = self._seen.get(id_)
                self._seen[id_] = LetterMatch(id_, record, 1 + (before.record_count if before else 0))

    def found(self) -> list[LetterMatch]:
        """Give the letters that were met: of each prefix more than one, if there are several."""
        return list(self._seen.values())

    def _has_room(self, id_: str) -> bool:
        """Whether some prefix of this id has not yet been seen too often to be clear."""
        return any(
            id_.startswith(prefix) and sum(seen.startswith(prefix) for seen in self._seen) <= ENOUGH
            for prefix in self._prefixes
        )
