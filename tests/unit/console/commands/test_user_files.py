"""Each command reads the file that it is given within bounds: any file ends it with one line, and none without end."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headrace.console.app.main import app
from headrace.console.dlq.operations import _digests
from headrace.console.errors import CommandError
from headrace.console.terminal.user_files import MAX_DOCUMENT_BYTES, MAX_LINE_BYTES, private_file, read_document

DEFINITION = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
COMMANDS: dict[str, list[str]] = {
    "machine validate": ["machine", "validate", "FILE"],
    "machine draw": ["machine", "draw", "FILE"],
    "machine test": ["machine", "test", "FILE"],
    "machine test --batch": ["machine", "test", "--batch", "FILE"],
    "machine test --mocks": ["machine", "test", "DEFINITION", "--mocks", "FILE"],
    "machine test --input": ["machine", "test", "DEFINITION", "--input", "@FILE"],
    "machine test --state": ["machine", "test", "FILE", "--state", "A"],
    "rules import": ["rules", "import", "FILE", "--rules", "FOLDER"],
    "rules test PATTERN": ["rules", "test", "FILE", "{}"],
    "rules test EVENT": ["rules", "test", '{"a": [1]}', "FILE"],
    "rules test --batch": ["rules", "test", "--batch", "FILE"],
    "bridge preview": ["bridge", "preview", "FILE"],
    "bridge check": ["bridge", "check", "--offline", "FILE"],
    "console password": ["console", "password", "ann", "--generate", "--file", "FILE"],
}
LINES = ("machine test --batch", "rules test --batch", "bridge preview")
"""These answer each line, and take empty files."""
CONTENTS = {
    "empty": b"",
    "nul": b"\0",
    "nul in JSON": b'{"a": "\\u0000"}\0',
    "mark": b"\xef\xbb\xbf",
    "mark and latin-1": b"\xef\xbb\xbf{\xff}",
    "latin-1": b"\xff",
    "utf-16": DEFINITION.encode("utf-16"),
    "deep": b"[" * 100_000,
    "large": b" " * (MAX_DOCUMENT_BYTES + 1),
    "number": b"7",
}
VALID = {("console password", "empty"), ("console password", "mark"), ("machine test --input", "number")}
MOST_FED = 4 * MAX_LINE_BYTES


class Feed:
    """A pipe without an end: a thread writes until the reader closes it, or has taken far more than a limit."""

    def __init__(self, path: Path) -> None:
        self.fed = 0
        os.mkfifo(path)
        self._path = path
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            with open(self._path, "wb", buffering=0) as pipe:
                while self.fed < MOST_FED:
                    self.fed += pipe.write(b"x" * 65_536)
        except BrokenPipeError:
            pass

    def join(self) -> None:
        """Wait until the reader has closed the pipe."""
        self._thread.join(60)
        assert not self._thread.is_alive()


def run(command: str, file: Path) -> tuple[int, str]:
    """Run a command with a file; return its exit code and its output. It raises no unexpected error."""
    definition = file.parent / "definition.json"
    definition.write_text(DEFINITION, "utf-8")
    given = {"FILE": str(file), "@FILE": f"@{file}", "DEFINITION": str(definition), "FOLDER": str(file.parent / "r")}
    result = CliRunner().invoke(app, [given.get(each, each) for each in COMMANDS[command]])
    assert isinstance(result.exception, SystemExit | None), result.exception
    assert len(result.output) < 20_000
    return result.exit_code, result.output


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("command", COMMANDS)
def test_any_content_is_accepted_or_one_error(command: str, content: str, tmp_path: Path) -> None:
    file = tmp_path / "given"
    file.write_bytes(CONTENTS[content])
    code, output = run(command, file)
    accepts = command in LINES or (command, content) in VALID
    assert code in ((0, 1) if accepts else (1, 2))
    assert "Traceback" not in output


@pytest.mark.parametrize("kind", ["folder", "missing", "circle", "unreadable"])
@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_no_readable_file_is_one_error_that_names_it(command: str, kind: str, tmp_path: Path) -> None:
    file = tmp_path / kind
    match kind:
        case "folder":
            file.mkdir()
        case "circle":
            file.symlink_to(file)
        case "unreadable":
            file.touch(0o000)
            if os.access(file, os.R_OK):
                pytest.skip("this user may read every file")
    if command == "console password" and kind in ("missing", "circle"):
        return  # it is replaced
    code, output = run(command, file)
    assert code in (1, 2)
    assert kind in "".join(output.replace("│", "").split())  # a box may break a line within a word


@pytest.mark.parametrize("command", COMMANDS)
def test_pipe_without_an_end_is_read_up_to_a_limit(command: str, tmp_path: Path) -> None:
    file = tmp_path / "endless"
    feed = Feed(file)
    code, output = run(command, file)
    feed.join()
    assert code == 1
    assert "endless" in output
    assert feed.fed < MOST_FED


@pytest.mark.parametrize(
    "command", ["machine validate", "machine test --batch", "rules test --batch", "bridge preview"]
)
def test_standard_input_is_read_up_to_a_limit(command: str) -> None:
    arguments = ["-" if each == "FILE" else each for each in COMMANDS[command]]
    result = CliRunner().invoke(app, arguments, input=b"x" * (MAX_LINE_BYTES + 1))
    assert isinstance(result.exception, SystemExit)
    assert (result.exit_code, result.output.count("\n")) == (1, 1)


def test_line_of_an_import_has_a_limit(tmp_path: Path) -> None:
    file = tmp_path / "letters.jsonl"
    file.write_bytes(b" " * (MAX_LINE_BYTES + 1))
    with pytest.raises(CommandError, match="line 1 is longer than 16,777,216 bytes"):
        _digests(file, set())


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_largest_document_is_read_without_its_byte_order_mark(mark: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(mark + b"x" * (MAX_DOCUMENT_BYTES - len(mark)))
    assert read_document(str(file)) == "x" * (MAX_DOCUMENT_BYTES - len(mark))


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("prepare", [lambda path: None, lambda path: path.touch(0o644)], ids=["new", "existing"])
@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_private_file_is_readable_by_its_owner_only(prepare: Callable[[Path], None], mask: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        prepare(tmp_path / "a")
        with private_file(tmp_path / "a") as file:
            file.write(b"x")
    finally:
        os.umask(before)
    assert _mode(tmp_path / "a") == 0o600


def test_private_file_leaves_the_mode_of_a_device(tmp_path: Path) -> None:
    before = _mode(Path(os.devnull))
    with private_file(Path(os.devnull)) as file:
        file.write(b"x")
    assert _mode(Path(os.devnull)) == before
