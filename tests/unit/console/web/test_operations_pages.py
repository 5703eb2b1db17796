"""The pages Pipeline, Cost and Health: what they show, also while Kafka or the database is down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from headrace.console.errors import UnavailableError
from headrace.console.pipeline.spent import ranked
from headrace.console.views.queries.activity import activity
from headrace.console.views.queries.operations import spent_nanos
from headrace.console.views.status import serialize
from headrace.console.web.app import create_app
from headrace.console.web.background_value import Latest
from headrace.console.web.page_table import PAGES
from headrace.console.web.pages import pipeline
from headrace.console.web.pipeline_graph import GraphNode, PipelineGraph, draw_pipeline
from headrace.console.web.pipeline_monitor import PipelineMonitor, PipelineReading
from headrace.console.web.services import ConsoleServices
from headrace.console.web.slot_monitor import SlotUse
from headrace.sandbox.demo.run import ALL_STAGES
from headrace.streams import pipeline as stages
from headrace.streams.routing.rule import read_text
from headrace.streams.routing.rule_stage import rule_stage
from headrace.streams.stage import Stage
from tests.support.records import NOW
from tests.unit.console.asset_history import entry, labelled, letter
from tests.unit.console.web.conftest import CAT, LABELS, ORIGIN, READING, VIEWS_STATUS, control, fake_services

DOWN = "the views are locked"


def kafka_down(value: PipelineReading | None = READING) -> Latest[PipelineReading]:
    return Latest(value, READING.at if value else None, "no Kafka at kafka:9092", READING.at + 3)


@contextmanager
def views_down() -> Iterator[Any]:
    raise UnavailableError(DOWN)
    yield


def site(services: ConsoleServices) -> TestClient:
    return TestClient(create_app(services, control(), PAGES), ORIGIN)


def test_pipeline_shows_numbers_and_problems(client: TestClient) -> None:
    text = client.get("/").text
    for shown in ("1,234", "12.2", "paused: w1: throttled", "4 records were deleted", "$0.10", "of $5.00", "1 min 1 s"):
        assert shown in text, shown
    assert "no worker for 5" in text


def placed(graph: PipelineGraph) -> dict[str, GraphNode]:
    """Return the nodes by name, after checks that they are inside of the graph and apart."""
    for node in graph.nodes:
        assert 0 <= node.x <= node.x + node.width <= graph.width
        assert 0 <= node.y <= node.y + node.height <= graph.height
        for other in graph.nodes:
            beside = node.x + node.width <= other.x or other.x + other.width <= node.x
            apart = node.y + node.height <= other.y or other.y + other.height <= node.y
            assert node is other or beside or apart, (node.name, other.name)
    return {node.name: node for node in graph.nodes}


def ends(graph: PipelineGraph) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in graph.edges}


def test_graph_has_every_stage_once_and_no_overlap() -> None:
    every = stages.stages(stages.load_config(str(ALL_STAGES)))
    graph = draw_pipeline(every, frozenset({"labels"}))
    nodes = placed(graph)
    assert {stage.name for stage in every} < set(nodes)
    assert len(nodes) == len(graph.nodes)
    assert {("media.uploaded", "scan"), ("ready", "labels"), ("transcript", "summary")} < ends(graph)
    assert nodes["labels"].detail == "→ media.labelled"
    assert nodes["labels"].has_slots
    assert nodes["completed"].kind == "fan-in"
    assert nodes["machines"].kind == "stage", "it routes, and is no rule"
    assert [stage.name for stage in graph.steps].index("ready") < [stage.name for stage in graph.steps].index("labels")
    assert not graph.is_wide


def test_graph_has_rules_their_targets_and_shadow_rules() -> None:
    def ruled(name: str, reads: str, target: str, enabled: str = "true") -> Stage:
        rule = read_text(name, f"reads = ['{reads}']\nenabled = {enabled}\n[target]\n{target}", ["sqs", "http"])
        return rule_stage(rule, None)

    rules = (
        ruled("alert", "scan.dlq", "sqs = 'arn:aws:sqs:eu-central-1:111122223333:alerts'"),
        ruled("other", "scan.dlq", "sqs = 'arn:aws:sqs:us-east-1:111122223333:alerts'"),
        ruled("hook", "media.completed", "http = 'https://u:p@hooks.example/T0K3N?a=b'", "'shadow'"),
        ruled("again", "aws.events", "topic = 'media.uploaded'"),
        ruled("scan", "scan", f"topic = '{'x' * 200}'"),
    )
    graph = draw_pipeline((*stages.stages(), *rules))
    nodes = placed(graph)
    assert nodes["rule-alert"].kind == "rule"
    assert nodes["rule-hook"].kind == "shadow"
    assert {("scan", "rule-alert"), ("completed", "rule-hook"), ("rule-again", "media.uploaded")} < ends(graph)
    assert [edge.target for edge in graph.edges if edge.shadow] == ["http https://u:p@hooks.example/T0K3N?a=b"]
    labels = [node.label for node in graph.nodes if node.kind == "sink"]
    assert sorted(labels) == ["http hooks.example", "sqs alerts", "sqs alerts"]
    assert {node.kind for node in graph.nodes if node.name == "scan"} == {"stage", "topic"}


@pytest.mark.parametrize(
    ("slots", "text", "tone"),
    [
        (SlotUse(20, 3, 0, ("labels",)), "3/20 slots", ""),
        (SlotUse(20, 20, 0, ("labels",)), "20/20 slots", "warn"),
        (SlotUse(250, 250, 12_345, ("labels",)), "250/250, 12.3k wait", "warn"),
    ],
)
def test_graph_shows_the_use_of_job_slots(services: ConsoleServices, slots: SlotUse, text: str, tone: str) -> None:
    client = site(replace(services, slots=lambda: {"labels": slots}))
    assert text in client.get("/").text
    nodes = json.loads(pipeline.read_live(replace(services, slots=lambda: {"labels": slots}))["nodes"])
    assert (nodes["labels"]["slots"], nodes["labels"]["slots_tone"]) == (text, tone)
    assert f"{slots.waiting:,} waiting" in client.get("/stages/labels").text


@pytest.mark.parametrize("letters", [0, 3, 1_234_567])
@pytest.mark.parametrize("lag", [0.0, 61.0, 1e6])
def test_state_of_a_stage_fits_into_the_graph(letters: int, lag: float) -> None:
    status = replace(LABELS, paused=(), lag_seconds=lag, lag=int(lag), shadowed=999_999)
    text = pipeline.node_state(status, 123_456.7, letters).text
    assert 0 < len(text) <= pipeline.LONGEST_STATE
    assert len(pipeline.node_state(replace(status, members=0), 0.0, letters).text) <= pipeline.LONGEST_STATE


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (12.25, "12.2"), (999.4, "999"), (999.6, "1k"), (1_234, "1.23k"), (3.4e6, "3.4M")]
)
def test_numbers_of_the_graph_are_short(number: float, text: str) -> None:
    assert pipeline.compact(number) == text


def test_half_of_the_pipeline_page_works_without_kafka(services: ConsoleServices) -> None:
    client = site(replace(services, pipeline=kafka_down))
    page = client.get("/")
    assert page.status_code == 200
    assert "$0.10" in page.text
    assert "no Kafka at kafka:9092. Since <time" in page.text
    assert "Shown is the state of <time" in page.text
    assert "1,234" in page.text, "the last known numbers"
    assert client.get("/stages/labels").status_code == 200
    assert client.get("/cost").status_code == 200
    assert client.get("/api/status").status_code == 503
    assert "no Kafka at kafka:9092 (since " in client.get("/api/status").json()["error"]


def test_pipeline_page_before_the_first_read(services: ConsoleServices) -> None:
    client = site(replace(services, pipeline=Latest, figures=Latest, checks=Latest, views_status=Latest))
    assert "The state of the stages is being read" in client.get("/").text
    assert "The checks are running" in client.get("/health").text
    assert client.get("/stages/labels").status_code == 200
    assert client.get("/api/status").status_code == 503
    down = site(replace(services, pipeline=lambda: kafka_down(None)))
    assert "cannot be read while Kafka is down" in down.get("/").text


def test_half_of_the_pipeline_page_works_without_views(services: ConsoleServices) -> None:
    figures: Latest[Any] = Latest(None, None, DOWN, NOW.timestamp())
    client = site(replace(services, connect=views_down, figures=lambda: figures))
    page = client.get("/")
    assert page.status_code == 200
    assert DOWN in page.text
    assert "1,234" in page.text
    assert client.get("/health").status_code == 200
    assert client.get("/cost").status_code == 503


def test_stage_page(client: TestClient) -> None:
    client = site(
        fake_services([entry(labelled(CAT, 0.1), 1, stage="labels"), letter(entry(labelled(CAT)), "labels", 2)])
    )
    text = client.get("/stages/labels").text
    for shown in ("headrace.labels", "last hour: 2 records", "1 done", "rekognition"):
        assert shown in text, shown
    assert client.get("/stages/none").status_code == 404


def test_activity_counts_in_the_right_minute(services: ConsoleServices) -> None:
    late = [entry(labelled(CAT, 0.1), 30, stage="labels")]
    with fake_services(late).connect() as connection:
        buckets = activity(connection, "labels", NOW.timestamp() + 60, 3600, 60)
    assert [(each.at, each.done) for each in buckets if each.done] == [((NOW.timestamp() + 30) // 60 * 60, 1)]
    assert len(buckets) == 60


def test_live_events(services: ConsoleServices) -> None:
    events = pipeline.read_live(services)
    probe = {"text": "no worker for 5", "tone": "bad", "slots": "", "slots_tone": ""}
    assert json.loads(events["nodes"])["probe"] == probe
    assert "1,234" in events["stages"]
    without_kafka = replace(services, pipeline=kafka_down)
    assert "no Kafka" in pipeline.read_live(without_kafka)["summary"]
    with pytest.raises(UnavailableError, match="no Kafka"):
        pipeline.read_events(without_kafka)


def test_api_answers_as_the_commands(client: TestClient, services: ConsoleServices) -> None:
    with services.connect() as connection:
        costs = ranked(spent_nanos(connection, "asset"), "asset")
    assert client.get("/api/cost", params={"by": "asset"}).json() == costs
    assert client.get("/api/cost", params={"by": "x"}).status_code == 400
    status = client.get("/api/status").json()
    assert status["stages"][0] == json.loads(json.dumps(asdict(LABELS)))
    assert client.get("/api/views").json() == json.loads(json.dumps(serialize(VIEWS_STATUS)))
    assert client.get("/api/doctor").json()["checks"][1]["remedy"] == "headrace topics apply"


def test_cost_page(client: TestClient) -> None:
    text = client.get("/cost").text
    for shown in ("$0.10", "$5.00", "rekognition", "photos/", "labels", "1,241"):
        assert shown in text, shown


def test_health_names_remedies_and_gaps(client: TestClient) -> None:
    text = client.get("/health").text
    for shown in (
        "headrace topics apply",
        "topics missing: a",
        "expired before they were folded",
        "headrace views run",
    ):
        assert shown in text, shown


def test_monitor_computes_rates() -> None:
    now, finished = [100.0], [10]

    def read() -> Any:
        return replace(READING.status, stages=(replace(LABELS, finished=finished[0]),))

    monitor = PipelineMonitor(read, lambda: now[0])
    assert monitor.read().rates["labels"] is None
    now[0], finished[0] = 102.0, 30
    assert monitor.read().rates["labels"] == 10.0
    now[0], finished[0] = 104.0, 5
    assert monitor.read().rates["labels"] is None, "after a rewind"
