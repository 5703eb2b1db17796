"""Tests of the start of a broker: its data folder."""

from __future__ import annotations

from pathlib import Path

from headrace.sandbox.cluster import components, jars, kafka_broker, storage
from headrace.sandbox.cluster.kafka_broker import BrokerNode

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
