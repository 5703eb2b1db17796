"""Servers that stand in for a cloud that answers at once, each a process of its own."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.ports import free_port


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[str]:
    """Run a module that is told its port first, and says a line when it listens; give its address."""
    port = free_port(None, [], random.Random())
    command = [sys.executable, "-m", module, str(port), *arguments]
    with subprocess.Popen(command, cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
