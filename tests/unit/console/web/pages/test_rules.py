"""The pages of rules: the state of a rule, and the matches that a shadow rule has counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from headrace.console.web.app import create_app
from headrace.console.web.background_value import Latest
from headrace.console.web.page_table import PAGES
from headrace.console.web.pipeline_monitor import PipelineReading
from tests.support.records import NOW
from tests.unit.console.web.conftest import LABELS, ORIGIN, READING, control, fake_services
from tests.unit.console.web.pages.fake_cluster import FakeCluster

SHADOW = 'enabled = "shadow"\nreads = ["media.uploaded"]\n[target]\ntopic = "aws.events"\n'


def test_shows_a_shadow_rule_and_its_matches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "calm.toml").write_text(SHADOW, "utf-8")
    monkeypatch.setenv("HEADRACE_RULES", str(tmp_path))
    counted = replace(LABELS, stage="rule-calm", shadowed=1_234)
    reading = PipelineReading(replace(READING.status, stages=(counted,)), NOW.timestamp(), {})
    services = replace(
        fake_services(),
        cluster=FakeCluster,  # type: ignore[arg-type]
        pipeline=lambda: Latest(reading, NOW.timestamp()),
    )
    with TestClient(create_app(services, control(), PAGES), ORIGIN) as client:
        listed, shown = client.get("/rules").text, client.get("/rules/one?name=calm").text
    assert ">shadow</span>" in listed
    assert "1,234 records, not delivered" in shown
