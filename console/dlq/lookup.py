"""Find dead letters by id, or by prefixes of ids."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from headrace.console.dlq.letter import may_hold, short_ids
from headrace.console.dlq.parallel_scan import OnProgress, ignore_progress, scan
from headrace.console.errors import CommandError
from headrace.console.kafka.letter_id import letter_id
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord

MAX_CANDIDATES = 5
"""Maximum number of ids that are listed for an ambiguous prefix."""


@dataclass(frozen=True, slots=True)
class LetterMatch:
    """A dead letter: its newest record, without the value, and its number of records."""

    id: str
    record: ConsumerRecord
    record_count: int


def find(
    settings: KafkaSettings,
    spans: Mapping[TopicAndPartition, OffsetRange],
    prefixes: Sequence[str],
    on_progress: OnProgress = ignore_progress,
) -> list[LetterMatch]:
    """Find the dead letter of each prefix.

    Raises:
        CommandError: a prefix matches none, or several.
    """
    ranges = narrowed(spans, prefixes)
    matches = [match for part in scan(settings, ranges, partial(LetterFinder, prefixes), on_progress) for match in part]
    return [resolve_prefix(prefix, matches) for prefix in dict.fromkeys(prefixes)]


def narrowed(
    spans: Mapping[TopicAndPartition, OffsetRange], prefixes: Iterable[str]
) -> dict[TopicAndPartition, OffsetRange]:
    """Keep the partitions that can have ids with these prefixes."""
    wanted = list(prefixes)
    return {place: span for place, span in spans.items() if any(may_hold(place[0], prefix) for prefix in wanted)}


def resolve_prefix(prefix: str, matches: Collection[LetterMatch]) -> LetterMatch:
    """Return the only match of a prefix.

    Raises:
        CommandError: there is none, or several.
    """
    letters = [match for match in matches if match.id.startswith(prefix)]
    if not letters:
        raise CommandError(f"there is no dead letter {prefix}: headrace dlq list --all lists them")
    if len(letters) > 1:
        shown = sorted(short_ids(match.id for match in letters).values())[:MAX_CANDIDATES]
        raise CommandError(
            f"{prefix} may be {', '.join(shown)}{' or others' if len(letters) > MAX_CANDIDATES else ''}: say which"
        )
    return letters[0]


class LetterFinder:
    """Scan one partition for ids with one of some prefixes."""

    def __init__(self, prefixes: Sequence[str]) -> None:
        self._prefixes = tuple(prefixes)
        self._matches: dict[str, LetterMatch] = {}

    def take(self, records: list[ConsumerRecord]) -> None:
        """Add records. The last record of a dead letter counts."""
        for record in records:
            id_ = letter_id(record)
            if id_.startswith(self._prefixes) and (id_ in self._matches or self._has_room(id_)):
                before = self._matches.get(id_)
                self._matches[id_] = LetterMatch(id_, record, 1 + (before.record_count if before else 0))

    def found(self) -> list[LetterMatch]:
        """Return the matches: more than one per prefix if it is ambiguous."""
        return list(self._matches.values())

    def _has_room(self, id_: str) -> bool:
        """Whether a prefix of this id has at most `MAX_CANDIDATES` matches."""
        return any(
            id_.startswith(prefix) and sum(each.startswith(prefix) for each in self._matches) <= MAX_CANDIDATES
            for prefix in self._prefixes
        )
