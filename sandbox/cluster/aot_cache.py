"""The ahead-of-time cache of the broker's classes (JEP 483, JEP 514), with which it starts in half the time."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.sandbox.cluster.java import VARIABLE

MIN_VERSION = 25
"""Java 25 has `-XX:AOTCache`, and records a configuration in a normal run."""

OVERRIDES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
"""Options of the user; the JVM does not start with a cache and, for example, -Xshare:off."""

USERS = ("HEADRACE_", "AWS_")
"""Settings of the user, which the process that creates the cache does not get."""

TRAINING = "headrace.sandbox.cluster.aot_training"
LOG = "training.log"
RELEASE = re.compile(r'^JAVA_VERSION="(\d+)', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class AotCache:
    """The files of one cache: the cache, what the JVM recorded for it, and the lock of the process that creates it."""

    folder: Path
    key: str

    @property
    def file(self) -> Path:
        """The cache. It is written elsewhere and renamed, so that it is complete."""
        return self.folder / f"{self.key}.aot"

    @property
    def recorded(self) -> Path:
        """The configuration that the JVM recorded. Removed once the cache exists."""
        return self.folder / f"{self.key}.recorded"

    @property
    def lock(self) -> Path:
        """The lock."""
        return self.folder / f"{self.key}.lock"

    def flags(self) -> tuple[str, ...]:
        """Return the flags of a JVM that uses the cache; none if it does not exist.

        The JVM ignores a cache that it cannot use. It checks the content only with VerifySharedSpaces, which takes less
        than 0.1 s, and crashes without it if bytes have changed.
        """
        if not self.file.exists():
            return ()
        return (f"-XX:AOTCache={self.file}", "-XX:+VerifySharedSpaces", "-Xlog:aot*=error")


def find(java: Path, jars: Sequence[Path], flags: Iterable[str], environment: Mapping[str, str]) -> AotCache | None:
    """Return the cache of a Java with a class path and flags; None if this Java has none, or the user set options.

    The key covers what the JVM compares: its build, the jars with sizes and times, and the flags.
    """
    home = java.resolve().parents[1]
    try:
        release = (home / "release").read_text(encoding="utf-8")
        files = [*jars, home / "lib" / "modules", home / "lib" / "server" / "libjvm.so"]
        stats = [(path.name, path.stat()) for path in files]
    except OSError:  # another layout, or no HotSpot
        return None
    version = RELEASE.search(release)
    if not version or int(version[1]) < MIN_VERSION or any(environment.get(name) for name in OVERRIDES):
        return None
    described = [(name, stat.st_size, stat.st_mtime_ns if name.endswith(".jar") else 0) for name, stat in stats]
    key = hashlib.sha256(repr((release, [str(jar) for jar in jars], described, list(flags))).encode()).hexdigest()[:16]
    return AotCache(jars[0].parent / "aot", key)


def create_in_background(cache: AotCache | None, port: int) -> None:
    """Start a process that creates the cache, unless it exists.

    It ends with the broker at `port`, and with the owner of this process (`lifetime`).
    """
    if cache is None or cache.file.exists():
        return
    kept = {name: value for name, value in os.environ.items() if name == VARIABLE or not name.startswith(USERS)}
    try:
        cache.folder.mkdir(parents=True, exist_ok=True)
        with (cache.folder / LOG).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", TRAINING, str(port)],
                cwd=cache.folder,
                env=kept,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError:  # the folder is not writable: the broker starts without a cache
        return
    process.returncode = 0  # the process outlives this object, which would otherwise warn
