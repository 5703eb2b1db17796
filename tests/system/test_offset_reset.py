"""Replay is a reset of offsets: the same results come out again, and nothing is paid for again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest
from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions, TopicPartition

from headrace.sandbox.cluster.kafka_tools import TOOLS
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from tests.chaos.support.checker import anomalies
from tests.chaos.support.feed import effects, uploads
from tests.chaos.support.observer import read_back
from tests.chaos.support.site import Site, site
from tests.chaos.support.worker import Orders
from tests.support.brokers import Brokers, brokers

Results = dict[str, set[tuple[bytes | None, bytes | None]]]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """A broker with nothing else on it."""
    with brokers(tmp_path_factory.mktemp("replay-brokers")) as started:
        yield started


def by_admin_client(here: Site) -> None:
    """Reset a stopped group to the beginning as a program would."""
    beginning = [TopicPartition(topic.name, each, 0) for topic in here.stage.inputs for each in range(topic.partitions)]
    asked = ConsumerGroupTopicPartitions(here.stage.group, beginning)
    admin = clients.admin(here.settings)
    for answer in admin.alter_consumer_group_offsets([asked]).values():
        assert not [each.error for each in answer.result(10).topic_partitions if each.error]


def by_kafkas_own_tool(here: Site) -> None:
    """Reset a stopped group to the beginning as an operator would."""
    what = ("--group", here.stage.group, "--reset-offsets", "--to-earliest", "--all-topics", "--execute")
    here.cluster.tool(TOOLS["consumer-groups"], *what)


@pytest.mark.parametrize("reset", [by_admin_client, by_kafkas_own_tool])
def test_a_replay_gives_the_same_results_and_pays_nothing(
    cluster: Brokers, tmp_path: Path, reset: Callable[[Site], None]
) -> None:
    name = reset.__name__.replace("_", "-")
    orders = Orders(
        bootstrap_servers=cluster.bootstrap_servers, folder=str(tmp_path), stage=name, reads=f"{name}.in", transient=0.1
    )
    with site(cluster, orders) as here:
        offers = list(islice(uploads(here.book, orders.reads, seed=4), 200))
        with here.feeding(offers) as feeder:
            here.wait(lambda: len(feeder.accepted) == len(offers), "the inputs", 30)
            feeder.no_more_uploads()
            run_to_the_end(here, feeder.settled)
        once, paid = results(here), effects(tmp_path / "effects")
        assert len(once) > 100
        reset(here)
        here.watch.look()
        assert here.watch.lag[orders.reads, 0] > 0
        run_to_the_end(here, lambda: True)
        twice = results(here)
    assert twice.keys() == once.keys()
    assert all(len(bodies) == 1 for bodies in twice.values())
    assert effects(tmp_path / "effects") == paid
    # The offsets went back: that is what the reset does.
    assert {each.name for each in anomalies(here.history(feeder.accepted))} <= {"commit went back"}


def run_to_the_end(here: Site, fed: Callable[[], bool]) -> None:
    """Have a worker do all that there is, and stop it."""
    here.fleet.scale(1)
    here.wait(lambda: fed() and here.idle(), "all work to be done", 60)
    here.fleet.scale(0)
    admin = clients.admin(here.settings)

    def empty() -> bool:
        group = admin.describe_consumer_groups([here.stage.group])[here.stage.group].result(10)
        return bool(group.state == ConsumerGroupState.EMPTY)

    here.wait(empty, "the group to be empty", 30)


def results(here: Site) -> Results:
    """Every result that the stage sent, by id, with all keys and values that it had."""
    own = f"headrace/{here.stage.name}".encode()
    found: Results = defaultdict(set)
    for each in read_back(here.settings, (topics.SCANNED.name, topics.JOBS_STARTED.name)):
        headers = dict(each.headers)
        if headers["ce_source"] == own:
            found[(headers["ce_id"] or b"").decode()].add((each.key, each.value))
    return dict(found)
