"""Download the broker's jars once and verify their pinned digests. The only module that uses jgo."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from headrace.sandbox.cluster.progress_events import Fetched, OnProgressEvent, ignore
from headrace.sandbox.errors import SandboxError
from headrace.sandbox.paths import user_folder

KAFKA_VERSION = "4.3.1"
PINS = Path(__file__).with_name("broker_jars.txt")
CONNECTIONS = 8
TIMEOUT = 30
"""Seconds without data after which a download fails."""

Resolve: TypeAlias = Callable[[str], Path]
"""Downloads a Maven coordinate and returns the local file."""


@dataclass(frozen=True, slots=True)
class Jar:
    """A pinned jar of the broker's class path; `size` is in bytes."""

    sha256: str
    size: int
    coordinate: str

    @property
    def filename(self) -> str:
        """The Maven file name."""
        _group, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def default_folder() -> Path:
    """Return the jar folder shared by all sandboxes of a user."""
    return user_folder("XDG_CACHE_HOME", ".cache") / f"kafka-{KAFKA_VERSION}"


def pinned() -> tuple[Jar, ...]:
    """Return all jars of the broker and the Kafka tools."""
    lines = PINS.read_text(encoding="utf-8").splitlines()
    rows = (line.split() for line in lines if not line.startswith("#"))
    return tuple(Jar(sha256, int(size), coordinate) for sha256, size, coordinate in rows)


def class_path(folder: Path) -> str:
    """Return the Java class path of a folder with all jars."""
    return os.pathsep.join(str(folder / jar.filename) for jar in pinned())


def missing(folder: Path) -> tuple[Jar, ...]:
    """Return the jars that are not in the folder. Jars are verified before they are moved there."""
    return tuple(jar for jar in pinned() if not (folder / jar.filename).exists())


def ensure(folder: Path, on_event: OnProgressEvent = ignore) -> None:
    """Download the missing jars. Uses no network if none is missing. An exception of `on_event` cancels the download.

    Raises:
        SandboxError: A jar cannot be downloaded or has another digest. Verified jars are kept.
    """
    absent = missing(folder)
    if not absent:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".fetching-", dir=folder) as staging, ThreadPoolExecutor(CONNECTIONS) as pool:
        resolve = _resolver(Path(staging), _byte_counter(sum(jar.size for jar in absent), on_event))
        fetches = [pool.submit(fetch, jar, resolve, folder) for jar in absent]
        try:
            for done in as_completed(fetches):
                done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def fetch(jar: Jar, resolve: Resolve, folder: Path) -> None:
    """Download and verify one jar, then move it to the folder."""
    try:
        file = resolve(jar.coordinate)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    except (OSError, RuntimeError) as error:  # jgo: OSError for the network, RuntimeError for a missing file
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise SandboxError(
            f"{jar.filename} cannot be downloaded ({reason}): check the network (HTTPS_PROXY behind a proxy)"
            " and run the command again; completed downloads are kept."
        ) from error
    if digest != jar.sha256:
        raise SandboxError(
            f"{jar.filename} has sha256 {digest}, not the digest pinned in broker_jars.txt, and was discarded:"
            " check proxies between this machine and the Maven repository."
        )
    os.replace(file, folder / jar.filename)


def _resolver(staging: Path, count: Callable[[int], None]) -> Resolve:
    """Return a resolver that downloads single artifacts with jgo, without POMs, to a staging folder."""
    from jgo.maven import MavenContext, PythonResolver

    @contextmanager
    def progress(_filename: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield count

    maven = MavenContext(resolver=PythonResolver(progress_callback=progress), repo_cache=staging, timeout=TIMEOUT)
    return lambda coordinate: Path(maven.create_dependency(coordinate).artifact.resolve())


def _byte_counter(total: int, on_event: OnProgressEvent) -> Callable[[int], None]:
    done = 0
    lock = threading.Lock()

    def count(size: int) -> None:
        nonlocal done
        with lock:
            done += size
            on_event(Fetched(done, total))

    return count
