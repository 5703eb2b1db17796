"""Fetch the broker's jars once, each checked against its pinned digest; the one door to jgo."""

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
"""Seconds without a byte after which a connection counts as dead."""

Resolve: TypeAlias = Callable[[str], Path]
"""From a Maven coordinate to a local file."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One pinned file of the broker's class path; `size` is in bytes."""

    sha256: str
    size: int
    coordinate: str

    @property
    def filename(self) -> str:
        """The name of the file, as Maven has it."""
        _group, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def default_folder() -> Path:
    """The folder that keeps the jars for all sandboxes of a user."""
    return user_folder("XDG_CACHE_HOME", ".cache") / f"kafka-{KAFKA_VERSION}"


def pinned() -> tuple[Jar, ...]:
    """The flat list of all that the broker and Kafka's own tools load."""
    lines = PINS.read_text(encoding="utf-8").splitlines()
    rows = (line.split() for line in lines if not line.startswith("#"))
    return tuple(Jar(sha256, int(size), coordinate) for sha256, size, coordinate in rows)


def class_path(folder: Path) -> str:
    """Java's class path, for a folder that `ensure` has filled."""
    return os.pathsep.join(str(folder / jar.filename) for jar in pinned())


def missing(folder: Path) -> tuple[Jar, ...]:
    """The jars still to be fetched. One that is in the folder is whole and checked: it was moved there after that."""
    return tuple(jar for jar in pinned() if not (folder / jar.filename).exists())


def ensure(folder: Path, tell: OnProgressEvent = ignore) -> None:
    """Fetch what is missing; without network, and at once, when nothing is. An exception of `tell` ends the fetch.

    Raises `SandboxError` when a jar cannot be had or is not the pinned one. Those that came are kept.
    """
    wanted = missing(folder)
    if not wanted:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".fetching-", dir=folder) as staging, ThreadPoolExecutor(CONNECTIONS) as pool:
        resolve = _resolver(Path(staging), _byte_counter(sum(jar.size for jar in wanted), tell))
        fetches = [pool.submit(fetch, jar, resolve, folder) for jar in wanted]
        try:
            for done in as_completed(fetches):
                done.result()
        finally:
            pool.shutdown(cancel_futures=True)


def fetch(jar: Jar, resolve: Resolve, folder: Path) -> None:
    """Put one jar into the folder, whole and checked, or raise `SandboxError`."""
    try:
        file = resolve(jar.coordinate)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    except (OSError, RuntimeError) as error:  # what jgo raises: OSError is the network's, RuntimeError a missing file's
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise SandboxError(
            f"{jar.filename} could not be fetched ({reason}): check the network (HTTPS_PROXY if there is a proxy)"
            " and run the command again; what has come is kept."
        ) from error
    if digest != jar.sha256:
        raise SandboxError(
            f"{jar.filename} is not the file that broker_jars.txt pins (sha256 {digest}) and was thrown away:"
            " check what stands between this machine and the Maven repository."
        )
    os.replace(file, folder / jar.filename)


def _resolver(staging: Path, count: Callable[[int], None]) -> Resolve:
    """Let jgo fetch single artifacts, for which it reads no pom, into a folder where a half file does no harm."""
    from jgo.maven import MavenContext, PythonResolver

    @contextmanager
    def progress(_filename: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield count

    maven = MavenContext(resolver=PythonResolver(progress_callback=progress), repo_cache=staging, timeout=TIMEOUT)
    return lambda coordinate: Path(maven.create_dependency(coordinate).artifact.resolve())


def _byte_counter(total: int, tell: OnProgressEvent) -> Callable[[int], None]:
    done = 0
    lock = threading.Lock()

    def count(size: int) -> None:
        nonlocal done
        with lock:
            done += size
            tell(Fetched(done, total))

    return count
