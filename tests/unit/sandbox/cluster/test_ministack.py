"""What is kept of the local AWS between starts."""

from __future__ import annotations

import json
from pathlib import Path

from headrace.sandbox.cluster.ministack import prepare


def test_kept_queues_are_found_again_when_the_port_is_another(tmp_path: Path) -> None:
    kept = tmp_path / "state" / "sqs.json"
    kept.parent.mkdir()
    kept.write_text(json.dumps({"http://127.0.0.1:20001/000000000000/headrace-events": ["a message"], "n": 20001}))
    prepare(tmp_path, 20002)
    assert json.loads(kept.read_text()) == {
        "http://127.0.0.1:20002/000000000000/headrace-events": ["a message"],
        "n": 20001,
    }


def test_the_server_listens_on_this_machine_only_and_writes_below_its_folder(tmp_path: Path) -> None:
    command = prepare(tmp_path / "aws", 20002)
    assert command.variables["BIND_HOST"] == "127.0.0.1"
    assert command.variables["GATEWAY_PORT"] == "20002"
    folders = [value for name, value in command.variables.items() if name.endswith("DIR")]
    assert len(folders) == 3
    assert all(Path(folder).is_relative_to(tmp_path / "aws") for folder in folders)
