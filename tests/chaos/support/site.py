"""One stage on a cluster: its topics, workers, inputs and history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.console.assets.accounting import AccountReport, account_report
from headrace.console.assets.read_service import ReadService
from headrace.console.kafka.log_reader import LogReader
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde import codec
from tests.chaos.support import observer
from tests.chaos.support.feed import Feeder, Offer
from tests.chaos.support.fleet import Fleet
from tests.chaos.support.history import History, Input
from tests.chaos.support.observer import Watch
from tests.chaos.support.worker import Orders, stage_of
from tests.support.brokers import Brokers
from tests.support.process import wait_for


class Site:
    """The stage under test and its environment."""

    def __init__(self, cluster: Brokers, orders: Orders) -> None:
        self.cluster = cluster
        self.stage = stage_of(orders.stage, orders.reads, orders.ordered)
        self.book = codec.load()
        self.fleet = Fleet(orders)
        self.settings = KafkaSettings(bootstrap_servers=cluster.bootstrap_servers)
        self._folder = Path(orders.folder)
        self._create_topics()
        self.watch = Watch(self.stage, self.settings, self._folder)

    @contextmanager
    def feeding(self, source: Iterable[Offer], rate: float = 1e6) -> Iterator[Feeder]:
        """Send uploads at `rate` per second, and job completions, while the block runs."""
        feeder = Feeder(self.settings, self._folder / "effects", iter(source), rate)
        feeder.start()
        try:
            yield feeder
        finally:
            feeder.stop()

    def put_in(self, offers: Iterable[Offer]) -> list[Input]:
        """Send uploads and wait until the broker has accepted them."""
        wanted = list(offers)
        with self.feeding(wanted) as feeder:
            wait_for(lambda: len(feeder.accepted) == len(wanted), "the broker to accept the inputs")
        return feeder.accepted

    def wait(self, condition: Callable[[], object], what: str, seconds: float) -> None:
        """Wait for a condition and replace dead workers meanwhile."""

        def tended() -> bool:
            self.fleet.tend()
            return bool(condition())

        wait_for(tended, what, seconds)

    def idle(self) -> bool:
        """Whether every record is committed."""
        return self.watch.look() and not any(self.watch.lag.values())

    def accounts(self) -> AccountReport:
        """Return the accounting check of the stage."""
        log = LogReader(self.settings)
        spans = log.spans([topic.name for topic in (*self.stage.inputs, topics.dead_letters(self.stage.name))])
        groups = log.groups({self.stage.group: spans})
        return account_report([self.stage], spans, groups, ReadService(log, [self.stage]).losses())

    def history(self, inputs: list[Input]) -> History:
        """Return the history of the run."""
        return observer.history(self.stage, self.settings, self.watch, inputs, self._folder / "effects")

    def _create_topics(self) -> None:
        wanted = (
            *self.stage.inputs,
            topics.LOSSES,
            topics.SCANNED,
            topics.JOBS_STARTED,
            topics.dead_letters(self.stage.name),
        )
        clients.create_topics(clients.admin(self.settings), wanted, min(3, self.cluster.count))


@contextmanager
def site(cluster: Brokers, orders: Orders) -> Iterator[Site]:
    """Create a site; its observer and its workers end with the block."""
    here = Site(cluster, orders)
    here.watch.start()
    try:
        yield here
    finally:
        here.fleet.stop()
        here.watch.stop()
