"""The pages of state machines, on an engine in memory: what they show, change and refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from xml.etree import ElementTree

import pytest
from sqlalchemy import Connection, delete, insert, select
from starlette.testclient import TestClient
from typer.testing import CliRunner

from headrace.console.app.main import app
from headrace.console.errors import CommandError
from headrace.console.machines import connect
from headrace.console.machines.errors import MachineTopicsMissingError
from headrace.console.machines.port import MachineServices
from headrace.console.views.queries.history import Connect
from headrace.console.views.tables import execution_attempts, execution_states, executions
from headrace.console.web.access.users import UserRole
from headrace.console.web.app import create_app
from headrace.console.web.machine_connection import RETRY_SECONDS, MachineConnection
from headrace.console.web.page_table import PAGES
from tests.support.hostile import SECRETS, SEQUENCES
from tests.support.machine_engine import MemoryEngine
from tests.support.process import wait_for
from tests.unit.console.machines.support import Machines, passing, waiting
from tests.unit.console.web.conftest import CAT, ORIGIN, control, fake_services

FAILING = {"Throw": {"Error": "Boom", "Cause": "it broke"}}
TASK = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish"}
JOURNEY = {
    "QueryLanguage": "JSONata",
    "StartAt": "Set",
    "States": {
        "Set": {"Type": "Pass", "Assign": {"colour": "blue", "n": 1}, "Next": "Both"},
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "Left", "States": {"Left": {"Type": "Pass", "Assign": {"inner": "left"}, "End": True}}},
                {"StartAt": "Right", "States": {"Right": {"Type": "Pass", "End": True}}},
            ],
            "Assign": {"n": 2},
            "Next": "Nap",
        },
        "Nap": {"Type": "Wait", "Seconds": 30, "Next": "Call"},
        "Call": {
            **TASK,
            "Retry": [{"ErrorEquals": ["Boom"], "IntervalSeconds": 5}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
            "Next": "Caught",
        },
        "Caught": {"Type": "Fail", "Error": "Sad", "Cause": "nothing left"},
    },
}


@dataclass
class Site:
    """A console on an engine, with a client of a role."""

    machines: Machines
    client: TestClient
    services: MachineServices

    def text(self, path: str, **query: Any) -> str:
        """Return a page, which must exist."""
        response = self.client.get(path, params=query or None)
        assert response.status_code == 200, response.text
        return str(response.text)

    def post(self, path: str, **form: Any) -> Any:
        """Send a form with the token of the session."""
        token = re.search(r'x-csrf-token": "([^"]+)"', self.client.get("/machines").text)
        assert token is not None
        return self.client.post(path, data={"csrf_token": token[1], **form}, headers={"origin": ORIGIN})

    def json(self, path: str, **query: Any) -> Any:
        """Return the answer of an operation."""
        response = self.client.get(path, params=query or None)
        assert response.status_code == 200, response.text
        return response.json()

    def one(self, name: str) -> str:
        """Return the ARN of an execution by its name."""
        return next(str(each["arn"]) for each in self.json("/api/executions") if each["name"] == name)


SiteOf = Callable[..., Site]


@pytest.fixture
def site_of() -> Iterator[SiteOf]:
    """Return consoles on an engine."""
    clients = []

    def site(engine: MemoryEngine, role: UserRole = UserRole.OPERATOR, **changes: Any) -> Site:
        machines = Machines(engine)
        services = engine.services()
        console = replace(fake_services(), machines=lambda: services, **changes)
        client = TestClient(create_app(console, control(role), PAGES), ORIGIN, follow_redirects=False)
        clients.append(client)
        return Site(machines, client, services)

    yield site
    for client in clients:
        client.close()


@pytest.fixture
def journey(site_of: SiteOf) -> tuple[Site, str]:
    """Return a console with an execution that waited, failed twice and caught the error."""
    site = site_of(MemoryEngine({"Call": [FAILING, FAILING, FAILING, FAILING]}))
    machine = site.machines.create(JOURNEY)
    return site, site.machines.start(machine, {"bucket": "media", "key": "cat.jpg"}, name="trip")


def connect_both(assets: Connect, engine: MemoryEngine) -> Connect:
    """Connect to views of assets that have the executions of an engine."""

    @contextmanager
    def connected() -> Iterator[Connection]:
        with assets() as connection, engine.connect() as own:
            for table in (executions, execution_states, execution_attempts):
                connection.execute(delete(table))
                if rows := [dict(row._mapping) for row in own.execute(select(table))]:
                    connection.execute(insert(table), rows)
            yield connection

    return connected


def printed(site: Site, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    """Return what a command prints with `--json`, on the services of the console."""

    @contextmanager
    def opened(_: object) -> Iterator[MachineServices]:
        yield site.services

    monkeypatch.setattr(connect, "machine_services", opened)
    result = CliRunner().invoke(app, ["machine", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    return [json.loads(line) for line in lines] if arguments[0] == "history" else json.loads(result.stdout)


def test_list_counts_executions_and_filters_them(site_of: SiteOf) -> None:
    site = site_of(MemoryEngine({"Ask": [FAILING, {"Return": 1}]}), now=lambda: 1767225600.0 + 60)
    arn = site.machines.create(waiting(), "ask")
    site.machines.create(passing(), "idle")
    for name in ("bad", "good"):
        site.machines.start(arn, {"bucket": "media", "key": f"{name}.jpg"}, name=name)
    text = site.text("/machines")
    assert text.index('name=ask"') < text.index('name=idle"')
    assert "Boom" in text
    assert "media/bad.jpg" in text
    filtered = site.client.get("/machines", params={"status": "FAILED"}, headers={"hx-request": "true"}).text
    assert "bad" in filtered
    assert "good" not in filtered
    assert "<html" not in filtered
    assert "good" not in site.text("/machines", asset="media/bad.jpg").partition('id="executions"')[2]
    assert site.client.get("/machines", params={"status": "x"}).status_code == 400
    assert site.client.get("/machines", params={"after": "x"}).status_code == 400
    first = site.json("/api/executions", limit=1)
    later = site.json("/api/executions", after=first[0]["arn"])
    assert [each["name"] for each in (*first, *later)] == ["good", "bad"]


def test_more_executions_are_on_the_next_page(site_of: SiteOf) -> None:
    site = site_of(MemoryEngine())
    arn = site.machines.create(passing())
    for number in range(60):
        site.machines.start(arn, {}, name=f"e{number:02}")
    first = site.text("/machines")
    more = re.search(r'href="([^"]+)">Older executions', first)
    assert more is not None
    second = site.text(more[1].replace("&amp;", "&"))
    assert "Older executions" not in second
    names = re.findall(r'<bdi class="clamp">(e\d\d)</bdi>', first + second)
    assert names == [f"e{number:02}" for number in reversed(range(60))]


def test_graph_of_a_machine_counts_running_executions_by_state(site_of: SiteOf) -> None:
    site = site_of(MemoryEngine())
    arn = site.machines.create(waiting(), publish=True)
    for name in "abc":
        site.machines.start(arn, {}, name=name)
    text = site.text("/machines/one", name="m")
    assert 'class="box marked running"' in text
    assert "● 3</text>" in text
    assert site.json("/api/machines/m")["running_states"] == {"Ask": 3}
    part = site.client.get("/machines/one", params={"name": "m"}, headers={"hx-request": "true"}).text
    seen = re.search(r"seen=(\w+)", part)
    assert seen is not None
    same = site.client.get("/machines/one", params={"name": "m", "seen": seen[1]}, headers={"hx-request": "true"})
    assert same.status_code == 204
    site.machines.client.stop_execution(executionArn=site.one("a"))
    same = site.client.get("/machines/one", params={"name": "m", "seen": seen[1]}, headers={"hx-request": "true"})
    assert "● 2</text>" in same.text
    assert site.client.get("/machines/one", params={"name": "none"}).status_code == 404


def test_execution_shows_graph_timeline_and_data(journey: tuple[Site, str]) -> None:
    site, arn = journey
    text = site.text("/machines/execution", arn=arn)
    for shown in ("Sad", "nothing left", "media/cat.jpg", "! </text>", "attempt 2 failed: Boom", "waited, 30.0 s"):
        assert shown in text.replace("!</text>", "! </text>"), shown
    assert 'class="box marked caught"' in text
    assert 'class="box marked failed"' in text
    picture = re.search(r"<svg class=\"machine-picture\".*?</svg>", text, re.DOTALL)
    assert picture is not None
    ElementTree.fromstring(picture[0])
    assert len(re.findall(r"<a href=", picture[0])) == 7


def test_state_shows_input_output_variables_and_events(journey: tuple[Site, str]) -> None:
    site, arn = journey
    visits = {visit["state"]: visit for visit in site.json("/api/execution", arn=arn)["states"]}
    call = site.json("/api/execution/state", arn=arn, visit=visits["Call"]["entered"])
    assert call["variables"] == {"colour": "blue", "n": 2}, "the variables of a branch end with it"
    assert [event["type"] for event in call["events"]].count("TaskFailed") == 4
    both = site.json("/api/execution/state", arn=arn, visit=visits["Both"]["entered"])
    assert (both["variables"], both["assigned"]) == ({"colour": "blue", "n": 1}, {"n": 2})
    right = site.json("/api/execution/state", arn=arn, visit=visits["Right"]["entered"])
    assert right["variables"] == {"colour": "blue", "n": 1}
    assert right["input"] == {"bucket": "media", "key": "cat.jpg"}
    text = site.text("/machines/execution", arn=arn, visit=visits["Call"]["entered"])
    for shown in ("Variables before", "Input of Call", "TaskFailed", "Attempts of Call"):
        assert shown in text, shown
    for visit in ("1", "x", "99999"):
        assert site.client.get("/machines/execution", params={"arn": arn, "visit": visit}).status_code == 404


def test_api_answers_as_the_commands(journey: tuple[Site, str], monkeypatch: pytest.MonkeyPatch) -> None:
    site, arn = journey
    assert site.json("/api/machines") == printed(site, monkeypatch, "list")
    assert site.json("/api/machines/m") == printed(site, monkeypatch, "describe", "m")
    assert site.json("/api/executions", machine="m") == printed(site, monkeypatch, "list", "m")
    assert site.json("/api/execution", arn="m/trip") == printed(site, monkeypatch, "describe", arn)
    assert site.json("/api/execution/history", arn=arn) == printed(site, monkeypatch, "history", arn)
    newest = site.json("/api/execution/history", arn=arn, reverse="1", limit=2)
    assert newest == printed(site, monkeypatch, "history", arn, "--reverse", "--limit", "2")
    plan = site.json("/api/executions/redrive", machine="m", version="latest")
    assert plan == printed(site, monkeypatch, "redrive", "--machine", "m", "--version", "latest")
    assert plan["executions"] == [arn]


def test_asset_shows_the_states_of_its_executions(site_of: SiteOf) -> None:
    engine, asset = MemoryEngine({"Ask": [FAILING] * 2}), fake_services()
    site = site_of(engine, connect=connect_both(asset.connect, engine))
    machine = site.machines.create(waiting())
    site.machines.start(machine, {"bucket": CAT.bucket, "key": CAT.key}, name="of-the-cat")
    site.machines.start(machine, {"bucket": CAT.bucket, "key": "other"}, name="of-another")
    text = site.text("/assets/one", bucket=CAT.bucket, key=CAT.key)
    assert "m/of-the-cat" in text
    assert "Boom" in text
    assert "of-another" not in text
    [execution] = site.json("/api/asset", bucket=CAT.bucket, key=CAT.key)["executions"]
    assert [visit["state"] for visit in execution["states"]] == ["Ask"]


def test_events_have_pages(journey: tuple[Site, str]) -> None:
    site, arn = journey
    text = site.text("/machines/events", arn=arn)
    assert "ExecutionStarted" in text
    assert "TaskSucceeded" not in text
    later = site.text("/machines/events", arn=arn, after=3)
    assert "ExecutionStarted" not in later
    assert "ExecutionFailed" in later
    assert site.client.get("/machines/events", params={"arn": arn, "after": "x"}).status_code == 400


def test_stop_aborts_an_execution_with_its_error(site_of: SiteOf) -> None:
    site = site_of(MemoryEngine())
    arn = site.machines.start(site.machines.create(waiting()), {}, name="a")
    assert "Stop the execution" in site.text("/machines/stop", arn=arn)
    response = site.post("/machines/stop", arn=arn, error="Withdrawn", cause="not needed")
    assert response.status_code == 303
    text = site.text(response.headers["location"])
    assert "a is being stopped" in text
    assert "Withdrawn" in text
    assert site.json("/api/execution", arn=arn)["status"] == "ABORTED"
    assert "had ended" in site.text(site.post("/machines/stop", arn=arn).headers["location"])
    assert site.client.post("/api/execution/stop", json={"arn": arn, "x": 1}).status_code == 400
    assert site.client.post("/api/execution/stop", json={"arn": arn}).json()["status"] == "ABORTED"


def test_one_execution_is_redriven_with_another_input(site_of: SiteOf) -> None:
    site = site_of(MemoryEngine({"Ask": [FAILING, {"Return": 1}]}))
    shown = {"token.$": "$$.Task.Token", "n.$": "$.n"}
    arn = site.machines.start(site.machines.create(waiting(Parameters=shown)), {"n": 1}, name="a")
    text = site.text("/machines/redrive", execution=arn)
    assert "Another input of Ask" in text
    assert "&#34;n&#34;: 1" in text
    digest = re.search(r'name="digest" value="(\w+)"', text)
    assert digest is not None
    form = {"execution": arn, "digest": digest[1], "state": "Ask"}
    assert site.post("/machines/redrive", **form, input="{").status_code == 400
    assert "{\n  &#34;n&#34;: 99\n}</textarea>" in site.post("/machines/redrive/review", **form, input='{"n": 99}').text
    assert site.json("/api/execution", arn=arn)["redrives"] == 0, "a plan changes nothing"
    response = site.post("/machines/redrive", **form, input='{"n": 99}')
    assert response.headers["location"].startswith("/machines/execution?")
    found = site.json("/api/execution", arn=arn)
    assert (found["status"], found["redrives"]) == ("SUCCEEDED", 1)
    history = json.dumps(site.json("/api/execution/history", arn=arn))
    assert "99" in history
    again = site.post("/machines/redrive", **form, input="")
    assert again.status_code == 400
    assert "nothing was redriven" in again.text


def test_plan_shows_what_a_newer_definition_changes(site_of: SiteOf) -> None:
    site = site_of(MemoryEngine({"Ask": [FAILING]}))
    machine = site.machines.create(waiting())
    arn = site.machines.start(machine, {}, name="a")
    site.machines.client.update_state_machine(
        stateMachineArn=machine, definition=json.dumps(waiting(TimeoutSeconds=60))
    )
    assert "TimeoutSeconds" in site.text("/machines/redrive", execution=arn, version="latest")
    site.machines.client.update_state_machine(stateMachineArn=machine, definition=json.dumps(passing()))
    text = site.text("/machines/redrive", machine="m", version="latest")
    assert "the new definition has no such state at this place" in text
    assert "0 to redrive" in text
    assert site.client.get("/machines/redrive", params={"machine": "m", "version": "7"}).status_code == 400
    assert site.client.get("/machines/redrive", params={"machine": "m", "rate": "0"}).status_code == 400


def test_many_executions_are_redriven_in_the_background(site_of: SiteOf) -> None:
    site = site_of(MemoryEngine({"Ask": [FAILING] * 3 + [{"Return": 1}] * 3}))
    machine = site.machines.create(waiting())
    for name in "abc":
        site.machines.start(machine, {}, name=name)
    text = site.text("/machines/redrive", machine="m", rate="1000")
    assert "3 to redrive" in text
    digest = re.search(r'name="digest" value="(\w+)"', text)
    assert digest is not None
    stale = site.post("/machines/redrive", machine="m", digest="0" * 32)
    assert stale.status_code == 400
    assert "Plan again" in stale.text
    response = site.post("/machines/redrive", machine="m", digest=digest[1], rate="1000")
    run = response.headers["location"]
    wait_for(lambda: "done</span>" in site.text(run), "the end of the redrive")
    assert "3 of 3" in site.text(run)
    assert {each["status"] for each in site.json("/api/executions")} == {"SUCCEEDED"}
    assert "had ended" in site.text(site.post("/machines/redrive/cancel", id=run.partition("=")[2]).headers["location"])
    assert site.client.get("/machines/redrive/run", params={"id": "x"}).status_code == 404


def test_what_has_not_started_is_cancelled(site_of: SiteOf) -> None:
    site = site_of(MemoryEngine({"Ask": [FAILING] * 3 + [{"Return": 1}] * 3}))
    machine = site.machines.create(waiting())
    for name in "abc":
        site.machines.start(machine, {}, name=name)
    begun = site.client.post("/api/executions/redrive", json={"machine": "m", "rate": 0.001, "canary": 0}).json()
    wait_for(lambda: site.json("/api/executions/redrive/run", id=begun["run"])["done"] == 1, "the first redrive")
    site.post("/machines/redrive/cancel", id=begun["run"])
    wait_for(lambda: site.json("/api/executions/redrive/run", id=begun["run"])["state"] == "cancelled", "the end")
    assert sorted(each["redrives"] for each in site.json("/api/executions")) == [0, 0, 1]
    bodies: tuple[Any, ...] = ({"machine": 1}, {"other": 1}, [], {"machine": "m", "canary": -1})
    for body in bodies:
        assert site.client.post("/api/executions/redrive", json=body).status_code == 400


def test_failing_canary_is_shown(site_of: SiteOf) -> None:
    site = site_of(MemoryEngine({"Ask": [FAILING] * 4}))
    machine = site.machines.create(waiting())
    for name in "abc":
        site.machines.start(machine, {}, name=name)
    begun = site.client.post("/api/executions/redrive", json={"machine": "m"}).json()
    path = f"/machines/redrive/run?id={begun['run']}"
    wait_for(lambda: "nothing else was redriven" in site.text(path), "the failure")
    assert sorted(each["redrives"] for each in site.json("/api/executions")) == [0, 0, 1]


def test_map_run_shows_its_executions(site_of: SiteOf) -> None:
    inner = {"StartAt": "Ask", "States": {"Ask": {**TASK, "End": True}}}
    each = {
        "Type": "Map",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **inner},
        "MaxConcurrency": 2,
        "ToleratedFailureCount": 1,
        "End": True,
    }
    site = site_of(MemoryEngine({"Ask": [{"Return": 1}, FAILING, {"Return": 3}]}))
    arn = site.machines.start(site.machines.create({"StartAt": "Each", "States": {"Each": each}}), [1, 2, 3], name="a")
    text = site.text("/machines/execution", arn=arn)
    link = re.search(r'href="(/machines/map-run\?arn=[^"]+)"', text)
    assert link is not None
    shown = site.text(link[1])
    assert "as many as possible" not in shown
    assert shown.count("/machines/execution?arn=") == 4
    failed = site.text(f"{link[1]}&status=FAILED")
    assert failed.count("/machines/execution?arn=") == 2
    found = site.json(link[1].replace("/machines/map-run", "/api/map-run"))
    assert (found["status"], found["executions"], found["total"]) == ("SUCCEEDED", {"FAILED": 1, "SUCCEEDED": 2}, 3)
    assert found["limits"] == {"concurrency": 2, "failures": 1, "failure_percentage": 0}
    child = re.search(r'href="(/machines/execution\?arn=[^"]+)"><bdi class="clamp">', failed)
    assert child is not None
    child_text = site.text(child[1])
    assert "<title>Ask (Task)" in child_text, "the graph is that of the items"
    assert "<title>Each (Map)" not in child_text
    assert site.client.get("/machines/map-run", params={"arn": "x"}).status_code == 404


def test_viewer_sees_plans_and_changes_nothing(site_of: SiteOf) -> None:
    site = site_of(MemoryEngine({"Ask": [FAILING]}), UserRole.VIEWER)
    arn = site.machines.start(site.machines.create(waiting()), {}, name="a")
    text = site.text("/machines/redrive", execution=arn)
    assert "1 to redrive" in text
    assert "Redrive 1" not in text
    assert "Stop" not in site.text("/machines/execution", arn=arn)
    assert site.client.get("/machines/stop", params={"arn": arn}).status_code == 403


@pytest.mark.parametrize(
    "text", [*SEQUENCES, "\n".join(SECRETS), "<img src=x onerror=alert(1)>", "</title><script>alert(1)</script>", "'\""]
)
def test_hostile_texts_are_shown_as_text(site_of: SiteOf, text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    failing = {"Throw": {"Error": text, "Cause": text}}
    site = site_of(MemoryEngine({"Call": [failing]}))
    states = {
        "Call": {**TASK, "Comment": text, "Next": "Never"},
        "Never": {"Type": "Pass", "Result": text, "End": True},
    }
    machine = site.machines.create({"Comment": text, "StartAt": "Call", "States": states})
    arn = site.machines.start(machine, {"bucket": "b", "key": text}, name="a")
    entered = site.json("/api/execution", arn=arn)["states"][0]["entered"]
    paths = ("/machines", "/machines/one?name=m", f"/machines/execution?arn={arn}&visit={entered}")
    for path in (
        *paths,
        f"/machines/events?arn={arn}",
        f"/machines/redrive?execution={arn}",
        "/machines/redrive?machine=m",
    ):
        page = site.text(path)
        for forbidden in ("<img src=x", "<script>alert", "CANARY", "\x1b", "\u202e", " style=", "<style"):
            assert forbidden not in page, (path, forbidden)
    assert "CANARY" not in site.client.get("/api/execution", params={"arn": arn}).text


def test_cluster_without_the_topics_says_how_to_switch_machines_on(site_of: SiteOf) -> None:
    def missing() -> MachineServices:
        raise MachineTopicsMissingError("Kafka has no topic machines.inbox: headrace topics create creates the topics")

    console = replace(fake_services(), machines=missing)
    with TestClient(create_app(console, control(), PAGES), ORIGIN) as client:
        page = client.get("/machines")
        assert page.status_code == 200
        assert "headrace topics create" in page.text
        assert client.get("/api/executions").status_code == 400


def test_connection_is_opened_once_and_retried_after_some_seconds() -> None:
    now, opened, services = [0.0], [0], MemoryEngine().services()
    closed: list[bool] = []

    @contextmanager
    def connecting() -> Iterator[MachineServices]:
        opened[0] += 1
        if opened[0] == 1:
            raise CommandError("Kafka is down")
        yield services
        closed.append(True)

    connection = MachineConnection(connecting, lambda: now[0])
    for _ in range(3):
        with pytest.raises(CommandError, match="Kafka is down"):
            connection.services()
    assert opened == [1]
    now[0] = RETRY_SECONDS
    assert connection.services() is connection.services() is services
    assert opened == [2]
    connection.close()
    assert closed == [True]
