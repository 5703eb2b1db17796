"""The history of a run: its inputs, its records in Kafka and its billed calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

TopicPartition = tuple[str, int]


class Place(NamedTuple):
    """Topic, partition and offset of a record."""

    topic: str
    partition: int
    offset: int

    @property
    def where(self) -> TopicPartition:
        """Its topic and partition."""
        return self.topic, self.partition


@dataclass(frozen=True, slots=True)
class Input:
    """A record that the broker accepted. A higher `version` of `about` supersedes a lower one."""

    id: str
    key: str
    place: Place
    about: str = ""
    version: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """A result: its own id, the id of its cause, and the id of the first event.

    An upload that is redelivered after its job has ended gets the result of that job.
    """

    cause: str
    id: str
    place: Place
    root: str = ""


@dataclass(frozen=True, slots=True)
class Delayed:
    """A record on the retry topic."""

    cause: str
    place: Place


@dataclass(frozen=True, slots=True)
class Letter:
    """A record on the dead-letter topic."""

    cause: str
    place: Place
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """A billed call and its idempotency key."""

    cause: str
    token: str


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A snapshot: the committed offsets, then the end offsets, and the number of superseded records."""

    committed: Mapping[TopicPartition, int]
    ends: Mapping[TopicPartition, int]
    superseded: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """The history of one run. The last glimpse is from its end. In an `ordered` stage no record may be overtaken."""

    inputs: Sequence[Input]
    outputs: Sequence[Output] = ()
    delayed: Sequence[Delayed] = ()
    letters: Sequence[Letter] = ()
    superseded: Sequence[str] = ()
    effects: Sequence[Effect] = ()
    glimpses: Sequence[Glimpse] = ()
    ordered: bool = False
