"""Redrive and rewind on a real broker: plans are executed exactly once, even after interruptions."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from headrace.console.errors import CommandError
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.replay import control, journal
from headrace.console.replay.audit import AuditEntry
from headrace.console.replay.redrive.plan import RedrivePlan
from headrace.console.replay.redrive.selection import SelectionCriteria
from headrace.console.replay.redrive.send import RedriveOptions
from headrace.console.replay.rewind import moves, rewind, targets
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.records import Asset
from tests.chaos.support.feed import Offer, upload
from tests.chaos.support.fleet import ROOT, Fleet
from tests.chaos.support.history import Input
from tests.chaos.support.observer import read_back
from tests.chaos.support.site import Site, site
from tests.chaos.support.worker import Orders
from tests.support import redrive as support_redrive
from tests.support.brokers import Brokers, brokers
from tests.support.paid_service import BROKEN, is_mended
from tests.support.process import wait_for

MENDED = 0.7


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """A broker of its own."""
    with brokers(tmp_path_factory.mktemp("replay-brokers")) as started:
        yield started


@pytest.fixture
def given(cluster: Brokers, tmp_path: Path, request: pytest.FixtureRequest) -> Orders:
    """The configuration of the workers of this test's stage."""
    name = request.node.name.removeprefix("test_").replace("_", "-")[:16].strip("-")
    return Orders(bootstrap_servers=cluster.bootstrap_servers, folder=str(tmp_path), stage=name, reads=f"{name}.in")


@pytest.fixture
def here(cluster: Brokers, given: Orders) -> Iterator[Site]:
    with site(cluster, given) as found:
        wanted = (topics.DISPOSITIONS, topics.AUDIT)
        clients.create_topics(clients.admin(found.settings), wanted, 1)
        yield found


def broken(here: Site, number: int) -> list[Offer]:
    reads = here.stage.reads[0].name
    return [upload(here.book, reads, asset(f"{BROKEN}{each}.jpg")) for each in range(number)]


def asset(key: str) -> Asset:
    return Asset(bucket="b", key=key, version="e", etag="e", sequencer="01", size=1)


def give_up(here: Site, number: int) -> list[Input]:
    """Produce records that become dead letters."""
    accepted = here.put_in(broken(here, number))
    here.fleet.scale(1)
    here.wait(lambda: here.idle() and len(letters(here)) == number, "all to be dead letters", 40)
    return accepted


def letters(here: Site) -> list[ConsumerRecord]:
    return list(read_back(here.settings, (topics.dead_letters(here.stage.name).name,)))


def retries(here: Site) -> list[ConsumerRecord]:
    return list(read_back(here.settings, (topics.retry(here.stage.name).name,)))


def results(here: Site) -> dict[str, set[tuple[bytes | None, bytes | None]]]:
    own = f"headrace/{here.stage.name}".encode()
    found: dict[str, set[tuple[bytes | None, bytes | None]]] = {}
    for each in read_back(here.settings, (topics.SCANNED.name,)):
        headers = dict(each.headers)
        if headers["ce_source"] == own:
            found.setdefault((headers["ce_causationid"] or b"").decode(), set()).add((each.key, each.value))
    return found


def replace_workers(here: Site, given: Orders, mended: float) -> None:
    """Replace the workers by ones for which a share of the broken files succeeds."""
    here.fleet.scale(0)
    here.fleet = Fleet(replace(given, mended=mended))
    here.fleet.scale(1)


def test_killed_redrive_sends_each_letter_once_over_all_runs(here: Site, given: Orders) -> None:
    number = 60
    accepted = give_up(here, number)
    replace_workers(here, given, MENDED)
    command = [sys.executable, "-m", "tests.support.redrive", msgspec.json.encode(given).decode(), "30"]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_for(lambda: len(retries(here)) >= 10, "some letters to go back", 40)
    finally:
        process.kill()
        process.wait()
    sent = len(retries(here))
    assert sent < number
    log = KafkaAdmin(here.settings)
    support_redrive.run(log, here.stage, RedriveOptions(0, canary=0, wait=40))
    here.wait(here.idle, "all that went back to end", 40)
    first = {place(each) for each in letters(here) if "replay-of" not in dict(each.headers)}
    assert len(first) == number
    assert first <= set(origins(here))
    assert len(set(origins(here))) == len(retries(here))  # none went back twice
    failing = {f"b/{BROKEN}{each}.jpg" for each in range(number) if not is_mended(f"{BROKEN}{each}.jpg", MENDED)}
    again = [each for each in letters(here) if dict(each.headers).get("replay-of")]
    assert {(each.key or b"").decode() for each in again} == failing
    assert len(results(here)) == number - len(failing)
    # Only the records that failed again are left: they are sent once more, then none is left.
    replace_workers(here, given, 1.0)
    assert len(support_redrive.plan(log, here.stage).selected()) == len(failing)
    support_redrive.run(log, here.stage, RedriveOptions(0, canary=0, wait=40))
    here.wait(here.idle, "the rest to end", 40)
    assert support_redrive.plan(log, here.stage).selected() == []
    support_redrive.run(log, here.stage, RedriveOptions(0, canary=0, wait=40))
    assert len(set(origins(here))) == len(retries(here))
    found = results(here)
    assert found.keys() == {each.id for each in accepted}
    assert all(len(bodies) == 1 for bodies in found.values())


def place(letter: ConsumerRecord) -> bytes:
    return f"{letter.topic}/{letter.partition}/{letter.offset}".encode()


def origins(here: Site) -> list[bytes]:
    """Return the dead letters named by the records of the retry topic."""
    return [dict(each.headers)["replay-of"] or b"" for each in retries(here)]


def test_failed_canary_stops_the_redrive_and_replays_are_limited(here: Site) -> None:
    give_up(here, 20)
    log = KafkaAdmin(here.settings)
    with pytest.raises(CommandError, match="5 of the first 5 dead letters failed again"):
        support_redrive.run(log, here.stage, RedriveOptions(0, canary=5, wait=30))
    assert len(retries(here)) == 5  # the rest stayed
    twice = SelectionCriteria(max_replays=2)
    for expected in (20, 15):  # what was tried first has been redriven twice before the others have
        letters_to_send = going(support_redrive.plan(log, here.stage, twice))
        assert len(letters_to_send) == expected
        past = set(origins(here))
        support_redrive.run(log, here.stage, RedriveOptions(0, canary=0, wait=30), twice)
        here.wait(here.idle, "all that went back to end", 30)
        assert set(origins(here)) - past == set(letters_to_send)
    planned = support_redrive.plan(log, here.stage, twice)
    assert going(planned) == []
    assert "redrive_limit" in {letter.verdict for letter in planned.letters}
    by_place = {place(each): each for each in letters(here)}
    for record in retries(here):
        was = by_place[dict(record.headers)["replay-of"] or b""]
        assert (record.key, record.value) == (was.key, was.value)


def going(planned: RedrivePlan) -> list[bytes]:
    return [planned.place(letter).encode() for letter in planned.selected()]


def test_redrive_pauses_resumes_and_stops_on_command(here: Site) -> None:
    give_up(here, 24)
    here.fleet.scale(0)
    log = KafkaAdmin(here.settings)
    ended: list[BaseException] = []

    def redrive() -> None:
        try:
            support_redrive.run(KafkaAdmin(here.settings), here.stage, RedriveOptions(1, canary=0, wait=0))
        except CommandError as error:
            ended.append(error)

    thread = threading.Thread(target=redrive)
    thread.start()
    wait_for(lambda: retries(here), "the first to go back", 30)
    assert control.send_command(log, "pause", newest(log)).state == "paused"
    paused = control.send_command(log, "pause", newest(log))  # idempotent
    assert len(retries(here)) == paused.sent
    control.send_command(log, "resume", newest(log))
    wait_for(lambda: len(retries(here)) > paused.sent, "more to go back", 30)
    stopped = control.send_command(log, "stop", newest(log))
    thread.join(150)
    assert stopped.state == "stopped"
    assert len(ended) == 1
    assert stopped.sent == len(retries(here)) < 24
    with pytest.raises(CommandError, match="is not running: its state is stopped"):
        control.send_command(log, "pause", stopped)
    support_redrive.run(log, here.stage, RedriveOptions(0, canary=0, wait=0))
    assert len(set(origins(here))) == len(retries(here)) == 24


def newest(log: KafkaAdmin) -> AuditEntry:
    return list(journal.read_entries(log).values())[-1]


def test_rewind_matches_its_plan_and_can_be_undone(here: Site) -> None:
    reads = here.stage.reads[0].name
    offers = [upload(here.book, reads, asset(f"{each}.jpg")) for each in range(60)]
    here.put_in(offers)
    here.fleet.scale(1)
    here.wait(lambda: here.idle() and len(results(here)) == 60, "all to be worked", 40)
    log = KafkaAdmin(here.settings)
    scope = moves.scope_of(here.stage)
    busy = rewind.plan_rewind(log, scope, targets.parse("earliest", 0))
    with pytest.raises(CommandError, match="1 active member in"):
        rewind.execute(log, busy, begun(here, "earliest"))
    here.fleet.scale(0)
    wait_for(lambda: not log.members(here.stage.group), "the group to be empty", 30)
    planned = rewind.plan_rewind(log, scope, targets.parse("earliest", 0))
    assert sum(move.replayed for move in planned.moves) == 60
    places = [move.place for move in planned.moves]
    before = log.positions(here.stage.group, places)
    done = rewind.execute(log, planned, begun(here, "earliest"))
    now = log.positions(here.stage.group, places)
    assert [move.to for move in planned.moves] == [now[move.place].offset for move in planned.moves]
    back = rewind.plan_undo(log, scope, done)
    rewind.execute(log, back, begun(here, done.id))
    undone = log.positions(here.stage.group, places)
    assert {place: each.offset for place, each in undone.items()} == {
        place: each.offset for place, each in before.items()
    }
    entries = journal.read_entries(log)
    assert (entries[done.id].state, entries[done.id].reason) == ("done", "a test")


def begun(here: Site, request: str) -> AuditEntry:
    return journal.start_entry("rewind", journal.StageGroup(here.stage.name, here.stage.group), request, "a test")
