"""Runs what is measured in a process of its own, with nothing else to do."""

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
    """Run a command and give the last line that it printed, which is JSON. Ends with what it said where it failed."""
    env = {**os.environ, **(variables or {})}
    done = subprocess.run(command, cwd=HERE, env=env, capture_output=True, timeout=seconds, check=False)
    try:
        done.check_returncode()
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=kind)
    except (subprocess.CalledProcessError, IndexError, msgspec.DecodeError):
        printed, said = (each.decode(errors="replace") for each in (done.stdout[-200:], done.stderr[-2000:]))
        told = f"{command[1:3]} ended with {done.returncode}, and its output with {printed!r}:\n{said}"
        raise SystemExit(told) from None


def module(name: str, task: Any) -> list[str]:
    """Give the command that hands a task to a module of ours."""
    return [sys.executable, "-m", name, msgspec.json.encode(task).decode()]
