"""The dashboard and the alerts query metrics that exist, and every alert has a runbook."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.docs import references
from tests.project.source import ROOT
from tests.project.test_compose_file import read

FOLDER = ROOT / "deploy" / "observability"
RULES = FOLDER / "alerts.yml"
DASHBOARD = json.loads((FOLDER / "grafana" / "headrace.json").read_text("utf-8"))
SELECTOR = re.compile(r"(headrace_\w+)(?:\{([^}]*)\})?")
GROUPING = re.compile(r"\b(?:by|on) \(([^)]*)\)")
TARGET = {"instance", "job", "le"}
"""Labels that Prometheus adds to each metric, or to the buckets of a histogram."""
SUFFIXES = ("_bucket", "_count", "_sum")

ROW = re.compile(r"^`(headrace_\w+)` \| (\w+) \| ([^|]*) \|", re.MULTILINE)
METRICS = {
    name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in ROW.findall(references.metrics())
}


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def dashboard_queries() -> Iterator[tuple[str, str]]:
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]["query"]


def queries() -> list[tuple[str, str]]:
    return [*dashboard_queries(), *((rule["alert"], rule["expr"]) for rule in alerts())]


def unknown(expression: str) -> set[str]:
    """Return the metrics and labels of a query that no component exports."""
    found, known = set(), set(TARGET)
    for name, selector in SELECTOR.findall(expression):
        base = next((name.removesuffix(end) for end in SUFFIXES if name.endswith(end)), name)
        if base not in METRICS:
            found.add(name)
            continue
        labels = METRICS[base][1]
        known |= labels
        found |= {f"{name}.{label}" for label in re.findall(r"(\w+)\s*(?:=|!)", selector)} - {
            f"{name}.{label}" for label in labels
        }
    grouped = {label.strip() for names in GROUPING.findall(expression) for label in names.split(",")}
    return found | (grouped - known)


@pytest.mark.parametrize(("title", "expression"), queries())
def test_queries_name_existing_metrics_and_labels(title: str, expression: str) -> None:
    assert SELECTOR.search(expression), title
    assert unknown(expression) == set()


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ("sum(headrace_backlog)", {"headrace_backlog"}),
        ('rate(headrace_records_total{result="ok"}[5m])', {"headrace_records_total.result"}),
        ("sum by (topic) (headrace_stage_paused)", {"topic"}),
        ("headrace_record_duration_seconds_bucket", set()),
    ],
)
def test_wrong_queries_are_detected(expression: str, wrong: set[str]) -> None:
    assert unknown(expression) == wrong


@pytest.mark.parametrize(("title", "expression"), queries())
def test_counters_are_rates_and_gauges_are_not(title: str, expression: str) -> None:
    for name, _ in SELECTOR.findall(expression):
        if METRICS.get(name, ("", set()))[0] == "counter" and "label_values" not in expression:
            assert re.search(rf"(rate|increase)\({name}", expression), title
            assert not re.search(rf"(?<!rate\()(?<!increase\(){name}", expression), title


def test_operator_sees_what_matters_at_a_glance() -> None:
    stats = {panel["title"] for panel in panels() if panel["type"] == "stat"}
    assert stats == {
        "Backlog",
        "Oldest unfinished",
        "Dead letters, last hour",
        "Waiting retries",
        "Paused stages",
        "Cost per hour",
        "Bridge lag",
        "View lag",
    }


def test_dashboard_is_complete_and_its_panels_do_not_overlap() -> None:
    assert {"uid", "title", "schemaVersion", "panels", "templating", "time", "refresh"} <= DASHBOARD.keys()
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    cells: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not own & cells, panel["title"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells |= own
    for panel in panels():
        assert panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}


def test_every_alert_has_a_severity_a_summary_and_a_runbook() -> None:
    headings = re.findall(r"^### (Headrace\w+)$", (ROOT / "docs" / "operations.md").read_text("utf-8"), re.MULTILINE)
    assert headings == [rule["alert"] for rule in alerts()]
    for rule in alerts():
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{rule['alert'].lower()}"


def test_prometheus_accepts_the_rules() -> None:
    tool = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed; set PROMTOOL to its path")
    done = subprocess.run([tool, "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_file_starts_what_the_datasources_name() -> None:
    services = read("deploy/compose.observability.yml")["services"]
    assert {"prometheus", "grafana", "jaeger"} <= services.keys()
    sources = yaml.safe_load((FOLDER / "grafana" / "datasources.yml").read_text("utf-8"))["datasources"]
    assert {re.findall(r"//(\w+):", source["url"])[0] for source in sources} == {"prometheus", "jaeger"}
    [scrape] = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    [discovery] = scrape["dns_sd_configs"]
    assert set(discovery["names"]) <= read("docker-compose.yml")["services"].keys()
    for service in (services["prometheus"], services["grafana"]):
        for volume in service["volumes"]:
            local = volume.partition(":")[0]
            assert not local.startswith("./") or (ROOT / local).is_file(), volume
