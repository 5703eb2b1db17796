"""Views of made-up assets for the web console, and their dead letters on a broker, at the same offsets."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import insert

from bench.views import GeneratedLog, NoResults
from headrace.console.kafka.entry import open_record
from headrace.console.kafka.log_reader import LogReader
from headrace.console.search.background import index_all
from headrace.console.views.database import CLUSTER, SCHEMA, SERVERS
from headrace.console.views.fold import Fold
from headrace.console.views.locations import Location
from headrace.console.views.log_source import Poll
from headrace.console.views.projector import Projector
from headrace.console.views.tables import SCHEMA_NUMBER, properties
from headrace.sandbox.fill.history import FillPlan
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.serde import codec

FLUSH_SECONDS = 300


class LogWithLetters:
    """A generated log whose dead letters are also written to a broker."""

    def __init__(self, plan: FillPlan, kafka: KafkaSettings) -> None:
        self._log = GeneratedLog(plan)
        self._producer = clients.producer(kafka)

    def poll(self, seconds: float) -> Poll:
        """Return the next records."""
        polled = self._log.poll(seconds)
        for record in _letters(polled.records):
            self._producer.produce(
                record.topic, record.value, record.key, record.partition, headers=list(record.headers)
            )
        self._producer.flush(FLUSH_SECONDS)
        return polled

    def seek(self) -> None:
        """Continue: only one projector reads."""

    def caught_up(self) -> bool:
        """Whether everything was read."""
        return self._log.caught_up()


def build(place: Location, kafka: KafkaSettings, assets: int) -> None:
    """Fold the log of some assets, index its text, and make the views the current ones."""
    engine, decoder = place.create_next(), codec.load()
    known = {
        SCHEMA: str(SCHEMA_NUMBER),
        SERVERS: kafka.bootstrap_servers,
        CLUSTER: LogReader(kafka).cluster_id(),
    }
    with engine.begin() as connection:
        connection.execute(insert(properties), [{"name": name, "value": value} for name, value in known.items()])
    log = LogWithLetters(FillPlan(assets), kafka)
    projector = Projector(engine, log, lambda record: open_record(record, decoder), Fold({}))
    while projector.step(0):
        pass
    index_all(engine, lambda _: None, NoResults())
    place.swap(engine)


def _letters(records: list[ConsumerRecord]) -> Iterator[ConsumerRecord]:
    return (record for record in records if record.topic.endswith(".dlq"))
