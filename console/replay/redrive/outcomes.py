"""What has become of redriven records, as the log tells: nothing else has to be asked, and nothing is decoded. Pure.

    done      the stage's result, or a job's start, is on the log; or the stage has committed past the record
    failed    a new dead letter says which one it comes from
    waiting   the stage has not ended the record yet, or tries it again later

What a stage does without a result, such as to skip what it does not want, shows in its offsets alone.
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
    """The fold, in any order: `take` what the log has since, say how far the stage is, and ask."""

    def __init__(self, replay: str, stage: str) -> None:
        self._replay = replay.encode()
        self._retry = topics.retry(stage).name
        self._letters = topics.dead_letters(stage).name
        self._sent: dict[bytes, bytes] = {}
        self._put_off: dict[bytes, LetterOffset] = {}
        self._lies: dict[bytes, LetterOffset] = {}
        self._failed: dict[bytes, str] = {}
        self._passed: set[bytes] = set()
        self._caused: set[bytes] = set()
        self.unseen = 0
        """How many letters were sent of which nobody has looked what has become."""

    def take(self, record: ConsumerRecord) -> None:
        """Learn from one record of the retry topic, the dead-letter topic or a topic that the stage writes."""
        headers = dict(record.headers)
        letter = headers.get("replay-of")
        if record.topic not in (self._retry, self._letters):
            self._caused.add(headers.get("ce_causationid") or b"")
        elif letter is None or headers.get("replay-id") != self._replay:
            return
        elif record.topic == self._letters:
            self._failed[letter] = (headers.get("dlq-code") or b"unknown").decode(errors="replace")
        elif headers.get("retry-code") == REDRIVEN.encode():
            self._sent[letter] = headers.get("ce_id") or b""
            self._lies[letter] = (record.partition, record.offset)
        else:
            self._put_off[letter] = (record.partition, record.offset)

    def committed(self, positions: Mapping[TopicAndPartition, CommittedOffset]) -> None:
        """Learn how far the stage is. What it wrote before it committed that has to be taken first."""
        for letter in self._sent.keys() - self._passed:
            partition, offset = self._put_off.get(letter) or self._lies[letter]
            position = positions.get((self._retry, partition))
            if position is not None and offset < position.offset:
                self._passed.add(letter)

    def ending(self, letter: bytes) -> LetterOutcome:
        """Say how a letter that was sent has ended; a letter is named by its place."""
        if letter in self._failed:
            return "failed"
        event = self._sent[letter]
        return "done" if letter in self._passed or (event and event in self._caused) else "waiting"

    def counts(self) -> dict[LetterOutcome, int]:
        """Count the letters that were sent, by how they ended."""
        found = Counter(self.ending(letter) for letter in self._sent)
        return {"done": found["done"], "failed": found["failed"], "waiting": found["waiting"] + self.unseen}

    def codes(self) -> Counter[str]:
        """Count those that failed again by the code of the new letter, the most frequent first."""
        return Counter(code for letter, code in self._failed.items() if letter in self._sent)
