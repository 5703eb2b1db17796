"""The pinned list, and what becomes of a file that is not what it should be."""

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


def test_every_pin_is_a_digest_a_size_and_a_coordinate_without_an_address() -> None:
    pins = jars.pinned()
    assert len({jar.filename for jar in pins}) == len(pins) > 30
    for jar in pins:
        assert len(bytes.fromhex(jar.sha256)) == 32
        assert jar.size > 0
        assert "/" not in jar.coordinate


def test_the_broker_and_the_tools_are_the_version_that_we_name() -> None:
    pinned = {jar.coordinate for jar in jars.pinned()}
    for artifact in ("kafka_2.13", "kafka-clients", "kafka-tools"):
        assert f"org.apache.kafka:{artifact}:{jars.KAFKA_VERSION}" in pinned


def test_a_good_file_goes_to_its_place(tmp_path: Path) -> None:
    jars.fetch(GOOD, lambda _coordinate: fetched(tmp_path), tmp_path)
    assert (tmp_path / "thing-1.0.jar").read_bytes() == CONTENT


def test_a_file_with_another_digest_is_refused_and_named(tmp_path: Path) -> None:
    other = Jar("0" * 64, GOOD.size, GOOD.coordinate)
    with pytest.raises(SandboxError, match=r"thing-1\.0\.jar is not the file that broker_jars\.txt pins"):
        jars.fetch(other, lambda _coordinate: fetched(tmp_path), tmp_path)
    assert not (tmp_path / "thing-1.0.jar").exists()


def test_without_a_network_it_says_in_one_line_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme in ("http", "https", "HTTP", "HTTPS"):
        monkeypatch.setenv(f"{scheme}_PROXY" if scheme.isupper() else f"{scheme}_proxy", "http://127.0.0.1:9")
    with pytest.raises(SandboxError, match=r"could not be fetched.*check the network") as caught:
        jars.ensure(tmp_path)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    for jar in jars.pinned():
        (tmp_path / jar.filename).touch()
    assert jars.missing(tmp_path) == ()
    jars.ensure(tmp_path)
    assert all(Path(entry).exists() for entry in jars.class_path(tmp_path).split(":"))


def test_only_the_jars_that_are_not_there_are_missing(tmp_path: Path) -> None:
    first, *rest = jars.pinned()
    (tmp_path / first.filename).touch()
    assert jars.missing(tmp_path) == tuple(rest)


def test_the_cache_is_where_xdg_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert jars.default_folder() == tmp_path / "headrace" / f"kafka-{jars.KAFKA_VERSION}"
