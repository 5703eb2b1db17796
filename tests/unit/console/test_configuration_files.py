"""Each configuration file is read within bounds: a hostile one has one declared error that names it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.connectors.bridge_sources.config import SourcesFileError, load_sources
from headrace.connectors.sinks.http_connections import load_connections
from headrace.connectors.sinks.settings import TargetSettings
from headrace.schemas.parsing import MAX_FILE_BYTES, InvalidValueError, read_text_file, read_toml
from headrace.schemas.settings import SettingsError
from headrace.streams import pipeline_config
from headrace.streams.costs.prices import read_price_list
from headrace.streams.pipeline_config import PipelineConfigError
from headrace.streams.routing.rule import InvalidRuleError, read_file

CONTENTS = {
    "brackets.toml": b"a = " + b"[" * 5_000,
    "dotted.toml": b".".join([b"a"] * 5_000) + b" = 1",
    "long number.toml": b"a = " + b"9" * 100_000,
    "large.toml": b"# x\n" * (MAX_FILE_BYTES // 4 + 1),
    "binary.toml": bytes(range(256)),
    "utf-16.toml": "a = 1".encode("utf-16"),
    "nul.toml": b"a = \0",
    "twice.toml": b"a = 1\na = 2",
    "date.toml": b"a = 2026-13-45",
}
READERS: dict[str, tuple[Callable[[Path], object], tuple[type[Exception], ...]]] = {
    "pipeline": (lambda path: pipeline_config.read(str(path)), (PipelineConfigError,)),
    "prices": (lambda path: read_price_list("eu-central-1", str(path)), (SettingsError,)),
    "connections": (lambda path: load_connections(TargetSettings(http_connections=str(path))), (SettingsError,)),
    "sources": (load_sources, (SourcesFileError, OSError)),
    "rule": (lambda path: read_file(path, ("sns",)), (InvalidRuleError,)),
}


@pytest.fixture
def hostile(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Return a hostile file: one with these contents, or one that is no file."""
    name = str(request.param)
    path = tmp_path / name
    match name:
        case "folder.toml":
            path.mkdir()
        case "circle.toml":
            path.symlink_to(path)
        case "endless.toml":
            path.symlink_to("/dev/zero")
        case _ if name in CONTENTS:
            path.write_bytes(CONTENTS[name])
    return path


NO_FILES = ("folder.toml", "circle.toml", "endless.toml", "missing.toml")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("hostile", [*CONTENTS, *NO_FILES], indirect=True)
def test_hostile_file_has_a_declared_error_that_names_it(reader: str, hostile: Path) -> None:
    read, declared = READERS[reader]
    with pytest.raises(declared) as raised:
        read(hostile)
    assert hostile.stem in str(raised.value)
    assert len(str(raised.value)) < 1_000


def test_byte_order_mark_and_line_ends_of_windows_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\nb = '''x\r\ny'''\r\n")
    assert read_toml(path) == {"a": 1, "b": "x\ny"}


def test_text_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * MAX_FILE_BYTES)
    assert len(read_text_file(path)) == MAX_FILE_BYTES
    with pytest.raises(InvalidValueError, match="larger than 1,000,000 bytes"):
        read_text_file("/dev/zero")
