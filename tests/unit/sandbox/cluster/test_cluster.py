"""Tests of up and down with small servers in place of Kafka and AWS."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.sandbox.cluster import cluster
from headrace.sandbox.cluster.components import COMPONENTS, ComponentContext
from headrace.sandbox.cluster.processes import is_alive
from headrace.sandbox.cluster.progress_events import Fetched, ProgressEvent, Ready
from headrace.sandbox.cluster.state_file import RunningComponent, read
from headrace.sandbox.errors import SandboxError
from tests.unit.sandbox.cluster.recipes import Thief, failing, server

BOTH = ("kafka", "aws")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in COMPONENTS:
        monkeypatch.setitem(COMPONENTS, name, server(name))
    yield tmp_path / "data"
    cluster.down(tmp_path / "data")


@pytest.fixture
def thief() -> Iterator[Thief]:
    thief = Thief()
    yield thief
    thief.close()


def kill(part: RunningComponent) -> None:
    os.kill(part.pid, signal.SIGKILL)
    deadline = time.monotonic() + 50
    while is_alive(part):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def endless_download(site: ComponentContext) -> None:
    deadline = time.monotonic() + 150
    while time.monotonic() < deadline:
        site.on_event(Fetched(1, 2))
        time.sleep(0.01)
    pytest.fail("nobody ended the download")


def test_up_starts_and_down_stops_every_component(data: Path) -> None:
    state = cluster.up(data)
    assert set(state.parts) == {"kafka", "aws", "ai"}
    assert all(is_alive(part) for part in state.parts.values())
    assert read(data) == state
    assert cluster.down(data) == ["kafka", "aws", "ai"]
    assert not any(is_alive(part) for part in state.parts.values())
    assert cluster.status(data) == []


def test_reports_each_ready_component(data: Path) -> None:
    heard: list[ProgressEvent] = []
    state = cluster.up(data, BOTH, heard.append)
    assert {event.part: event.port for event in heard if isinstance(event, Ready)} == {
        name: part.port for name, part in state.parts.items()
    }


def test_second_up_changes_nothing(data: Path) -> None:
    assert cluster.up(data, BOTH) == cluster.up(data, BOTH)


def test_up_completes_the_set_up_of_a_killed_up(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up: list[int] = []
    monkeypatch.setitem(COMPONENTS, "aws", server("aws", finish=lambda port, _access: set_up.append(port)))
    port = cluster.up(data, ["aws"]).parts["aws"].port
    cluster.up(data, ["aws"])
    assert set_up == [port, port]


def test_component_can_be_added_later(data: Path) -> None:
    first = cluster.up(data, ["aws"])
    both = cluster.up(data, BOTH)
    assert both.parts["aws"] == first.parts["aws"]
    assert set(both.parts) == set(BOTH)


def test_up_restarts_only_a_killed_component_on_its_port(data: Path) -> None:
    before = cluster.up(data, BOTH)
    kill(before.parts["aws"])
    assert {health.part.name: health.alive for health in cluster.status(data)} == {"kafka": True, "aws": False}
    after = cluster.up(data, BOTH)
    assert after.parts["kafka"] == before.parts["kafka"]
    assert after.parts["aws"].pid != before.parts["aws"].pid
    assert after.parts["aws"].port == before.parts["aws"].port


def test_ports_stay_the_same_after_down_and_up(data: Path) -> None:
    before = cluster.up(data, BOTH).ports
    cluster.down(data)
    assert cluster.up(data, BOTH).ports == before


def test_two_folders_are_two_sandboxes(data: Path, tmp_path: Path) -> None:
    first, second = cluster.up(data, BOTH), cluster.up(tmp_path / "other", BOTH)
    cluster.down(tmp_path / "other")
    assert all(is_alive(part) for part in first.parts.values())
    assert not any(is_alive(part) for part in second.parts.values())


def test_down_without_a_sandbox_creates_no_files(tmp_path: Path) -> None:
    assert cluster.down(tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


def test_failed_up_stops_everything_and_shows_the_log(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[RunningComponent] = []
    monkeypatch.setitem(COMPONENTS, "kafka", failing("kafka"))
    monkeypatch.setitem(
        COMPONENTS, "aws", server("aws", finish=lambda _port, _access: started.extend(read(data).parts.values()))
    )
    with pytest.raises(SandboxError, match=r"kafka exited during its start; its log is .*kafka\.log:\n  no disk"):
        cluster.up(data, BOTH)
    assert not any(is_alive(part) for part in started)
    assert cluster.status(data) == []


def test_stops_a_component_that_is_never_ready(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = failing("aws", "import time; time.sleep(60)", seconds=0.1)
    monkeypatch.setitem(COMPONENTS, "aws", silent)
    with pytest.raises(SandboxError, match="aws is not ready after 0 s"):
        cluster.up(data, ["aws"])
    assert cluster.status(data) == []


def test_failed_restart_keeps_the_other_components(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cluster.up(data, BOTH)
    kill(before.parts["kafka"])
    monkeypatch.setitem(COMPONENTS, "kafka", failing("kafka"))
    with pytest.raises(SandboxError, match="kafka exited"):
        cluster.up(data, BOTH)
    assert {health.part.name: health.alive for health in cluster.status(data)} == {"kafka": False, "aws": True}


def test_interrupted_up_stops_everything(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = failing("kafka", "import time; time.sleep(60)")
    interrupting = server("aws", finish=lambda _port, _access: signal.raise_signal(signal.SIGINT))
    monkeypatch.setitem(COMPONENTS, "kafka", waiting)
    monkeypatch.setitem(COMPONENTS, "aws", interrupting)
    with pytest.raises(KeyboardInterrupt):
        cluster.up(data, BOTH)
    assert cluster.status(data) == []


def test_failure_of_a_component_cancels_a_download(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMPONENTS, "kafka", server("kafka", before=endless_download))
    monkeypatch.setitem(COMPONENTS, "aws", failing("aws"))
    with pytest.raises(SandboxError, match="aws exited"):
        cluster.up(data, BOTH)


def test_replaces_a_port_taken_during_the_start(data: Path, thief: Thief, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMPONENTS, "aws", server("aws", before=thief))
    state = cluster.up(data, ["aws"])
    assert state.parts["aws"].port != thief.port
    assert is_alive(state.parts["aws"])


def test_keeps_a_port_that_running_components_need(data: Path, thief: Thief, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cluster.up(data, BOTH)
    kill(before.parts["aws"])
    monkeypatch.setattr(cluster, "PORT_WAIT_SECONDS", 0.1)
    monkeypatch.setitem(COMPONENTS, "aws", server("aws", before=thief))
    with pytest.raises(SandboxError, match="run `headrace sandbox down`"):
        cluster.up(data, BOTH)
    assert is_alive(before.parts["kafka"])
