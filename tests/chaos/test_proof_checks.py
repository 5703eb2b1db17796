"""The checks of the proof find each broken promise, its schedule depends on its seed only, and its means work."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from headrace.console.routing.stages import load_stages
from headrace.sandbox.ai.framework.ledger import Ledger, LedgerJob
from headrace.schemas import topics
from tests.chaos import run_proof
from tests.chaos.proof import disks, plants
from tests.chaos.proof.facts import Facts
from tests.chaos.proof.findings import findings
from tests.chaos.proof.recoveries import quantiles
from tests.chaos.proof.run import ProofPlan
from tests.chaos.proof.schedule import LARGEST_STEP, TARGETS, schedule
from tests.chaos.proof.uploads import Open, Upload, uploads
from tests.support import stepped_clock
from tests.support.process import wait_for
from tests.support.tcp_proxy import forwarding

UPLOADED, SCANNED, COMPLETED = topics.UPLOADED.name, topics.SCANNED.name, topics.COMPLETED.name
RETRY, LETTERS = topics.retry("scan").name, topics.dead_letters("scan").name


@pytest.fixture
def facts(tmp_path: Path) -> Iterator[Facts]:
    """The facts of two versions of one asset and of one version of another, without a broken promise."""
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.begin(job("t1"), 0.0, 10)
    ledger.close()
    found = Facts(tmp_path / "facts.db")
    found.attach(tmp_path / "ledger.db", "ledger")
    found.add("uploads", [("r1", "media/a", 1, "s"), ("r2", "media/a", 2, "s"), ("r3", "media/b", 1, "s")])
    found.add("records", [record(UPLOADED, n, f"r{n}", "", f"r{n}", key) for n, key in enumerate("aab", 1)])
    found.add("records", [record(SCANNED, n, f"s{n}", f"r{n}", f"r{n}", key) for n, key in enumerate("aab", 1)])
    found.add("records", [record(COMPLETED, n, f"c{n}", f"s{n}", f"r{n}", key, 0) for n, key in ((2, "a"), (3, "b"))])
    found.index()
    yield found
    found.close()


def record(
    topic: str, offset: int, id_: str, cause: str, root: str, key: str, failed: int | None = None, digest: str = "d"
) -> tuple[object, ...]:
    return (topic, 0, offset, id_, cause, root, f"media/{key}", digest, failed)


def job(token: str) -> LedgerJob:
    return LedgerJob(f"id-{token}", "textract", "StartDocumentTextDetection", "media/a", token, {})


def names(facts: Facts) -> list[str]:
    return [each.name for each in findings(facts, load_stages())]


def test_finds_nothing_where_every_promise_holds(facts: Facts) -> None:
    assert names(facts) == []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (f"DELETE FROM records WHERE topic = '{UPLOADED}' AND id = 'r1'", "lost upload"),
        (f"DELETE FROM records WHERE topic = '{COMPLETED}' AND root = 'r2'", "unfinished upload"),
        (f"UPDATE records SET failed = 1 WHERE topic = '{COMPLETED}' AND root = 'r3'", "unfinished upload"),
        ("DELETE FROM uploads WHERE root = 'r1'", "record without cause"),
        ("INSERT INTO ledger.jobs SELECT 9, 'x', service, operation, asset, token, request, started_at, due_at, status,"
         " reason, result, finished_at, announced_at, deleted_at FROM ledger.jobs", "duplicate job"),
    ],
)  # fmt: skip
def test_finds_a_broken_promise(facts: Facts, change: str, finding: str) -> None:
    facts.execute(change)
    assert names(facts) == [finding]


def test_finds_more_jobs_than_versions_of_an_asset_under_different_tokens(facts: Facts) -> None:
    for token in ("t2", "t3"):
        columns = "job_id, service, operation, asset, token, request, started_at, due_at, status"
        changed = columns.replace("job_id", f"'{token}'").replace("token", f"'{token}'")
        facts.execute(f"INSERT INTO ledger.jobs ({columns}) SELECT {changed} FROM ledger.jobs WHERE token = 't1'")
    assert names(facts) == ["duplicate job"]


def test_finds_two_results_of_one_cause(facts: Facts) -> None:
    facts.add("records", [record(SCANNED, 9, "other", "r3", "r3", "b")])
    assert names(facts) == ["two results"]


def test_finds_a_result_before_that_of_an_earlier_record_unless_it_was_retried(facts: Facts) -> None:
    facts.execute(f"UPDATE records SET offset = 20 WHERE topic = '{SCANNED}' AND id = 's1'")
    assert names(facts) == ["key order broken"]
    facts.add("records", [record(RETRY, 1, "r1", "", "r1", "a")])
    assert names(facts) == []


def test_repeated_records_keep_their_order(facts: Facts) -> None:
    facts.add("records", [record(SCANNED, 10 + n, f"s{n}", f"r{n}", f"r{n}", "a") for n in (2, 1)])
    assert names(facts) == []


def test_finds_a_dead_letter_that_differs_from_its_record(facts: Facts) -> None:
    facts.add("records", [record(LETTERS, 1, "r1", "", "r1", "a")])
    assert names(facts) == []
    facts.add("records", [record(LETTERS, 1, "r1", "", "r1", "a", digest="other")])
    assert names(facts) == ["dead letter altered"]


@pytest.mark.parametrize("plant", [plants.LOSE_RECORD, plants.DUPLICATE_JOB, plants.REORDER_KEY])
def test_finds_a_bug_planted_in_the_facts_which_is_undone(facts: Facts, plant: str) -> None:
    with facts.undone():
        plants.plant_in_facts(plant, facts)
        assert names(facts) == [plants.EVIDENCE[plant]]
    assert names(facts) == []


def test_a_seed_gives_the_same_faults_and_uploads() -> None:
    assert schedule(7, 100, 900.0) == schedule(7, 100, 900.0) != schedule(8, 100, 900.0)
    assert list(islice(uploads(7), 100)) == list(islice(uploads(7), 100)) != list(islice(uploads(8), 100))


def test_a_schedule_has_every_kind_and_target_equally_often() -> None:
    found = schedule(1, 1_000, 7_800.0)
    kinds = Counter(fault.kind for fault in found)
    assert len(TARGETS) == 12
    assert kinds.keys() == TARGETS.keys()
    assert max(kinds.values()) - min(kinds.values()) <= 1
    assert {(fault.kind, fault.target) for fault in found} == {(k, t) for k, some in TARGETS.items() for t in some}
    assert [fault.at for fault in found] == sorted(fault.at for fault in found)
    assert found[-1].at < 7_800
    assert all(abs(fault.step) <= LARGEST_STEP for fault in found)
    assert {fault.kind for fault in schedule(1, 100, 900.0, ["disk full"])} == TARGETS.keys() - {"disk full"}


def test_uploads_have_new_versions_and_every_sample() -> None:
    found = list(islice(uploads(3), 2_000))
    assert len({each.root for each in found}) == 2_000
    assert 200 < sum(each.version > 1 for each in found) < 400
    assert {each.sample for each in found} == {"picture.jpg", "document.pdf", "broken.jpg"}


def test_an_upload_is_open_until_its_summary_or_that_of_a_newer_version() -> None:
    opened = Open()
    one, two = Upload("r1", "a", 1, "s"), Upload("r2", "a", 2, "s")
    opened.add(one)
    opened.add(two)
    assert (len(opened), opened.finished) == (1, 1)
    assert opened.finish("r1", "media/a") is None
    assert opened.finish("r2", "media/a") is not None
    assert opened.finish("r2", "media/a") is None
    assert (len(opened), opened.finished, opened.newest) == (0, 2, {})


def test_quantiles_of_any_number_of_times() -> None:
    assert quantiles([]) == {"p50": 0.0, "p99": 0.0, "most": 0.0, "number": 0}
    assert quantiles([2.0]) == {"p50": 2.0, "p99": 2.0, "most": 2.0, "number": 1}
    assert quantiles([1.0, 2.0, 3.0])["p50"] == 2.0


def test_a_clock_is_stepped_while_its_process_runs(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    stepped_clock.step(file, 0.0)
    program = (
        "import sys, time; from datetime import UTC, datetime; from pathlib import Path\n"
        "from tests.support import stepped_clock; stepped_clock.install(Path(sys.argv[1]))\n"
        "for _ in sys.stdin: print(time.time(), time.time_ns() / 1e9, datetime.now(UTC).timestamp(), flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        for offset in (0.0, 5_000.0, -5_000.0):
            stepped_clock.step(file, offset)
            process.stdin.write("\n")
            process.stdin.flush()
            times = [float(each) for each in process.stdout.readline().split()]
            assert all(abs(each - time.time() - offset) < 1_000 for each in times), times
        process.stdin.close()
    assert abs(datetime.now(UTC).timestamp() - time.time()) < 60


class StoreClient:
    """A client of the object store."""

    def __init__(self, port: int) -> None:
        self._port = port

    def call(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """Return the status and the body of a response."""
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)) as connection:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return response.status, response.read()

    def is_up(self) -> bool:
        """Whether the store responds."""
        try:
            return self.call("GET", "/_fault")[0] == 200
        except OSError:
            return False


@pytest.fixture
def store(tmp_path: Path) -> Iterator[StoreClient]:
    """A running object store."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    arguments = ["-m", "tests.chaos.proof.object_store", str(port), str(tmp_path / "objects.db")]
    with subprocess.Popen([sys.executable, *arguments]) as process:
        client = StoreClient(port)
        wait_for(client.is_up, "the object store")
        yield client
        process.kill()


def test_object_store_keeps_objects_and_lists_them_in_order(store: StoreClient) -> None:
    for key in ("b/2", "b/1", "c/1", "b", "b/%C3%A9"):
        assert store.call("PUT", f"/bucket/{key}", key.encode())[0] == 200
    assert store.call("GET", "/bucket/b/1?versionId=v7") == (200, b"b/1")
    assert store.call("HEAD", "/bucket/b/1") == (200, b"")
    status, listed = store.call("GET", "/bucket?list-type=2&prefix=b/&start-after=b/1")
    assert (status, listed.count(b"<Key>"), b"<Key>b/2</Key>" in listed) == (200, 2, True)
    assert store.call("PUT", "/bucket/d", x_amz_copy_source="/bucket/c/1")[0] == 200
    assert store.call("GET", "/bucket/d") == (200, b"c/1")
    assert store.call("DELETE", "/bucket/d")[0] == 204
    assert store.call("GET", "/bucket/d")[0] == 404


def test_object_store_checks_conditions(store: StoreClient) -> None:
    assert store.call("PUT", "/bucket/a", b"1", if_none_match="*")[0] == 200
    assert store.call("PUT", "/bucket/a", b"2", if_none_match="*")[0] == 412
    assert store.call("PUT", "/bucket/a", b"2", if_match='"other"')[0] == 412
    assert store.call("PUT", "/bucket/b", b"2", if_match='"other"')[0] == 404
    assert store.call("PUT", "/bucket/a", b"2", if_match='"c4ca4238a0b923820dcc509a6f75849b"')[0] == 200
    assert store.call("GET", "/bucket/a") == (200, b"2")


def test_object_store_is_slow_failing_or_unavailable_until_the_fault_ends(store: StoreClient) -> None:
    store.call("PUT", "/bucket/a", b"1")
    store.call("PUT", "/_fault", json.dumps({"mode": "failing", "share": 0.5}).encode())
    assert Counter(store.call("GET", "/bucket/a")[0] for _ in range(10)) == {200: 5, 503: 5}
    store.call("PUT", "/_fault", json.dumps({"mode": "slow", "seconds": 0.3}).encode())
    begun = time.monotonic()
    assert store.call("GET", "/bucket/a")[0] == 200
    assert time.monotonic() - begun >= 0.3
    store.call("PUT", "/_fault", b'{"mode": "unavailable"}')
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        store.call("GET", "/bucket/a")
    store.call("PUT", "/_fault", b"{}")
    assert store.call("GET", "/bucket/a")[0] == 200


def test_a_full_disk_rejects_bytes_until_it_is_emptied(tmp_path: Path) -> None:
    try:
        mounted = disks.disk(tmp_path / "disk")
        disk = mounted.__enter__()
    except OSError as error:
        pytest.skip(f"no disk can be mounted: {error}")
    try:
        file = disk.folder / "file"
        file.write_bytes(b"x" * 10_000)
        disk.fill()
        with pytest.raises(OSError, match="No space left"):
            (disk.folder / "other").write_bytes(b"x" * 100_000)
        assert file.read_bytes() == b"x" * 10_000
        disk.empty()
        (disk.folder / "other").write_bytes(b"x" * 100_000)
    finally:
        mounted.__exit__(None, None, None)


def test_proxy_outlives_its_target_and_holds_bytes_back_while_it_is_stalled() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as target:
        address = f"127.0.0.1:{target.getsockname()[1]}"
        with forwarding(address, port) as flowing, socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = target.accept()
            with accepted:
                client.sendall(b"1")
                assert accepted.recv(1) == b"1"
                flowing.clear()
                client.sendall(b"2")
                accepted.settimeout(0.2)
                with pytest.raises(TimeoutError):
                    accepted.recv(1)
                flowing.set()
                accepted.settimeout(60)
                assert accepted.recv(1) == b"2"
        assert client.fileno() == -1
        with pytest.raises(ConnectionError):
            socket.create_connection(("127.0.0.1", port))
    with forwarding(address, port):
        for _ in range(2):  # the target is down
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.settimeout(60)
                assert client.recv(1) == b""


@pytest.mark.parametrize(
    ("arguments", "plan"),
    [
        ([], run_proof.FULL),
        (["--short"], run_proof.SHORT),
        (
            ["--short", "--records", "5", "--faults", "0", "--seconds", "9"],
            replace(run_proof.SHORT, records=5, faults=0, seconds=9.0),
        ),
        (["--plant", plants.LOSE_RECORD], replace(run_proof.FULL, plants=(plants.LOSE_RECORD,))),
    ],
)  # fmt: skip
def test_command_runs_the_planned_form(
    arguments: list[str], plan: ProofPlan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran: list[ProofPlan] = []

    def stopped(wanted: ProofPlan, *_: object) -> None:
        ran.append(wanted)
        raise KeyboardInterrupt

    monkeypatch.setattr(run_proof, "run", stopped)
    monkeypatch.setattr("tempfile.mkdtemp", lambda **_: str(tmp_path))
    for name in ("end_on_signals", "end_children_with_me", "isolate_environment"):
        monkeypatch.setattr(run_proof, name, lambda: None)
    app = typer.Typer()
    app.command()(run_proof.main)
    CliRunner().invoke(app, [*arguments, "--seed", "7"])
    assert ran == [replace(plan, seed=7)]
