"""Outcomes of redriven records, from Kafka records alone; nothing is decoded. Pure.

    done      Kafka has the stage's result or job start; or the stage has committed past the record
    failed    a new dead letter names the redriven one
    waiting   the stage has not finished the record, or will retry it

Outcomes without a result, such as a skipped record, show only in the committed offsets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Literal

from headrace.console.kafka.offsets import CommittedOffset, TopicAndPartition
from headrace.console.replay.redrive.position import LetterOffset
from headrace.schemas import topics
from headrace.schemas.messages import ConsumerRecord
from headrace.streams.engine.dlq import REDRIVEN

LetterOutcome = Literal["done", "failed", "waiting"]


class RedriveOutcomes:
    """Fold records, in any order, and committed offsets into one outcome per dead letter."""

    def __init__(self, replay: str, stage: str) -> None:
        self._replay = replay.encode()
        self._retry = topics.retry(stage).name
        self._dlq = topics.dead_letters(stage).name
        self._sent: dict[bytes, bytes] = {}
        self._retried: dict[bytes, LetterOffset] = {}
        self._places: dict[bytes, LetterOffset] = {}
        self._failed: dict[bytes, str] = {}
        self._passed: set[bytes] = set()
        self._causes: set[bytes] = set()
        self.unchecked = 0
        """The number of sent records whose outcome was not checked."""

    def take(self, record: ConsumerRecord) -> None:
        """Add a record of the retry topic, the dead-letter topic or a topic that the stage writes."""
        headers = dict(record.headers)
        letter = headers.get("replay-of")
        if record.topic not in (self._retry, self._dlq):
            self._causes.add(headers.get("ce_causationid") or b"")
        elif letter is None or headers.get("replay-id") != self._replay:
            return
        elif record.topic == self._dlq:
            self._failed[letter] = (headers.get("dlq-code") or b"unknown").decode(errors="replace")
        elif headers.get("retry-code") == REDRIVEN.encode():
            self._sent[letter] = headers.get("ce_id") or b""
            self._places[letter] = (record.partition, record.offset)
        else:
            self._retried[letter] = (record.partition, record.offset)

    def committed(self, positions: Mapping[TopicAndPartition, CommittedOffset]) -> None:
        """Add the committed offsets of the stage. Call `take` first for everything written before that commit."""
        for letter in self._sent.keys() - self._passed:
            partition, offset = self._retried.get(letter) or self._places[letter]
            position = positions.get((self._retry, partition))
            if position is not None and offset < position.offset:
                self._passed.add(letter)

    def outcome(self, letter: bytes) -> LetterOutcome:
        """Return the outcome of a sent dead letter, given its `topic/partition/offset`."""
        if letter in self._failed:
            return "failed"
        event = self._sent[letter]
        return "done" if letter in self._passed or (event and event in self._causes) else "waiting"

    def counts(self) -> dict[LetterOutcome, int]:
        """Count the sent dead letters by outcome."""
        counts = Counter(self.outcome(letter) for letter in self._sent)
        return {"done": counts["done"], "failed": counts["failed"], "waiting": counts["waiting"] + self.unchecked}

    def codes(self) -> Counter[str]:
        """Count the dead letters that failed again by their new error code."""
        return Counter(code for letter, code in self._failed.items() if letter in self._sent)
