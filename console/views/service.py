"""Run the projector, and build views anew beside the current ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial

import structlog
from sqlalchemy import Engine, insert
from sqlalchemy.exc import SQLAlchemyError

from headrace.console.assets.asset_event import Summaries
from headrace.console.errors import CommandError, UnavailableError
from headrace.console.kafka.entry import LogEntry, open_record
from headrace.console.kafka.log_reader import LogReader
from headrace.console.kafka.offsets import TopicAndPartition
from headrace.console.views import projector
from headrace.console.views.database import (
    CLUSTER,
    SCHEMA,
    SERVERS,
    SchemaReplacedError,
    check_cluster,
    read_properties,
)
from headrace.console.views.fold import Fold
from headrace.console.views.fold_operations import FOLDS
from headrace.console.views.locations import Location
from headrace.console.views.log_source import LogSource
from headrace.console.views.outages import OutageWait, is_database_outage, reason
from headrace.console.views.projector import Projector
from headrace.console.views.tables import SCHEMA_NUMBER, properties
from headrace.console.views.waiting_source import WaitingSource
from headrace.schemas import topics
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.parsing import InvalidValueError, parse_int
from headrace.schemas.runtime.outage_log import OutageLog
from headrace.schemas.serde import registry
from headrace.schemas.serde.codec import Codec, RegistryUnavailableError
from headrace.schemas.serde.schema_topic import follow_schemas
from headrace.schemas.topics import Topic
from headrace.streams.stage import Stage

REGISTRY_SECONDS = 1.0
BUILD = "build"
RUN = "run"
log = structlog.get_logger("headrace")

NOT_FOLDED = (topics.AWS_EVENTS, topics.MACHINE_INBOX, topics.MACHINE_TASKS, topics.MACHINE_ACTIVITIES)
"""Topics whose events say nothing that other topics do not say."""

OnStep = Callable[[Projector], None]
"""Called after each step."""
Restore = Callable[[Engine, Fold], None]
"""Adds to new views what the log has lost."""


@dataclass(frozen=True, slots=True)
class ViewsService:
    """The views of one pipeline in one place."""

    place: Location
    kafka: KafkaSettings
    stages: Sequence[Stage]

    @property
    def topics(self) -> list[str]:
        """Name the topics that are folded."""
        table = topics.table(stage.name for stage in self.stages)
        written = [stage.writes for stage in self.stages if stage.writes]
        return [*dict.fromkeys(topic.name for topic in (*table, *written) if _is_folded(topic))]

    @property
    def summaries(self) -> Summaries:
        """How to summarize the results of stages that have a summary of their own."""
        return {stage.name: stage.summary for stage in self.stages if stage.summary is not None}

    def run(self, on_step: OnStep, until_caught_up: bool = False) -> None:
        """Keep the views up to date, without end or until the log is read. Builds missing or outdated ones first.

        Without end it waits while Kafka or the database does not answer; `until_caught_up` such an error is raised.

        Raises:
            CommandError: another projector writes to SQLite, or the views are of another cluster or a newer version.
        """
        wait = OutageWait(OutageLog(views=self.place.name))
        with self._explained(), self.place.lock(RUN):
            while True:
                opened = partial(self._current, on_step)
                engine = opened() if until_caught_up else wait.until_available(opened)
                with suppress(SchemaReplacedError), self._projector(engine, waits=not until_caught_up) as running:
                    while self.place.is_current(engine):
                        running.step()
                        on_step(running)
                        if until_caught_up and running.caught_up:
                            return
                log.info("views_swapped", name=self.place.name)

    def records_on_log(self) -> int:
        """Count the records that are folded."""
        return sum(span.high - span.low for span in LogReader(self.kafka).spans(self.topics).values())

    def drop(self) -> bool:
        """Delete the views. Returns whether there were any.

        Raises:
            CommandError: a projector writes to them.
        """
        with self.place.lock(RUN), self.place.lock(BUILD):
            return self.place.drop()

    def rebuild(self, on_step: OnStep, restore: Restore | None = None) -> None:
        """Build new views beside the current ones, and swap them in once they have caught up with the log.

        `restore` is called once the log is folded.
        """
        with self._explained(), self.place.lock(BUILD):
            engine = self._create()
            with self._projector(engine) as running:
                _catch_up(running, on_step)
                if restore is not None:
                    restore(engine, Fold(self.summaries))
                    _catch_up(running, on_step)
            engine.dispose()
            self.place.swap(engine)

    def _current(self, on_step: OnStep) -> Engine:
        """Open the current views. Missing ones are created empty; those of another schema are built anew."""
        with self.place.lock(BUILD):
            engine = self.place.current()
            if engine is None:
                self.place.swap(self._create())
        if engine is not None:
            with engine.connect().execution_options(reader=True) as connection:
                known = read_properties(connection)
            check_cluster(known, self.kafka, self.place.name)
            if known.get(SCHEMA) != str(SCHEMA_NUMBER):
                self._check_not_newer(known.get(SCHEMA, ""))
                log.info("views_schema_changed", known=known.get(SCHEMA), own=SCHEMA_NUMBER)
                self.rebuild(on_step)
        current = self.place.current()
        assert current is not None
        return current

    def _check_not_newer(self, schema: str) -> None:
        """Leave views of a newer version alone: its projector would build them again, without end.

        Raises:
            CommandError: they are of a newer version.
        """
        with suppress(InvalidValueError):
            if parse_int(schema.encode()) <= SCHEMA_NUMBER:
                return
            raise CommandError(
                f"the views in {self.place.name} have schema {schema} of a newer version of Headrace, and this version"
                f" has schema {SCHEMA_NUMBER}: stop the projectors of that version, then run headrace views rebuild"
            )

    def _create(self) -> Engine:
        engine = self.place.create_next()
        known = {
            SCHEMA: str(SCHEMA_NUMBER),
            SERVERS: self.kafka.bootstrap_servers,
            CLUSTER: LogReader(self.kafka).cluster_id(),
        }
        with engine.begin() as connection:
            connection.execute(insert(properties), [{"name": name, "value": value} for name, value in known.items()])
        return engine

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn an error of the database into a message. Waiting does not help against a damaged one."""
        try:
            yield
        except SQLAlchemyError as error:
            text = f"the views in {self.place.name} cannot be used: {reason(error)}"
            if is_database_outage(error):
                raise UnavailableError(text) from error
            raise CommandError(f"{text}. headrace views drop and headrace views run rebuild them") from error

    @contextmanager
    def _projector(self, engine: Engine, waits: bool = False) -> Iterator[Projector]:
        """Create a projector with its readers, and close them at the end. One that `waits` survives errors of Kafka."""
        codec = registry.create_codec(self.kafka)
        follower = follow_schemas(self.kafka, codec)
        with ExitStack() as stack:
            follower.start(self.kafka.kafka_timeout_seconds)
            stack.callback(follower.stop)
            shared = engine.dialect.name == "postgresql"
            wait = OutageWait(OutageLog(database=engine.url.render_as_string()))
            source = LogSource(self.kafka, self.topics, partial(_load_offsets, wait, engine), shared=shared)
            stack.callback(source.close)
            stack.callback(engine.dispose)
            yield Projector(
                engine, WaitingSource(source) if waits else source, Decoder(codec).decode, Fold(self.summaries)
            )


def _load_offsets(
    wait: OutageWait, engine: Engine, places: Collection[TopicAndPartition]
) -> Mapping[TopicAndPartition, int]:
    """Load stored offsets once the database answers: librdkafka assigns partitions during a poll."""
    return wait.until_available(lambda: projector.load_offsets(engine, places), engine.dispose)


def _catch_up(running: Projector, on_step: OnStep) -> None:
    """Fold the log to its end."""
    running.step()
    on_step(running)
    while not running.caught_up:
        running.step()
        on_step(running)


def _is_folded(topic: Topic) -> bool:
    """Whether a topic has events of assets, retries, dead letters, or control records that the fold knows."""
    own = topic.name.endswith((topics.retry("").name, topics.dead_letters("").name)) or topic.name in FOLDS
    return own or (bool(topic.events) and topic not in NOT_FOLDED)


class Decoder:
    """Decodes records, and waits for a writer schema that is not read yet."""

    def __init__(self, codec: Codec, sleep: Callable[[float], None] = time.sleep) -> None:
        self._codec = codec
        self._sleep = sleep
        self._missing: set[bytes] = set()

    def decode(self, record: ConsumerRecord) -> LogEntry:
        """Decode a record. Waits while the schema registry does not answer."""
        entry = self._open(record)
        schema = bytes((record.value or b"")[:10])
        if entry.event is None and schema and schema not in self._missing:
            self._sleep(REGISTRY_SECONDS)  # writers publish a schema before their first record
            entry = self._open(record)
            if entry.event is None and len(self._missing) < 1000:
                self._missing.add(schema)
        return entry

    def _open(self, record: ConsumerRecord) -> LogEntry:
        while True:
            try:
                return open_record(record, self._codec)
            except RegistryUnavailableError as error:
                log.warning("schema_registry_unavailable", reason=str(error))
                self._sleep(REGISTRY_SECONDS)
