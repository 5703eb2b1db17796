"""Test runs are isolated from the user: no running sandbox, no settings, no AWS account."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from headrace.sandbox.cluster.state_file import ClusterState, RunningComponent, write
from tests.support import inner_run

SEES_NOTHING = """
import os, subprocess, sys
from pathlib import Path

import boto3

from headrace.sandbox.cluster import jars
from headrace.sandbox.cluster.environment import current
from headrace.sandbox.paths import default_data


def test_no_sandbox_is_up():
    assert current() == {}
    status = [sys.executable, "-m", "headrace.console", "sandbox", "status"]
    assert "Not up" in subprocess.run(status, capture_output=True, text=True).stdout


def test_no_setting_leads_elsewhere():
    assert [name for name in os.environ if name.startswith("HEADRACE_")] == ["HEADRACE_TEST_CONTAINERS"]
    assert [name for name in os.environ if name.startswith("AWS_ENDPOINT") or name == "AWS_PROFILE"] == []


def test_no_account_is_known():
    session = boto3.Session()
    assert (session.available_profiles, session.region_name) == ([], None)


def test_what_was_downloaded_is_shared():
    assert jars.default_folder().is_relative_to(os.environ["THE_USERS_CACHE"])


def test_processes_write_and_read_compiled_modules():
    code = "import sys; print(sys.dont_write_bytecode)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (sys.dont_write_bytecode, done.stdout) == (False, "False\\n")


def test_the_state_folder_is_this_process_s_own():
    with open(os.environ["SEEN"], "a") as seen:
        print(default_data(), file=seen)
"""


def planted(state: Path) -> None:
    """Write the state of a running sandbox, with this process as its broker."""
    part = RunningComponent("kafka", os.getpid(), psutil.Process().create_time(), 29092, Path("kafka.log"))
    folder = state / "headrace" / "sandbox"
    write(folder, ClusterState({"kafka": part}, {"kafka": 29092}))
    (folder / "rules").mkdir()
    (folder / "pipeline.toml").write_text("")


@pytest.fixture(params=["XDG_STATE_HOME", "HOME"])
def user(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Return a user environment with a running sandbox, settings and an AWS account."""
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "config").write_text("[default]\nregion = eu-north-1\n[profile mine]\nregion = eu-north-1\n")
    named = request.param == "XDG_STATE_HOME"
    planted(home / "named" if named else home / ".local" / "state")
    return {
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "named") if named else "",
        "XDG_CACHE_HOME": "",
        "PYTHONDONTWRITEBYTECODE": "1",
        "THE_USERS_CACHE": str(home / ".cache"),
        "SEEN": str(tmp_path / "seen"),
        "HEADRACE_BOOTSTRAP_SERVERS": "127.0.0.1:29092",
        "HEADRACE_RULES": "rules",
        "HEADRACE_TEST_CONTAINERS": "",
        "AWS_PROFILE": "mine",
        "AWS_CONFIG_FILE": str(home / ".aws" / "config"),
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
    }


@pytest.mark.parametrize(
    ("user", "options"),
    [("HOME", ()), ("XDG_STATE_HOME", ("--numprocesses", "2", "--dist", "each"))],
    indirect=["user"],
    ids=["alone", "workers"],
)
def test_run_is_isolated_from_the_user_environment(
    user: dict[str, str], tmp_path: Path, options: tuple[str, ...]
) -> None:
    found = inner_run.run(inner_run.write(tmp_path / "inner", test_seen=SEES_NOTHING), *options, **user)
    assert found.returncode == 0, found.stdout
    folders = set((tmp_path / "seen").read_text().split())
    assert len(folders) == (2 if options else 1)  # each worker has its own
    assert [folder for folder in folders if Path(folder).exists() or str(tmp_path) in folder] == []


def test_planted_sandbox_counts_as_running(user: dict[str, str]) -> None:
    code = "from headrace.sandbox.cluster.environment import current; print(*sorted(current()))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **user}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [
        "HEADRACE_BOOTSTRAP_SERVERS",
        "HEADRACE_PIPELINE",
        "HEADRACE_RULES",
        "HEADRACE_VIEWS",
    ]
