"""Records that the broker deletes before a stage reads them are facts, and red until an operator acts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from typer.testing import CliRunner

from headrace.console.commands.audit import app
from headrace.console.kafka.log_reader import LogReader
from headrace.schemas.kafka import clients
from headrace.schemas.records import Asset
from headrace.streams.engine.account import Account, from_metadata
from tests.chaos.support.feed import upload
from tests.chaos.support.site import Site, site
from tests.chaos.support.worker import Orders
from tests.support.brokers import Brokers, brokers

WITHIN_SECONDS = 60.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    with brokers(tmp_path_factory.mktemp("loss-brokers")) as started:
        yield started


def put(here: Site, name: str, count: int) -> None:
    """Send uploads."""
    assets = [
        Asset(bucket="media", key=f"{name}{number}.jpg", version="v1", etag="e", size=1, sequencer="01")
        for number in range(count)
    ]
    here.put_in(upload(here.book, here.stage.reads[0].name, each) for each in assets)


def delete_records(here: Site) -> int:
    """Delete every record of the input, as retention does. Return the number of records that the stage had not read."""
    spans = LogReader(here.settings).spans([here.stage.reads[0].name])
    committed = LogReader(here.settings).groups({here.stage.group: spans})[here.stage.group].committed
    admin = clients.admin(here.settings)  # the futures need it until they are done
    offsets = [TopicPartition(*place, span.high) for place, span in spans.items()]
    for future in admin.delete_records(offsets).values():
        future.result(WITHIN_SECONDS)
    return sum(span.high - committed[place] for place, span in spans.items())


def accounts(here: Site) -> list[Account]:
    """Return the count with each committed offset of the input."""
    log = LogReader(here.settings)
    group = log.groups({here.stage.group: log.partitions([here.stage.reads[0].name])})[here.stage.group]
    return [account for text in group.metadata.values() if (account := from_metadata(text))]


def run_until(here: Site, lost: int) -> None:
    here.fleet.scale(1)
    here.wait(lambda: here.idle() and sum(each.lost for each in accounts(here)) == lost, "the stage to go on", 90)
    here.fleet.scale(0)


@pytest.mark.timeout(600)
def test_records_deleted_while_a_stage_is_stopped(
    cluster: Brokers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = Orders(
        bootstrap_servers=cluster.bootstrap_servers, folder=str(tmp_path), stage="losses", reads="losses.in"
    )
    monkeypatch.setenv("HEADRACE_BOOTSTRAP_SERVERS", cluster.bootstrap_servers)
    with site(cluster, orders) as here:
        put(here, "first", 5)
        run_until(here, 0)
        assert here.accounts().problems == ()
        put(here, "lost", 7)
        assert delete_records(here) == 7
        [problem] = here.accounts().problems
        assert problem.startswith("losses: 7 records of losses.in were deleted before it read them; a worker records")

        put(here, "last", 3)
        run_until(here, 7)

        problems = here.accounts().problems
        assert all("were deleted before it read them" in problem for problem in problems)
        counted = accounts(here)
        assert sum(each.finished for each in counted) == 8
        losses = json.loads(CliRunner().invoke(app, ["losses", "--json"]).stdout)
        assert sum(loss["end"] - loss["begin"] for loss in losses) == 7
        assert {loss["topic"] for loss in losses} == {"losses.in"}
        ids = [f"{loss['stage']}/{loss['topic']}/{loss['partition']}/{loss['begin']}" for loss in losses]
        shown = CliRunner().invoke(app, ["losses"]).stdout
        assert all(id_ in shown for id_ in ids)
        done = CliRunner().invoke(app, ["acknowledge", *ids, "--why", "published again"])
        assert (done.exit_code, done.stdout) == (0, f"{len(ids)} losses acknowledged\n")
        assert CliRunner().invoke(app, ["losses"]).stdout == "no losses\n"
        assert here.accounts().problems == ()


@pytest.mark.timeout(600)
def test_a_stage_that_never_had_a_record_notices_its_first_loss(cluster: Brokers, tmp_path: Path) -> None:
    """Its committed offset is 0, which Faust takes for none."""
    name = "first-losses"
    orders = Orders(
        bootstrap_servers=cluster.bootstrap_servers, folder=str(tmp_path), stage=name, reads="first-losses.in"
    )
    with site(cluster, orders) as here:
        partitions = LogReader(here.settings).partitions(["first-losses.in"])
        here.fleet.scale(1)
        here.wait(lambda: len(accounts(here)) == len(partitions), "the first commit", 90)
        here.fleet.scale(0)
        put(here, "early", 6)
        assert delete_records(here) == 6

        run_until(here, 6)

        assert sum(each.finished for each in accounts(here)) == 0
