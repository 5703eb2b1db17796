"""The command line: every command has help, every expected error is one line and exit code 1."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from headrace.console.app import main
from headrace.console.app.lazy import entry_point_commands, source_help
from headrace.console.app.main import COMMANDS, app
from headrace.console.errors import CommandError
from headrace.console.kafka import log_reader
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings

ALL = {**entry_point_commands("headrace.commands"), **COMMANDS}
NOWHERE = "127.0.0.1:1"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove HEADRACE_* and AWS_* variables and any sandbox state."""
    for name in [name for name in os.environ if name.startswith(("HEADRACE_", "AWS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def fails_in_one_line(*arguments: str) -> str:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    return result.stderr


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_help(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0, result.output
    assert source_help(ALL[name])
    assert source_help(ALL[name]) in " ".join(result.stdout.replace("│", " ").split())


def test_help_lists_every_command() -> None:
    listed = run("--help").stdout
    assert [name for name in ALL if f"│ {name} " not in listed] == []


def test_listing_commands_imports_none() -> None:
    code = (
        "import sys; from headrace.console.app.main import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'faust', 'boto3', 'confluent_kafka', 'pydantic', 'headrace.streams', 'fastavro'};"
        "print(sorted(set(sys.modules) & heavy))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.splitlines()[-1] == "[]"


def test_version_prints_the_version() -> None:
    assert run("version").stdout.startswith("headrace 0.")


@pytest.mark.parametrize("command", [("status",), ("status", "--json"), ("trace", "a/b"), ("watch",)])
def test_missing_variable_is_named(command: tuple[str, ...]) -> None:
    assert "HEADRACE_BOOTSTRAP_SERVERS is not set" in fails_in_one_line(*command, "--from-log")


@pytest.mark.parametrize("command", [("status",), ("trace", "a/b"), ("watch",)])
def test_unreachable_broker_is_a_one_line_error(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_KAFKA_TIMEOUT_SECONDS", "0.5")
    monkeypatch.setenv("HEADRACE_BOOTSTRAP_SERVERS", NOWHERE)
    assert f"no Kafka at {NOWHERE}" in fails_in_one_line(*command, "--from-log")


def test_unknown_stage_error_lists_the_stages() -> None:
    output = fails_in_one_line("worker", "labels", "nonsense")
    assert "no stage nonsense" in output
    assert "thumbnails" in output


@pytest.mark.parametrize("arguments", [(), ("--all", "labels")])
def test_worker_takes_either_stages_or_all(arguments: tuple[str, ...]) -> None:
    assert "--all" in fails_in_one_line("worker", *arguments)


def test_missing_file_is_named_and_nothing_is_stored(tmp_path: Path) -> None:
    there = tmp_path / "there.txt"
    there.write_text("x")
    output = fails_in_one_line("put", str(there), str(tmp_path / "gone.txt"), "--bucket", "b")
    assert "gone.txt" in output
    assert "nothing was stored" in output


def test_put_without_a_bucket_names_the_option(tmp_path: Path) -> None:
    there = tmp_path / "there.txt"
    there.write_text("x")
    assert "--bucket" in fails_in_one_line("put", str(there))


def test_unreachable_storage_is_a_one_line_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://{NOWHERE}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    there = tmp_path / "there.txt"
    there.write_text("x")
    assert NOWHERE in fails_in_one_line("put", str(there), "--bucket", "b")


def test_debug_prints_the_traceback() -> None:
    assert "Traceback" in run("--debug", "status").stderr


def test_a_read_fails_when_the_broker_stops_answering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_reader, "SILENCE", 0.1)
    consumer = clients.simple_consumer(KafkaSettings(bootstrap_servers=NOWHERE))
    with pytest.raises(CommandError, match=r"Kafka did not answer within 0\.1 s"):
        list(log_reader._up_to_now(consumer, [("media.uploaded", 0)]))
    consumer.close()


def test_failing_environment_provider_does_not_break_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "headrace" / "sandbox" / "state.json"
    state.parent.mkdir(parents=True)
    state.write_text("not JSON")
    result = run("version")
    assert (result.exit_code, result.stdout.split()[0]) == (0, "headrace")
    assert "sandbox" in result.stderr


def test_set_variables_override_package_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        value = "somewhere:known"

        @staticmethod
        def load() -> object:
            return lambda: {"HEADRACE_MEDIA_BUCKET": "theirs", "HEADRACE_RESULTS_BUCKET": "theirs"}

    monkeypatch.setattr(main, "entry_points", lambda group: [Point])
    monkeypatch.setenv("HEADRACE_MEDIA_BUCKET", "mine")
    monkeypatch.delenv("HEADRACE_RESULTS_BUCKET", raising=False)
    main.apply_default_environment()
    assert (os.environ["HEADRACE_MEDIA_BUCKET"], os.environ["HEADRACE_RESULTS_BUCKET"]) == ("mine", "theirs")
    monkeypatch.delenv("HEADRACE_RESULTS_BUCKET")


def test_unexpected_error_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "apply_default_environment", lambda: 1 / 0)
    assert isinstance(run("version").exception, ZeroDivisionError)


def test_ctrl_c_exits_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "apply_default_environment", interrupt)
    assert run("version").exit_code == 130


def test_the_app_is_one_group() -> None:
    assert isinstance(typer.main.get_command(app), main.CommandGroup)
