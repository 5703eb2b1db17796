"""Tests of the start of a broker: its data folder, and its ahead-of-time cache with the real JVM."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from headrace.sandbox.cluster import aot_cache, aot_training, components, jars, kafka_broker, storage
from headrace.sandbox.cluster.aot_cache import AotCache
from headrace.sandbox.cluster.kafka_broker import BrokerNode, Runtime
from tests.support.process import is_gone, wait_for

VARYING = (slice(17, 21), slice(27, 43))
"""The checksum and the times in the header of a batch."""


def without_times(log: bytes) -> bytes:
    """Return record batches (KIP-98) without their checksums and times."""
    start, content = 0, bytearray(log)
    while start < len(log):
        length = int.from_bytes(log[start + 8 : start + 12], "big")
        batch = content[start : start + 12 + length]
        for varying in VARYING:
            batch[varying] = bytes(varying.stop - varying.start)
        content[start : start + 12 + length] = batch
        start += 12 + length
    return bytes(content)


def test_pinned_checkpoint_is_that_of_the_storage_tool(tmp_path: Path) -> None:
    """A new version of Kafka with other features fails here: copy its `bootstrap.checkpoint`."""
    runtime = components.runtime()
    jars.ensure(runtime.jars)
    node = BrokerNode(1, 29_991, 29_992)
    settings = tmp_path / kafka_broker.SETTINGS
    settings.write_text(kafka_broker.properties(node, [node]), "utf-8")
    arguments = ("format", f"--cluster-id={storage.new_id()}", f"--config={settings}")
    done = kafka_broker.kafka_tool(runtime, "kafka.tools.StorageTool", arguments, tmp_path)
    assert done.returncode == 0, done.stderr
    formatted = tmp_path / kafka_broker.LOG
    expected = (formatted / storage.BOOTSTRAP.name).read_bytes()
    assert without_times(expected) == without_times(storage.BOOTSTRAP.read_bytes())
    storage.format_folder(tmp_path / "ours", node.id, storage.new_id())
    names = [line.split("=")[0] for line in (formatted / storage.PROPERTIES).read_text("utf-8").splitlines()]
    ours = [line.split("=")[0] for line in (tmp_path / "ours" / storage.PROPERTIES).read_text("utf-8").splitlines()]
    assert sorted(ours) == sorted(name for name in names if not name.startswith("#"))
    assert {path.name for path in formatted.iterdir()} == {path.name for path in (tmp_path / "ours").iterdir()}


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    """A runtime with jars in a folder of its own, and no cache."""
    own = tmp_path_factory.mktemp("jars")
    shared = components.runtime()
    jars.ensure(shared.jars)
    for jar in jars.pinned():
        (own / jar.filename).symlink_to(shared.jars / jar.filename)
    files = [own / jar.filename for jar in jars.pinned()]
    flags = (*kafka_broker.JVM_FLAGS, *kafka_broker.BROKER_FLAGS)
    cache = aot_cache.find(shared.java, files, flags, {})
    assert cache, "the bundled Java has ahead-of-time caches"
    return Runtime(shared.java, own, cache)


@pytest.fixture(scope="module")
def trained(runtime: Runtime) -> AotCache:
    """The cache of a training run."""
    aot_training.create(runtime)
    assert runtime.cache
    return runtime.cache


def loaded_classes(runtime: Runtime, cache: AotCache, folder: Path) -> list[str]:
    """Run a tool of Kafka with the flags of a broker; return the lines of the JVM about loaded classes."""
    log = folder / "classes.log"
    command = kafka_broker.command_line(runtime, (*cache.flags(), f"-Xlog:class+load:file={log}"))
    tool = (*command[:-2], "org.apache.kafka.tools.TopicCommand", "--version")
    done = subprocess.run(tool, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert jars.KAFKA_VERSION in done.stdout
    return log.read_text("utf-8").splitlines()


def from_cache(lines: list[str]) -> int:
    return sum("source: shared objects file" in line for line in lines)


def test_classes_come_from_the_cache(runtime: Runtime, trained: AotCache, tmp_path: Path) -> None:
    assert {path.name for path in trained.folder.iterdir()} == {trained.file.name, trained.lock.name}
    lines = loaded_classes(runtime, trained, tmp_path)
    assert from_cache(lines) > len(lines) * 0.5
    kafka = [line for line in lines if "org.apache.kafka" in line]
    assert from_cache(kafka) > len(kafka) * 0.5


def flip_bytes(content: bytes) -> bytes:
    """Change a byte in each megabyte, behind the header."""
    changed = bytearray(content)
    for place in range(2**20, len(content), 2**20):
        changed[place] ^= 0xFF
    return bytes(changed)


def change_build(content: bytes) -> bytes:
    """Name another build of the JVM in the header."""
    assert b"25.0." in content[:4096]
    return content[:4096].replace(b"25.0.", b"25.9.") + content[4096:]


@pytest.mark.parametrize(
    "damage",
    [
        flip_bytes,
        change_build,
        lambda content: content[: len(content) // 2],
        lambda _content: b"",
        lambda _content: b"text",
    ],
    ids=["flipped", "foreign", "truncated", "empty", "text"],
)
def test_unusable_cache_does_not_stop_the_jvm(
    runtime: Runtime, trained: AotCache, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    damaged = replace(trained, folder=tmp_path)
    damaged.file.write_bytes(damage(trained.file.read_bytes()))
    lines = loaded_classes(runtime, damaged, tmp_path)
    assert len(lines) > 500
    assert from_cache(lines) == 0


def test_ended_training_ends_its_broker_at_once(tmp_path: Path) -> None:
    """A JVM that records takes seconds to end by SIGTERM, for which a user would wait."""
    cache_home = tmp_path / "headrace" / f"kafka-{jars.KAFKA_VERSION}"
    cache_home.mkdir(parents=True)
    for jar in jars.pinned():
        (cache_home / jar.filename).symlink_to(jars.default_folder() / jar.filename)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    training = subprocess.Popen(
        [sys.executable, "-P", "-m", aot_cache.TRAINING], env=environment, stdin=subprocess.DEVNULL, cwd=tmp_path
    )
    brokers = wait_for(lambda: _brokers(training.pid), "the broker of the training run")
    training.send_signal(signal.SIGTERM)
    assert training.wait(60) == 128 + signal.SIGTERM
    assert [each for each in brokers if not is_gone(each.pid)] == []
    assert [path.suffix for path in (cache_home / "aot").iterdir()] == [".lock"]


def _brokers(pid: int) -> list[psutil.Process]:
    return [each for each in psutil.Process(pid).children() if "kafka.Kafka" in each.cmdline()]
