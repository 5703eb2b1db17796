"""The checker of the crash tests detects each planted bug."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.schemas.records import Asset
from tests.chaos.support.checker import anomalies
from tests.chaos.support.feed import upload
from tests.chaos.support.history import History
from tests.chaos.support.site import Site, site
from tests.chaos.support.worker import Orders
from tests.support.brokers import Brokers, brokers
from tests.support.paid_service import BROKEN

AN_HOUR = 3_600_000


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """One broker for all tests of the module."""
    with brokers(tmp_path_factory.mktemp("bug-brokers")) as started:
        yield started


def file(name: str, version: int = 1, milliseconds: int = 1) -> Asset:
    """One version of an object; its size is the processing time in milliseconds."""
    order = f"{version:08X}"
    return Asset(bucket="media", key=name, version=f"v{version}", etag="e", size=milliseconds, sequencer=order)


def play(cluster: Brokers, orders: Orders, assets: list[Asset], until: Callable[[Site], bool]) -> History:
    """Send uploads, wait for `until`, kill the worker, and read the history."""
    with site(cluster, orders) as here:
        inputs = here.put_in(upload(here.book, orders.reads, asset) for asset in assets)
        here.fleet.scale(1)
        here.wait(lambda: until(here), "the bug to show", 60)
    return here.history(inputs)


def orders(cluster: Brokers, folder: Path, bug: str, stage: str = "") -> Orders:
    name = stage or bug.replace(" ", "-")
    return Orders(
        bootstrap_servers=cluster.bootstrap_servers, folder=str(folder), stage=name, reads=f"{name}.in", bug=bug
    )


def names(history: History) -> set[str]:
    return {each.name for each in anomalies(history)}


def test_acknowledging_before_the_send_loses_records(cluster: Brokers, tmp_path: Path) -> None:
    photos = [file(f"{number}.jpg") for number in range(12)]
    found = play(cluster, orders(cluster, tmp_path, "ack early"), photos, Site.idle)
    assert names(found) == {"lost input", "commit past unfinished"}


def test_unawaited_dead_letter_is_lost(cluster: Brokers, tmp_path: Path) -> None:
    photos = [file(f"{prefix}{number}.jpg") for number in range(6) for prefix in ("", BROKEN)]
    found = play(cluster, orders(cluster, tmp_path, "dead letter not awaited"), photos, Site.idle)
    assert names(found) == {"lost input", "commit past unfinished"}
    assert len([each for each in anomalies(found) if each.name == "lost input"]) == 6


def test_committing_the_highest_finished_offset_loses_records(cluster: Brokers, tmp_path: Path) -> None:
    photos = [file("slow.jpg", milliseconds=AN_HOUR), *(file(f"{number}.jpg") for number in range(40))]
    found = play(cluster, orders(cluster, tmp_path, "no head check"), photos, Site.idle)
    assert names(found) == {"lost input", "commit past unfinished"}
    assert len([each for each in anomalies(found) if each.name == "lost input"]) == 1


def test_scheduling_by_arrival_breaks_key_order(cluster: Brokers, tmp_path: Path) -> None:
    versions = [file("one.jpg", version, milliseconds=800 // version**2) for version in range(1, 5)]
    found = play(cluster, orders(cluster, tmp_path, "order by arrival"), versions, Site.idle)
    assert names(found) == {"key order broken"}


def test_random_job_token_pays_twice(cluster: Brokers, tmp_path: Path) -> None:
    found = _crash_behind_the_effect(cluster, orders(cluster, tmp_path, "drawn token"))
    assert names(found) == {"effect done twice"}


def test_without_a_bug_the_same_crash_pays_once(cluster: Brokers, tmp_path: Path) -> None:
    found = _crash_behind_the_effect(cluster, orders(cluster, tmp_path, "", stage="no-bug"))
    assert names(found) == set()
    assert len(found.effects) == 3


def _crash_behind_the_effect(cluster: Brokers, wanted: Orders) -> History:
    videos = [file(f"{number}.mp4") for number in range(3)]
    with site(cluster, wanted) as here:
        inputs = here.put_in(upload(here.book, wanted.reads, asset) for asset in videos)
        here.fleet.armed.append("effect.after")
        here.fleet.scale(1)
        here.wait(lambda: here.fleet.deaths["crash at effect.after"] and here.idle(), "the second worker", 60)
    return here.history(inputs)
