"""Create the ahead-of-time cache of the broker: `python -m headrace.sandbox.cluster.aot_training [PORT]`.

A broker in a temporary folder runs once with typical requests, and the JVM records what it loads. A second JVM creates
the cache from it. Both steps take seconds of CPU, so they run in a process of the lowest priority. Each leaves its
result, so that a run that was ended continues at the second step. A run ends with the broker at PORT.
"""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from headrace.sandbox.cluster import components, kafka_broker, storage
from headrace.sandbox.cluster.aot_cache import AotCache
from headrace.sandbox.cluster.kafka_broker import BrokerNode, Runtime
from headrace.sandbox.cluster.lifetime import OWNERS, end_children_with_me
from headrace.sandbox.cluster.ports import free_port, is_free
from headrace.sandbox.names import HOST
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.topics import Topic

LOWEST_PRIORITY = 19
STEP_SECONDS = 300.0
POLL_SECONDS = 0.1
KEPT = 3
"""Caches that are kept, the newest ones: each has about 70 MB."""

TOPIC = Topic("training", "records of the training run", partitions=2)
RECORDS = 100


def main() -> None:
    """Create the cache. Exit code 1 with one line if that fails; the broker then starts without it."""
    os.nice(LOWEST_PRIORITY)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the JVMs are killed on the way out
    os.environ.pop(OWNERS, None)  # a JVM that records takes seconds to end by SIGTERM
    end_children_with_me()
    try:
        create(components.runtime(), int(sys.argv[1]) if len(sys.argv) > 1 else None)
    except (OSError, subprocess.SubprocessError, RuntimeError) as error:
        sys.exit(f"the cache of the broker cannot be created: {error}")


def create(runtime: Runtime, port: int | None = None) -> None:
    """Create the cache, unless it exists or another process is creating it; stop once nothing listens at `port`.

    Raises:
        OSError: The folder is not writable.
        RuntimeError: The broker did not start in time, or nothing listens at `port`.
        subprocess.SubprocessError: The JVM failed.
    """
    cache = runtime.cache
    if cache is None:
        return
    cache.folder.mkdir(parents=True, exist_ok=True)
    with _locked(cache.lock) as mine:
        if not mine or cache.file.exists():
            return
        if not cache.recorded.exists():
            _record(runtime, cache, port)
        _assemble(runtime, cache, port)
        cache.recorded.unlink()
    _remove_old(cache)


def _record(runtime: Runtime, cache: AotCache, port: int | None) -> None:
    """Run a broker that records what it loads. The JVM writes the file when the broker stops."""
    new = cache.recorded.with_suffix(".recorded-new")
    new.unlink(missing_ok=True)
    ports = [free_port(None, (), random.Random())]
    ports.append(free_port(None, ports, random.Random()))
    node = BrokerNode(1, *ports)
    with TemporaryDirectory(prefix="headrace-aot-") as folder:
        kafka_broker.prepare(runtime, Path(folder), node, [node], storage.new_id())
        command = kafka_broker.command_line(runtime, ("-XX:AOTMode=record", f"-XX:AOTConfiguration={new}"))
        broker = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL)
        try:
            _wait(lambda: broker.poll() is not None or kafka_broker.is_ready(node.port), port)
            _send_typical_requests(node.port)
            broker.terminate()
            _wait(lambda: broker.poll() is not None, port)
        finally:
            broker.kill()
            broker.wait()
    os.replace(new, cache.recorded)


def _assemble(runtime: Runtime, cache: AotCache, port: int | None) -> None:
    """Create the cache from what was recorded."""
    new = cache.file.with_suffix(".aot-new")
    flags = ("-XX:AOTMode=create", f"-XX:AOTConfiguration={cache.recorded}", f"-XX:AOTCache={new}")
    command = kafka_broker.command_line(runtime, flags)
    with subprocess.Popen(command, cwd=cache.folder, stdin=subprocess.DEVNULL) as jvm:
        try:
            _wait(lambda: jvm.poll() is not None, port)
        finally:
            jvm.kill()
    if jvm.returncode:
        cache.recorded.unlink()  # the next run records again: this record may be damaged
        raise subprocess.CalledProcessError(jvm.returncode, command[0])
    os.replace(new, cache.file)


def _wait(is_done: Callable[[], bool], port: int | None) -> None:
    deadline = time.monotonic() + STEP_SECONDS
    while not is_done():
        if time.monotonic() > deadline:
            raise RuntimeError(f"no result after {STEP_SECONDS:.0f} s")
        if port is not None and is_free(port):
            raise RuntimeError("the sandbox has ended; the next one continues")
        time.sleep(POLL_SECONDS)


def _send_typical_requests(port: int) -> None:
    """Create a topic, produce to it, and read it as a consumer group."""
    settings = KafkaSettings(bootstrap_servers=f"{HOST}:{port}")
    clients.create_topics(clients.admin(settings), [TOPIC], 1)
    producer = clients.producer(settings)
    for number in range(RECORDS):
        producer.produce(TOPIC.name, b"record", str(number).encode())
    producer.flush(STEP_SECONDS)
    consumer = clients.group_consumer(settings, TOPIC.name, "earliest")
    consumer.subscribe([TOPIC.name])
    deadline, received = time.monotonic() + STEP_SECONDS, 0
    while received < RECORDS and time.monotonic() < deadline:
        received += sum(record.error() is None for record in consumer.consume(RECORDS, 1.0))
    consumer.commit(asynchronous=False)
    consumer.close()


@contextmanager
def _locked(file: Path) -> Iterator[bool]:
    """Yield whether this process has the lock."""
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _remove_old(cache: AotCache) -> None:
    """Remove all caches but the newest ones. Running brokers keep theirs: it is mapped into memory."""
    by_age = sorted(cache.folder.glob("*.aot"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in by_age[KEPT:]:
        for each in cache.folder.glob(f"{file.stem}.*"):
            each.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
