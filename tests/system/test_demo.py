"""Tests of `headrace demo` as a new user runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tomllib
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from headrace.console.kafka.log_reader import LogReader
from headrace.console.routing.stages import load_stages
from headrace.sandbox.access.control import call_control
from headrace.sandbox.cluster.environment import of
from headrace.sandbox.demo.run import ALL_STAGES
from headrace.sandbox.demo.samples import samples
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.streams.pipeline import OPTIONAL_STAGES
from tests.support.billed_usage import BilledUsage, billed_usage
from tests.support.prices import PRICES
from tests.support.process import COMMAND, run, wait_for

LIMIT = 120.0
OPTIONAL = {stage.name: stage for stage in OPTIONAL_STAGES}
DEPENDENT_CALLS = {"DetectCustomLabels", "InvokeModel", "SearchFaces"}
"""One for each frame, passage or face: how many there are is known when the file has been read."""
DEPENDENT_COSTS = {"documents", "data-automation", "describe", "summary"}
"""They depend on the pages of a PDF, or on the tokens of a model."""
MARK = "HEADRACE_TEST_OF_THE_DEMO"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment without other settings, with a variable that identifies all child processes."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_BOOT", "AWS_"))}
    return {**bare, "XDG_STATE_HOME": str(tmp_path / "state"), "TMPDIR": str(tmp_path), MARK: str(tmp_path)}


def left(environment: dict[str, str]) -> list[str]:
    """Return the running processes that were started in this environment."""
    report = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == environment[MARK] and process.status() != psutil.STATUS_ZOMBIE:
                report.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return report


@pytest.mark.timeout(1200)
def test_every_file_has_the_expected_outcome_and_everything_stops(environment: dict[str, str], tmp_path: Path) -> None:
    completed = subprocess.run(
        [COMMAND, "demo", "--json", "--limit", str(LIMIT)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    report = json.loads(completed.stdout)
    assert {asset["key"]: asset_endings(asset) for asset in report["assets"]} == {
        sample.name: dict(sample.endings) for sample in samples()
    }
    assert all(asset["state"] == "completed" for asset in report["assets"])
    assert all(letter["reason"] for asset in report["assets"] for letter in asset["dead_letters"])
    assert report["jobs_started"] == report["jobs_unique"] == 6
    assert report["routed"]["sns"] >= len(samples())
    assert (report["routed"]["sqs"], report["routed"]["http"]) == (3, 2)
    assert report["usd"] > 0
    assert 0 < report["seconds"]["ready"] < report["seconds"]["first_result"] < report["seconds"]["all"]
    assert (report["search"]["key"], report["search"]["moments"][0]["kind"]) == ("jfk.flac", "transcript")
    assert report["wrong"] == []
    assert left(environment) == []
    assert list(tmp_path.glob("headrace-demo-*")) == []


@pytest.mark.timeout(2400)
def test_all_stages_process_the_samples_and_cost_what_was_forecast(environment: dict[str, str]) -> None:
    try:
        completed = subprocess.run(
            [COMMAND, "demo", "--all-stages", "--keep", "--limit", str(5 * LIMIT)],
            env={**environment, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert completed.returncode == 0, completed.stderr
        usage = usage_of(of(Path(environment["XDG_STATE_HOME"]) / "headrace" / "sandbox"))
    finally:
        run(environment, "sandbox", "down")
    found = found_by_stage(completed.stdout)
    enabled = tomllib.loads(ALL_STAGES.read_text("utf-8"))["stages"]
    assert enabled.keys() <= OPTIONAL.keys()
    assert found.keys() >= {name for name in enabled if OPTIONAL[name].writes}
    assert all(text.strip("✓✗ ") for lines in found.values() for text in lines)
    assert any("ask not" in text for text in found["transcript"])
    assert any("CREDIT_DEBIT_NUMBER" in text for text in found["pii"])
    assert any("loudness" in text for text in found["quality"])
    assert left(environment) == []
    counted = {name: number for name, number in usage.calls.items() if name not in DEPENDENT_CALLS}
    assert counted == {name: number for name, number in usage.forecast_calls.items() if name not in DEPENDENT_CALLS}
    for stage, usd in usage.charged_usd.items():
        if stage not in DEPENDENT_COSTS:
            assert usd == pytest.approx(usage.forecast_usd[stage], rel=0.1), stage


def usage_of(sandbox: dict[str, str]) -> BilledUsage:
    """Return what the stages of a sandbox called and charged, beside the forecast."""
    log = LogReader(KafkaSettings(bootstrap_servers=sandbox["HEADRACE_BOOTSTRAP_SERVERS"]))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in sandbox.items():
            patch.setenv(name, value)
        ledger = call_control(sandbox["AWS_ENDPOINT_URL_REKOGNITION"] + "/ledger?limit=10000")
    return billed_usage(log, load_stages(sandbox["HEADRACE_PIPELINE"]), PRICES, ledger["calls"])


def found_by_stage(output: str) -> dict[str, list[str]]:
    """Return the lines of the results by stage."""
    found: dict[str, list[str]] = {}
    for stage, text in re.findall(r"^ ([a-z-]+) +([✓✗] \S.*)", output, re.MULTILINE):
        found.setdefault(stage, []).append(text)
    return found


def asset_endings(asset: dict[str, Any]) -> dict[str, str]:
    """Return the outcome of each stage of an asset: `done` or a dead-letter code."""
    codes = {letter["stage"]: letter["code"] for letter in asset["dead_letters"]}
    return {stage: codes[stage] if status == "dead-lettered" else status for stage, status in asset["stages"].items()}


@pytest.mark.parametrize(
    ("number", "code", "at"),
    [(signal.SIGINT, 130, " scan "), (signal.SIGTERM, 143, "✓ ai")],
    ids=["at work", "at start"],
)
def test_interrupted_demo_stops_everything(
    environment: dict[str, str], number: signal.Signals, code: int, at: str, tmp_path: Path
) -> None:
    log = tmp_path / "demo.log"
    with log.open("w") as output:
        demo = subprocess.Popen([COMMAND, "demo"], env=environment, stdout=output, stderr=output)
    wait_for(lambda: at in log.read_text() or demo.poll() is not None, f"{at!r} in {log}", LIMIT)
    demo.send_signal(number)
    assert demo.wait(300) == code
    assert "Traceback" not in log.read_text()
    assert left(environment) == []
    assert list(tmp_path.glob("headrace-demo-*")) == []


def test_killed_demo_stops_everything(environment: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "demo.log"
    with log.open("w") as output:
        demo = subprocess.Popen([COMMAND, "demo"], env=environment, stdout=output, stderr=output)
    wait_for(lambda: " scan " in log.read_text() or demo.poll() is not None, f"' scan ' in {log}", LIMIT)
    assert len(left(environment)) >= 5, log.read_text()
    demo.kill()
    assert demo.wait(300) == -signal.SIGKILL
    wait_for(lambda: not left(environment), "the end of what the demo started")
    assert list(tmp_path.glob("headrace-demo-*")) == []


def test_kept_demo_names_what_is_missing_in_time_and_runs_until_sandbox_down(environment: dict[str, str]) -> None:
    def headrace(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        own = {**environment, **variables}
        return subprocess.run([COMMAND, *arguments], env=own, capture_output=True, text=True, check=False)

    try:
        slow = headrace("demo", "--keep", "--json", "--limit", "1", HEADRACE_SANDBOX_JOB_SECONDS="100")
        assert slow.returncode == 1
        [line] = [line for line in slow.stderr.splitlines() if "time is up after 1 s: " in line]
        assert re.search(r"rabbit\.mp4: [^;]*(its upload|transcript) missing", line)
        report = json.loads(slow.stdout)
        assert report["seconds"]["all"] is None
        assert len(report["wrong"]) >= 4

        parts = json.loads(headrace("sandbox", "status", "--json").stdout)
        assert {part["name"]: part["status"] for part in parts} == dict.fromkeys(
            ("kafka", "aws", "ai", "bridge", "worker", "views", "console"), "running"
        )
        [port] = [part["port"] for part in parts if part["name"] == "console"]
        for path, text in (("/", "media.labelled"), ("/stages/probe", "headrace.probe"), ("/api/status", "probe")):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as page:
                assert text in page.read().decode(), path
        refused = headrace("demo", "--data", f"{environment['XDG_STATE_HOME']}/headrace/sandbox")
        assert (refused.returncode, "--keep" in refused.stderr) == (1, True)
    finally:
        headrace("sandbox", "down")
    assert left(environment) == []
