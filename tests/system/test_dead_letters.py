"""A dead letter is on the log before the record's offset moves, whatever keeps its topic from taking it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.kafka.offsets import TopicAndPartition
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.records import Asset
from tests.chaos.support.feed import upload
from tests.chaos.support.observer import read_back
from tests.chaos.support.site import Site, site
from tests.chaos.support.worker import Orders
from tests.support.brokers import Brokers, brokers
from tests.support.paid_service import BROKEN


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """A broker with nothing else on it."""
    with brokers(tmp_path_factory.mktemp("letter-brokers")) as started:
        yield started


def missing(here: Site) -> Callable[[], object]:
    """Take the dead-letter topic away."""
    letters = topics.dead_letters(here.stage.name)
    admin = clients.admin(here.settings)
    admin.delete_topics([letters.name])[letters.name].result(10)
    return lambda: clients.create_topics(clients.admin(here.settings), [letters], 1)


def full(here: Site) -> Callable[[], object]:
    """Let the dead-letter topic take nothing of that size any more."""
    return _limited(here, "100", str(topics.LARGEST))


def _limited(here: Site, size: str, then: str) -> Callable[[], object]:
    name = topics.dead_letters(here.stage.name).name

    def limit(to: str) -> None:
        entry = ConfigEntry("max.message.bytes", to, incremental_operation=AlterConfigOpType.SET)
        wanted = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
        admin = clients.admin(here.settings)  # it has to be kept until it has its answer
        for done in admin.incremental_alter_configs([wanted]).values():
            done.result(10)

    limit(size)
    return lambda: limit(then)


@pytest.mark.parametrize("hinder", [missing, full])
def test_no_offset_passes_a_record_whose_letter_was_not_taken(
    cluster: Brokers, tmp_path: Path, hinder: Callable[[Site], Callable[[], object]]
) -> None:
    orders = Orders(
        bootstrap_servers=cluster.bootstrap_servers, folder=str(tmp_path), stage=hinder.__name__, reads=hinder.__name__
    )
    with site(cluster, orders) as here:
        repair = hinder(here)
        here.fleet.scale(1)
        [broken] = here.put_in([upload(here.book, orders.reads, asset(f"{BROKEN}file.jpg"))])
        here.wait(lambda: "stage_paused" in said(tmp_path), "the worker to pause the stage", 90)
        here.put_in([upload(here.book, orders.reads, asset(f"{each}.jpg")) for each in range(8)])
        place = orders.reads, broken.place.partition
        here.wait(lambda: behind(here) == {place}, "all others to be done", 40)
        repair()
        here.wait(lambda: not behind(here), "all to be done", 90)
        letters = read_back(here.settings, [topics.dead_letters(here.stage.name).name])
        assert [each.key for each in letters] == [f"b/{BROKEN}file.jpg".encode()]


def behind(here: Site) -> set[TopicAndPartition]:
    """Name the partitions whose position is not at their end."""
    log = KafkaAdmin(here.settings)
    spans = log.spans([topic.name for topic in here.stage.inputs])
    positions = log.positions(here.stage.group, spans)
    return {
        place
        for place, span in spans.items()
        if span.high > (positions[place].offset if place in positions else span.low)
    }


def said(folder: Path) -> str:
    return "".join(log.read_text() for log in folder.glob("worker-*.log"))


def asset(key: str) -> Asset:
    return Asset(bucket="b", key=key, version="e", etag="e", sequencer="01", size=1)
