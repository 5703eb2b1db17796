"""The history of a run: everything that went in, everything on the log at the end, and what was paid for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

TopicPartition = tuple[str, int]


class Place(NamedTuple):
    """Where a record lies on the log."""

    topic: str
    partition: int
    offset: int

    @property
    def where(self) -> TopicPartition:
        """The partition that it lies in."""
        return self.topic, self.partition


@dataclass(frozen=True, slots=True)
class Input:
    """A record that the broker accepted. Of what it is `about`, a higher `version` supersedes a lower one."""

    id: str
    key: str
    place: Place
    about: str = ""
    version: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """A result on the log: its own id, that of the input that caused it, and that of what it all began with.

    An upload whose job has ended by the time that it is delivered again ends with that job's result.
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
    """Something that was paid for, under an idempotency key."""

    cause: str
    token: str


@dataclass(frozen=True, slots=True)
class Glimpse:
    """One look during the run: what was committed, and after that how long the log was.

    `superseded` is how many had been given up as overtaken by then.
    """

    committed: Mapping[TopicPartition, int]
    ends: Mapping[TopicPartition, int]
    superseded: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """All of one run. The last glimpse is from its end. Where the stage is `ordered`, nothing may be passed."""

    inputs: Sequence[Input]
    outputs: Sequence[Output] = ()
    delayed: Sequence[Delayed] = ()
    letters: Sequence[Letter] = ()
    superseded: Sequence[str] = ()
    effects: Sequence[Effect] = ()
    glimpses: Sequence[Glimpse] = ()
    ordered: bool = False
