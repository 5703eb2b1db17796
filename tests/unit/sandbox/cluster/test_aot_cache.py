"""Tests of the broker's ahead-of-time cache: which one is used, and who creates it."""

from __future__ import annotations

import fcntl
import os
import random
import subprocess
from pathlib import Path

import pytest

from headrace.sandbox.cluster import aot_cache, aot_training
from headrace.sandbox.cluster.aot_cache import AotCache, find
from headrace.sandbox.cluster.kafka_broker import BrokerNode, Runtime, prepare
from headrace.sandbox.cluster.ports import free_port
from headrace.sandbox.cluster.storage import new_id

FLAGS = ("-Xmx256m",)


def java_home(folder: Path, version: str = "25.0.2") -> Path:
    """Create what is read of a Java, and return its `java`."""
    for path, text in {
        "release": f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n',
        "lib/modules": "modules",
        "lib/server/libjvm.so": "hotspot",
        "bin/java": "",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    return folder / "bin" / "java"


def jar_files(folder: Path) -> list[Path]:
    folder.mkdir()
    files = [folder / "a.jar", folder / "b.jar"]
    for file in files:
        file.write_text("classes", "utf-8")
        os.utime(file, ns=(1_000_000_000, 1_000_000_000))
    return files


def key(java: Path, jars: list[Path], flags: tuple[str, ...] = FLAGS) -> str:
    cache = find(java, jars, flags, {})
    assert cache
    return cache.key


def test_key_changes_with_java_jars_and_flags(tmp_path: Path) -> None:
    java, jars = java_home(tmp_path / "java"), jar_files(tmp_path / "jars")
    keys = [key(java, jars)]
    assert key(java, jars) == keys[0]
    keys.append(key(java, jars, ("-Xmx512m",)))
    keys.append(key(java, jars[:1]))
    keys.append(key(java_home(tmp_path / "newer", "26"), jars))
    other_build = java_home(tmp_path / "build")
    (tmp_path / "build" / "lib" / "server" / "libjvm.so").write_text("another build", "utf-8")
    keys.append(key(other_build, jars))
    os.utime(jars[1], ns=(2_000_000_000, 2_000_000_000))
    keys.append(key(java, jars))
    jars[1].write_text("more classes", "utf-8")
    os.utime(jars[1], ns=(1_000_000_000, 1_000_000_000))
    keys.append(key(java, jars))
    assert len(set(keys)) == len(keys)


def test_same_java_in_another_folder_shares_the_cache(tmp_path: Path) -> None:
    jars = jar_files(tmp_path / "jars")
    assert key(java_home(tmp_path / "one"), jars) == key(java_home(tmp_path / "two"), jars)


@pytest.mark.parametrize("version", ["17.0.15", "24.0.1", "unknown"])
def test_older_java_has_no_cache(tmp_path: Path, version: str) -> None:
    assert find(java_home(tmp_path / "java", version), jar_files(tmp_path / "jars"), FLAGS, {}) is None


@pytest.mark.parametrize("absent", ["java/release", "java/lib/server/libjvm.so", "jars/b.jar"])
def test_unknown_layout_or_missing_jar_has_no_cache(tmp_path: Path, absent: str) -> None:
    java, jars = java_home(tmp_path / "java"), jar_files(tmp_path / "jars")
    (tmp_path / absent).unlink()
    assert find(java, jars, FLAGS, {}) is None


@pytest.mark.parametrize("name", aot_cache.OVERRIDES)
def test_options_of_the_user_turn_the_cache_off(tmp_path: Path, name: str) -> None:
    """A JVM with a cache and -Xshare:off does not start."""
    java, jars = java_home(tmp_path / "java"), jar_files(tmp_path / "jars")
    assert find(java, jars, FLAGS, {name: "-Xshare:off"}) is None


def test_command_has_the_flags_once_the_cache_exists(tmp_path: Path) -> None:
    cache = AotCache(tmp_path, "key")
    node = BrokerNode(1, 29_991, 29_992)
    runtime = Runtime(Path("java"), tmp_path, cache)
    without = prepare(runtime, tmp_path / "node", node, [node], new_id()).argv
    cache.file.touch()
    with_cache = prepare(runtime, tmp_path / "node", node, [node], new_id()).argv
    assert [each for each in with_cache if each not in without] == list(cache.flags())
    assert f"-XX:AOTCache={cache.file}" in with_cache
    assert "-XX:+VerifySharedSpaces" in with_cache


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """A runtime whose two steps write files and count."""
    monkeypatch.setattr(aot_training, "_record", lambda _runtime, cache, _port: _write(cache.recorded))
    monkeypatch.setattr(aot_training, "_assemble", lambda _runtime, cache, _port: _write(cache.file))
    return Runtime(Path("java"), tmp_path, AotCache(tmp_path / "aot", "key"))


def _write(file: Path) -> None:
    assert not file.exists()
    file.touch()


def names(runtime: Runtime) -> set[str]:
    assert runtime.cache
    return {path.name for path in runtime.cache.folder.iterdir()}


def test_creates_the_cache_once(runtime: Runtime) -> None:
    aot_training.create(runtime)
    assert names(runtime) == {"key.aot", "key.lock"}
    aot_training.create(runtime)


def test_continues_with_what_an_ended_run_recorded(runtime: Runtime) -> None:
    assert runtime.cache
    runtime.cache.folder.mkdir()
    runtime.cache.recorded.touch()
    aot_training.create(runtime)
    assert names(runtime) == {"key.aot", "key.lock"}


def test_second_process_leaves_it_to_the_first(runtime: Runtime) -> None:
    assert runtime.cache
    runtime.cache.folder.mkdir()
    with runtime.cache.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        aot_training.create(runtime)
    assert names(runtime) == {"key.lock"}


def test_removes_the_oldest_caches(runtime: Runtime) -> None:
    assert runtime.cache
    runtime.cache.folder.mkdir()
    for age in range(4):
        for suffix in ("aot", "lock"):
            (runtime.cache.folder / f"old-{age}.{suffix}").touch()
        os.utime(runtime.cache.folder / f"old-{age}.aot", (1000 - age, 1000 - age))
    aot_training.create(runtime)
    kept = {"key", *(f"old-{age}" for age in range(aot_training.KEPT - 1))}
    assert names(runtime) == {f"{name}.{suffix}" for name in kept for suffix in ("aot", "lock")}


def java_program(folder: Path, script: str) -> Runtime:
    """Return a runtime whose Java is a shell script, and whose record exists."""
    program = folder / "java"
    program.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    program.chmod(0o755)
    cache = AotCache(folder / "aot", "key")
    cache.folder.mkdir()
    cache.recorded.write_text("recorded", "utf-8")
    return Runtime(program, folder, cache)


def test_removes_a_record_that_the_jvm_rejects(tmp_path: Path) -> None:
    runtime = java_program(tmp_path, "exit 1")
    with pytest.raises(subprocess.CalledProcessError):
        aot_training.create(runtime)
    assert names(runtime) == {"key.lock"}


def test_ends_with_the_sandbox_and_keeps_the_record(tmp_path: Path) -> None:
    runtime = java_program(tmp_path, "exec sleep 600")
    unused = free_port(None, (), random.Random())
    with pytest.raises(RuntimeError, match="the sandbox has ended"):
        aot_training.create(runtime, unused)
    assert names(runtime) == {"key.recorded", "key.lock"}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The environments of the background processes."""
    environments: list[dict[str, str]] = []

    def start(_command: list[str], env: dict[str, str], **_options: object) -> object:
        environments.append(env)
        return type("Process", (), {})()

    monkeypatch.setattr(subprocess, "Popen", start)
    return environments


def test_background_process_has_no_settings_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[dict[str, str]]
) -> None:
    monkeypatch.setenv("HEADRACE_KAFKA_SASL", "PLAIN")
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("HEADRACE_JAVA", "system")
    aot_cache.create_in_background(AotCache(tmp_path / "aot", "key"), 1)
    [environment] = started
    assert environment["HEADRACE_JAVA"] == "system"
    assert environment["PATH"]
    assert not environment.keys() & {"HEADRACE_KAFKA_SASL", "AWS_PROFILE"}


def test_no_background_process_without_need_or_folder(tmp_path: Path, started: list[dict[str, str]]) -> None:
    aot_cache.create_in_background(None, 1)
    (tmp_path / "file").touch()
    aot_cache.create_in_background(AotCache(tmp_path / "file" / "aot", "key"), 1)
    (tmp_path / "key.aot").touch()
    aot_cache.create_in_background(AotCache(tmp_path, "key"), 1)
    assert started == []
