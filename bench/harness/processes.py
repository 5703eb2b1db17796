"""Run a measurement in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

Answer = TypeVar("Answer")

HERE = Path(__file__).parents[2]
SECONDS = 300


def answer(
    command: Sequence[str], kind: type[Answer], seconds: float = SECONDS, variables: Mapping[str, str] | None = None
) -> Answer:
    """Run a command and decode its last output line as JSON. Exits with its error output if it fails."""
    env = {**os.environ, **(variables or {})}
    done = subprocess.run(command, cwd=HERE, env=env, capture_output=True, timeout=seconds, check=False)
    try:
        done.check_returncode()
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=kind)
    except (subprocess.CalledProcessError, IndexError, msgspec.DecodeError):
        stdout, stderr = (each.decode(errors="replace") for each in (done.stdout[-200:], done.stderr[-2000:]))
        message = f"{command[1:3]} exited with {done.returncode}, last output {stdout!r}:\n{stderr}"
        raise SystemExit(message) from None


def module(name: str, task: Any) -> list[str]:
    """Return the command that runs a module with a JSON task."""
    return [sys.executable, "-m", name, msgspec.json.encode(task).decode()]
