"""A PostgreSQL server in a temporary folder, with the system's package."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

USER = "postgres"
PACKAGES = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """Return the folder of the newest installed PostgreSQL; None without one."""
    folders = sorted(PACKAGES.glob("*/bin"), key=lambda folder: float(folder.parent.name))
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Start a server and yield its SQLAlchemy URL. Skips the test where PostgreSQL is missing."""
    folder = programs()
    if folder is None:
        pytest.skip(f"PostgreSQL is not installed: {PACKAGES}/*/bin is missing")
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        pytest.skip("PostgreSQL does not run as root, and runuser is missing")
    place = Path(tempfile.mkdtemp(prefix="hr-pg-"))
    if os.geteuid() == 0:
        shutil.chown(place, USER)
    data, port = place / "data", _free_port()
    try:
        _run(folder / "initdb", "-D", data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        options = f"-p {port} -k {place} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=40"
        _run(folder / "pg_ctl", "-D", data, "-l", place / "log", "-w", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://{USER}@127.0.0.1:{port}/postgres"
        finally:
            _run(folder / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _run(*command: str | Path) -> None:
    """Run a program of PostgreSQL, as its own user if this process is root."""
    as_user = ("runuser", "-u", USER, "--") if os.geteuid() == 0 else ()
    done = subprocess.run([*as_user, *map(str, command)], stdout=subprocess.DEVNULL, cwd="/", check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed with exit code {done.returncode}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
