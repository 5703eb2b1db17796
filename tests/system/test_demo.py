"""`headrace demo`, as the first thing that anyone runs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from headrace.sandbox.demo.samples import samples
from tests.support.process import COMMAND, wait_for

LIMIT = 120.0
MARK = "HEADRACE_TEST_OF_THE_DEMO"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """No variable that leads to another cluster, and a mark by which every child is known."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_BOOT", "AWS_"))}
    return {**bare, "XDG_STATE_HOME": str(tmp_path / "state"), "TMPDIR": str(tmp_path), MARK: str(tmp_path)}


def left(environment: dict[str, str]) -> list[str]:
    """Every process that still runs of those that were started in this environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == environment[MARK] and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


@pytest.mark.timeout(240)
def test_every_file_ends_as_it_must_and_nothing_is_left_running(environment: dict[str, str], tmp_path: Path) -> None:
    said = subprocess.run(
        [COMMAND, "demo", "--json", "--limit", str(LIMIT)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    found = json.loads(said.stdout)
    assert {asset["key"]: asset_endings(asset) for asset in found["assets"]} == {
        sample.name: dict(sample.endings) for sample in samples()
    }
    assert all(asset["state"] == "completed" for asset in found["assets"])
    assert all(letter["reason"] for asset in found["assets"] for letter in asset["dead_letters"])
    assert found["jobs_started"] == found["jobs_unique"] == 6
    assert found["routed"]["sns"] >= len(samples())
    assert (found["routed"]["sqs"], found["routed"]["http"]) == (3, 2)
    assert found["usd"] > 0
    assert 0 < found["seconds"]["ready"] < found["seconds"]["first_result"] < found["seconds"]["all"]
    assert found["wrong"] == []
    assert left(environment) == []
    assert list(tmp_path.glob("headrace-demo-*")) == []


def asset_endings(asset: dict[str, Any]) -> dict[str, str]:
    """How each stage of an asset ended: `done`, or the code of its dead letter."""
    codes = {letter["stage"]: letter["code"] for letter in asset["dead_letters"]}
    return {stage: codes[stage] if status == "dead-lettered" else status for stage, status in asset["stages"].items()}


@pytest.mark.parametrize(
    ("number", "code", "at"),
    [(signal.SIGINT, 130, " scan "), (signal.SIGTERM, 143, "✓ ai")],
    ids=["at work", "at start"],
)
def test_a_demo_that_is_cut_short_leaves_nothing_running(
    environment: dict[str, str], number: signal.Signals, code: int, at: str, tmp_path: Path
) -> None:
    log = tmp_path / "demo.log"
    with log.open("w") as output:
        demo = subprocess.Popen([COMMAND, "demo"], env=environment, stdout=output, stderr=output)
    wait_for(lambda: at in log.read_text() or demo.poll() is not None, f"{at!r} in {log}", LIMIT)
    demo.send_signal(number)
    assert demo.wait(60) == code
    assert "Traceback" not in log.read_text()
    assert left(environment) == []
    assert list(tmp_path.glob("headrace-demo-*")) == []


def test_a_demo_that_is_killed_leaves_nothing_running(environment: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "demo.log"
    with log.open("w") as output:
        demo = subprocess.Popen([COMMAND, "demo"], env=environment, stdout=output, stderr=output)
    wait_for(lambda: " scan " in log.read_text() or demo.poll() is not None, f"' scan ' in {log}", LIMIT)
    assert len(left(environment)) >= 5, log.read_text()
    demo.kill()
    assert demo.wait(60) == -signal.SIGKILL
    wait_for(lambda: not left(environment), "the end of what the demo started")
    assert list(tmp_path.glob("headrace-demo-*")) == []


def test_a_demo_that_is_kept_runs_on_until_the_sandbox_is_put_down(environment: dict[str, str]) -> None:
    def headrace(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False)

    try:
        assert headrace("demo", "--keep", "--limit", str(LIMIT)).returncode == 0
        parts = json.loads(headrace("sandbox", "status", "--json").stdout)
        assert {part["name"]: part["status"] for part in parts} == dict.fromkeys(
            ("kafka", "aws", "ai", "bridge", "worker"), "running"
        )
        assert json.loads(headrace("trace", "jfk.flac", "--json").stdout)["versions"][0]["state"] == "completed"
        refused = headrace("demo", "--data", f"{environment['XDG_STATE_HOME']}/headrace/sandbox")
        assert (refused.returncode, "--keep" in refused.stderr) == (1, True)
    finally:
        headrace("sandbox", "down")
    assert left(environment) == []


def test_a_demo_that_takes_too_long_says_what_is_missing(environment: dict[str, str]) -> None:
    slow = {**environment, "HEADRACE_SANDBOX_JOB_SECONDS": "100"}
    said = subprocess.run(
        [COMMAND, "demo", "--json", "--limit", "1"], env=slow, capture_output=True, text=True, check=False
    )
    assert said.returncode == 1
    [line] = [line for line in said.stderr.splitlines() if "time is up after 1 s: " in line]
    assert re.search(r"rabbit\.mp4: [^;]*(its upload|transcript) missing", line)
    found = json.loads(said.stdout)
    assert found["seconds"]["all"] is None
    assert len(found["wrong"]) >= 4
    assert left(environment) == []
