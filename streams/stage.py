"""A stage: its name, its topics and its handler, which is one of the kinds of `headrace.streams.handlers`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from headrace.schemas.records import Charge, Event
from headrace.schemas.topics import JOBS_FINISHED, MACHINE_STATE, Topic, retry
from headrace.streams.embeddings import EmbeddingModel
from headrace.streams.handlers import AsyncJob, EventPattern, Handler
from headrace.streams.retry_policy import DEFAULT_RETRY, RetryPolicy
from headrace.streams.rules.record_predicate import Predicate, record_predicate
from headrace.streams.search_text import SearchText

NAME = re.compile(r"[a-z][a-z0-9-]{0,22}")
Program = Literal["ffmpeg"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the pipeline, with its own consumer group, retry topic and dead-letter topic.

    `when` is an event pattern; records that do not match it are skipped. `filter_override` is a second pattern, set in
    the pipeline file. `when_proxied` replaces `when` while the stage `transcode` is enabled: videos that the service
    does not accept are read from their proxies.

    The file must set all `required` settings. With `needs_consent`, only objects that match `consent` are processed.

    `paid_operations` names the billed operations, such as `transcribe.start_transcription_job`; workers share their
    rate limits. `priced_features` names the features with their own price, and `models` the models that it calls at
    Bedrock.

    `programs` are run by the stage; a worker without them says so when it starts.

    `options` are part of the result name, so that results made with other settings are kept apart. `factory` builds
    the stage with settings of the pipeline file, which are its keyword arguments beside `options`. It raises ValueError
    for a setting without a meaning; the message begins with its name.

    With `ordered`, a record that is waiting for a retry holds back all later records of its key.
    With `reuse`, the result of any object version with the same content is used instead of a call.

    `follows` are topics that its worker reads outside of its consumer group, and `emits` those that it writes besides
    `writes`. A stage that is `part_of` another one is on if that one is. A `quiet` stage logs no record that is done.

    `summary` formats a result of the stage in a few words, for `headrace trace` and `headrace watch`. Without it, the
    event type decides. `search` returns the names and texts of a result by which `headrace search` finds it, and
    `search_stored` those of its file at `result`: the event has the beginning of them only.

    `embeds` is the model of a stage whose results, at `result` of its events, are passages with vectors
    (`headrace.streams.passages.embedded`).

    `epoch` counts the runs with `--reprocess`; results and jobs of an earlier epoch are ignored.
    Raises ValueError if the name is invalid, or if it reads a retry topic.
    """

    name: str
    reads: tuple[Topic, ...]
    handler: Handler
    writes: Topic | None = None
    when: EventPattern = field(default_factory=dict)
    filter_override: EventPattern = field(default_factory=dict)
    when_proxied: EventPattern = field(default_factory=dict)
    needs_consent: bool = False
    required: tuple[str, ...] = ()
    consent: EventPattern = field(default_factory=dict)
    version: int = 1
    options: tuple[str, ...] = ()
    factory: Callable[..., Stage] | None = None
    paid_operations: tuple[str, ...] = ()
    priced_features: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    programs: tuple[Program, ...] = ()
    deadline_seconds: float = 300.0
    ordered: bool = False
    epoch: int = 0
    retry_policy: RetryPolicy = DEFAULT_RETRY
    summary: Callable[[Any], str] | None = None
    search: Callable[[Any], Iterable[SearchText]] | None = None
    search_stored: Callable[[bytes], Iterable[SearchText]] | None = None
    embeds: EmbeddingModel | None = None
    follows: tuple[Topic, ...] = ()
    emits: tuple[Topic, ...] = ()
    part_of: str = ""
    reuse: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"stage name {self.name!r}: lower-case letters, digits and hyphens, at most 23")
        if foreign := [topic.name for topic in self.reads if topic.name.endswith(retry("").name)]:
            raise ValueError(f"stage {self.name} reads {foreign[0]}: a stage reads no retry topic but its own")

    @property
    def job(self) -> AsyncJob | None:
        """Return the handler if it is an asynchronous job."""
        return self.handler if isinstance(self.handler, AsyncJob) else None

    @property
    def patterns(self) -> tuple[EventPattern, ...]:
        """Return the event patterns that a record must match, all of them."""
        return tuple(pattern for pattern in (self.when, self.filter_override, self.consent) if pattern)

    @property
    def group(self) -> str:
        """Return the name of the consumer group."""
        return f"headrace.{self.name}"

    @property
    def inputs(self) -> tuple[Topic, ...]:
        """Return every topic that the consumer group reads."""
        completions = (JOBS_FINISHED,) if self.job else ()
        return (*self.reads, *completions, retry(self.name))

    @property
    def copartitioned(self) -> tuple[Topic, ...]:
        """Return the topics that need the same number of partitions, if the stage is ordered."""
        snapshots = tuple(topic for topic in self.follows if topic == MACHINE_STATE)
        return (*self.reads, retry(self.name), *snapshots) if self.ordered else ()

    @property
    def version_key(self) -> str:
        """Return the version with the epoch, if there is one: `1`, `1e2`."""
        return f"{self.version}e{self.epoch}" if self.epoch else str(self.version)

    @property
    def result_name(self) -> str:
        """Return the name of the stored result: `labels@1`, with a digest of `options` if there are any."""
        if not self.options:
            return f"{self.name}@{self.version_key}"
        digest = hashlib.sha256("\n".join(self.options).encode()).hexdigest()[:8]
        return f"{self.name}@{self.version_key}-{digest}"

    @property
    def started_name(self) -> str:
        """Return the name of the stored `JobStarted` event."""
        return f"{self.result_name}.started"


def record_filter(stage: Stage) -> Predicate:
    """Return a predicate that is true for the records that the stage processes."""
    if stage.needs_consent and not stage.consent:
        return lambda record: False
    predicates = [record_predicate(pattern) for pattern in stage.patterns or ({},)]
    return predicates[0] if len(predicates) == 1 else lambda record: all(matches(record) for matches in predicates)


def charges_of(event: Event) -> tuple[Charge, ...]:
    """Return the charges of the billed calls behind an event."""
    return getattr(event, "charges", ())
