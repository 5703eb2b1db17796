"""Tests of the ClamAV client with a real clamd whose only signature is the EICAR test file."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headrace.sandbox.cluster.ports import free_port, is_free
from headrace.sandbox.names import HOST
from headrace.streams.errors import OutageError, PermanentError
from headrace.streams.media import clamav
from tests.support.process import wait_for

# In two parts, so that virus scanners do not report this file.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD" + b"-ANTIVIRUS-TEST-FILE!$H+H*"
LIMIT = 1_000_000
SHIPPED = Path(__file__).parents[2] / "deploy" / "clamd.conf"
Daemon = tuple[str, subprocess.Popen[bytes]]


@contextmanager
def clamd_with(folder: Path, settings: dict[str, str]) -> Iterator[Daemon]:
    """Run a clamd with one signature; yield its address and process."""
    program = shutil.which("clamd", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("clamd is not installed; on Debian: apt-get install clamav-daemon")
    (folder / "own.ndb").write_text(f"Headrace.Test.EICAR:0:*:{EICAR.hex()}\n")
    port = free_port(None, (), random.Random())
    address = {"DatabaseDirectory": str(folder), "TCPSocket": str(port), "TCPAddr": HOST}
    (folder / "clamd.conf").write_text("".join(f"{key} {value}\n" for key, value in {**settings, **address}.items()))
    with (folder / "log").open("wb") as log:
        command = [program, "--foreground", f"--config-file={folder / 'clamd.conf'}"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for(lambda: process.poll() is not None or not is_free(port), "clamd")
        assert process.poll() is None, (folder / "log").read_text()
        yield f"{HOST}:{port}", process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with clamd_with(tmp_path_factory.mktemp("clamd"), {"StreamMaxLength": str(LIMIT)}) as daemon:
        yield daemon


def shipped() -> dict[str, str]:
    """Return the settings of deploy/clamd.conf without the user and the container socket."""
    lines = [line.split(" ", 1) for line in SHIPPED.read_text().splitlines() if line and not line.startswith("#")]
    return {key: value for key, value in lines if key not in ("User", "LocalSocket")}


async def test_harmless_file_returns_the_clamd_version(daemon: Daemon, tmp_path: Path) -> None:
    path = tmp_path / "harmless"
    path.write_bytes(bytes(LIMIT - 1))

    assert (await clamav.scan(daemon[0], path)).startswith("ClamAV ")


async def test_infected_file_error_names_the_signature(daemon: Daemon, tmp_path: Path) -> None:
    path = tmp_path / "infected"
    path.write_bytes(b"before it " + EICAR + b" and behind it")

    with pytest.raises(PermanentError, match=r"^ClamAV found Headrace\.Test\.EICAR") as caught:
        await clamav.scan(daemon[0], path)
    assert caught.value.code == "infected"


async def test_file_over_the_limit_is_too_large(daemon: Daemon, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(20 * LIMIT))

    with pytest.raises(PermanentError, match="StreamMaxLength") as caught:
        await clamav.scan(daemon[0], path)
    assert caught.value.code == "too_large"


async def test_shipped_settings_scan_large_files(tmp_path: Path) -> None:
    (path := tmp_path / "large").write_bytes(bytes(110_000_000) + EICAR)
    with clamd_with(tmp_path, shipped()) as daemon, pytest.raises(PermanentError) as caught:
        await clamav.scan(daemon[0], path)
    assert caught.value.code == "infected"


async def test_partially_scanned_file_is_too_large(tmp_path: Path) -> None:
    (path := tmp_path / "large").write_bytes(bytes(2 * LIMIT) + EICAR)
    reason = r"at its limit MaxFileSize: raise it in clamd\.conf"
    with (
        clamd_with(tmp_path, {**shipped(), "MaxFileSize": str(LIMIT)}) as daemon,
        pytest.raises(PermanentError, match=reason) as caught,
    ):
        await clamav.scan(daemon[0], path)
    assert caught.value.code == "too_large"


async def test_stopped_clamd_is_an_outage(daemon: Daemon, tmp_path: Path) -> None:
    path = tmp_path / "harmless"
    path.write_bytes(b"harmless")
    daemon[1].kill()
    daemon[1].wait()

    with pytest.raises(OutageError, match="HEADRACE_CLAMD"):
        await clamav.scan(daemon[0], path)
