"""Tests of the pinned jars and of their verification."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from headrace.sandbox.cluster import jars
from headrace.sandbox.cluster.jars import Jar
from headrace.sandbox.errors import SandboxError

CONTENT = b"classes"
GOOD = Jar(hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), "org.example:thing:1.0")


def fetched(folder: Path) -> Path:
    file = folder / "fetched"
    file.write_bytes(CONTENT)
    return file


def test_every_pin_has_a_digest_a_size_and_a_coordinate() -> None:
    pins = jars.pinned()
    assert len({jar.filename for jar in pins}) == len(pins) > 30
    for jar in pins:
        assert len(bytes.fromhex(jar.sha256)) == 32
        assert jar.size > 0
        assert "/" not in jar.coordinate


def test_broker_and_tools_have_the_kafka_version() -> None:
    pinned = {jar.coordinate for jar in jars.pinned()}
    for artifact in ("kafka_2.13", "kafka-clients", "kafka-tools"):
        assert f"org.apache.kafka:{artifact}:{jars.KAFKA_VERSION}" in pinned


def test_moves_a_verified_jar_to_the_folder(tmp_path: Path) -> None:
    jars.fetch(GOOD, lambda _coordinate: fetched(tmp_path), tmp_path)
    assert (tmp_path / "thing-1.0.jar").read_bytes() == CONTENT


def test_rejects_a_jar_with_another_digest(tmp_path: Path) -> None:
    other = Jar("0" * 64, GOOD.size, GOOD.coordinate)
    with pytest.raises(SandboxError, match=r"thing-1\.0\.jar has .*, not the digest pinned in broker_jars\.txt"):
        jars.fetch(other, lambda _coordinate: fetched(tmp_path), tmp_path)
    assert not (tmp_path / "thing-1.0.jar").exists()


def test_download_error_has_a_remedy_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme in ("http", "https", "HTTP", "HTTPS"):
        monkeypatch.setenv(f"{scheme}_PROXY" if scheme.isupper() else f"{scheme}_proxy", "http://127.0.0.1:9")
    with pytest.raises(SandboxError, match=r"cannot be downloaded.*check the network") as caught:
        jars.ensure(tmp_path)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_existing_jars_are_not_downloaded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    for jar in jars.pinned():
        (tmp_path / jar.filename).touch()
    assert jars.missing(tmp_path) == ()
    jars.ensure(tmp_path)
    assert all(Path(entry).exists() for entry in jars.class_path(tmp_path).split(":"))


def test_missing_returns_only_absent_jars(tmp_path: Path) -> None:
    first, *rest = jars.pinned()
    (tmp_path / first.filename).touch()
    assert jars.missing(tmp_path) == tuple(rest)


def test_cache_folder_follows_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert jars.default_folder() == tmp_path / "headrace" / f"kafka-{jars.KAFKA_VERSION}"
