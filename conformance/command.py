"""Run a command that reads vectors as lines and writes outputs as lines."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Sequence
from queue import Empty, Queue
from typing import Any

MAX_IDLE_STARTS = 20
"""Give up after as many starts in a row without an answer."""


class CommandError(Exception):
    """The command cannot be used; the text says what to check."""


class Unanswered(Exception):
    """The command did not answer a vector; the text is `timeout`, `exit code N` or `not a JSON object`."""


class Command:
    """One implementation. A new process starts after a timeout and after an exit."""

    def __init__(self, arguments: Sequence[str], seconds: float, start_seconds: float) -> None:
        """Answers take at most `seconds`, the first one of a process at most `start_seconds` more."""
        self._arguments = list(arguments)
        self._seconds = seconds
        self._start_seconds = start_seconds
        self._process: subprocess.Popen[str] | None = None
        self._lines: Queue[str | None] = Queue()
        self._idle_starts = 0

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Send a question and return the answer. Raises `Unanswered` and `CommandError`."""
        limit = self._seconds
        if self._process is None:
            self._start()
            limit += self._start_seconds
        line = self._exchange(json.dumps(question), limit)
        self._idle_starts = 0
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise Unanswered("not a JSON object")
        return answer

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            process.stdin.close()  # type: ignore[union-attr]  # it is a pipe
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start(self) -> None:
        if self._idle_starts == MAX_IDLE_STARTS:
            raise CommandError(f"the command ended {MAX_IDLE_STARTS} times without an answer: run it by hand")
        self._idle_starts += 1
        try:
            process = subprocess.Popen(
                self._arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
            )
        except OSError as error:
            raise CommandError(f"the command does not start: {error}") from error
        self._process, self._lines = process, Queue()
        threading.Thread(target=_read, args=(process, self._lines), daemon=True).start()

    def _exchange(self, line: str, seconds: float) -> str:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # the process has ended, which reading notices
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
        try:
            answer = self._lines.get(timeout=seconds)
        except Empty:
            process.kill()
            self.close()
            raise Unanswered("timeout") from None
        if answer is None:
            self.close()
            raise Unanswered(f"exit code {process.returncode}")
        return answer


def _read(process: subprocess.Popen[str], lines: Queue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)
