"""Every change through the console is recorded with the name of the user: on the log, and in the log of the process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any

import msgspec
import pytest
from starlette.testclient import TestClient

from headrace.console.dlq import dispositions, lookup
from headrace.console.dlq.lookup import LetterMatch
from headrace.console.kafka.letter_id import letter_id
from headrace.console.replay import audit
from headrace.console.replay.audit import AuditEntry
from headrace.console.replay.redrive import plan as plan_module
from headrace.console.replay.redrive import send as send_module
from headrace.console.replay.rewind import rewind as rewinding
from headrace.console.replay.rewind.moves import RewindScope
from headrace.console.replay.rewind.rewind import RewindPlan
from headrace.console.web.access.control import AccessControl, everyone_is
from headrace.console.web.access.cookies import CookieJar
from headrace.console.web.access.csrf import FIELD
from headrace.console.web.access.signing import Signer
from headrace.console.web.access.users import UserRole
from headrace.console.web.app import create_app
from headrace.console.web.page import ApiOperation, WebRoute
from headrace.console.web.page_table import PAGES
from headrace.schemas import topics
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.topics import Topic
from headrace.streams.routing.rule_table import RuleChange
from headrace.streams.routing.rule_table import message as rule_message
from tests.support import records
from tests.support.process import wait_for
from tests.support.records import NOW
from tests.unit.console.asset_history import entry, letter
from tests.unit.console.views.queries.folded import FoldedViews
from tests.unit.console.views.queries.test_history import at_offsets
from tests.unit.console.web.conftest import ORIGIN, fake_services
from tests.unit.console.web.pages.fake_cluster import FakeCluster
from tests.unit.console.web.pages.test_people import ADA, found_in
from tests.unit.console.web.pages.test_replays import STAGE, digest, plan

USER = "lea@example.com"
CAT = records.asset()
EVENTS = at_offsets(
    [entry(records.uploaded(CAT)), found_in(CAT), letter(entry(records.uploaded(CAT)), "scan", code="infected")]
)
ID = letter_id(EVENTS[-1].record)
RESOLVED = dispositions.message(dispositions.decide("scan-resolved", "wont-fix", "a test", "bob", NOW))
RULE = 'reads = ["media.completed"]\n[target]\ntopic = "aws.events"\n'
RUNNING = AuditEntry("1a2b3c4d", "redrive", "begun", "scan", "headrace.scan", "bob", "2026-03-14T15:09:26Z", "all")
REWOUND = msgspec.structs.replace(
    RUNNING, id="5e6f7a8b", kind="rewind", shifts=(audit.OffsetShift("media.uploaded", 0, 1, 0, 0),)
)


class ChangingCluster(FakeCluster):
    """A cluster to which the console writes. A replay applies its control messages at once."""

    settings = KafkaSettings(bootstrap_servers="127.0.0.1:1")

    def create(self, wanted: Iterable[Topic]) -> None:
        """Create nothing: every topic exists."""

    def require(self, *names: str) -> None:
        """Accept every topic."""

    def write(self, messages: Iterable[ProducerRecord]) -> int:
        sent = list(messages)
        count = super().write(sent)
        self.records += [stored(each, len(self.records) + at) for at, each in enumerate(sent)]
        if audit.newest_control_message([each.value or b"" for each in sent], RUNNING.id):
            paused = audit.message(msgspec.structs.replace(RUNNING, state="paused"))
            self.records.append(stored(paused, len(self.records)))
        return count


def stored(message: ProducerRecord, offset: int) -> ConsumerRecord:
    return ConsumerRecord(message.topic, 0, offset, NOW.timestamp(), message.key, message.value, message.headers)


Change = Callable[[TestClient, "ChangingCluster"], Mapping[str, str]]
"""Prepares a change, and returns its form."""


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> ChangingCluster:
    """A cluster with a dead letter, a resolved one, a running redrive, a rewind and a rule."""
    monkeypatch.setenv("HEADRACE_RULES", topics.RULES.name)
    monkeypatch.setenv("HEADRACE_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    change = rule_message(RuleChange("done", RULE, "bob", "2026-03-14T15:09:26Z"))
    known = (RESOLVED, audit.message(RUNNING), audit.message(REWOUND), change)
    started = ChangingCluster([each.record for each in EVENTS])
    started.records += [stored(each, 10 + at) for at, each in enumerate(known)]
    return started


@pytest.fixture
def client(cluster: ChangingCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A client of a user with all rights. Plans are given, and sending them only records who did it."""
    empty = RewindPlan(RewindScope(STAGE, STAGE.group, ("media.uploaded",)), "earliest", ())

    def execute(given: Any, _: object, action: AuditEntry, *__: object) -> AuditEntry:
        given.write([audit.message(action)])
        return action

    monkeypatch.setattr(lookup, "find", lambda *_: [LetterMatch(ID, EVENTS[-1].record, 1)])
    monkeypatch.setattr(plan_module, "plan_redrive", lambda *_: plan(1))
    monkeypatch.setattr(send_module, "execute", execute)
    monkeypatch.setattr(rewinding, "execute", execute)
    monkeypatch.setattr(rewinding, "plan_rewind", lambda *_: empty)
    monkeypatch.setattr(rewinding, "plan_undo", lambda *_: empty)
    connect = FoldedViews(EVENTS).indexed().connect
    known: dict[str, Any] = {"cluster": lambda: cluster, "connect": connect}
    services = dataclasses.replace(fake_services(EVENTS), **known)
    access = AccessControl(CookieJar(Signer(b"s" * 32)), (everyone_is(USER, UserRole.ADMIN),))
    with TestClient(create_app(services, access, PAGES), ORIGIN, follow_redirects=False) as opened:
        yield opened


def redrive_form(client: TestClient, _: ChangingCluster) -> Mapping[str, str]:
    return {"stage": "scan", "digest": digest(client), "reason": "repaired"}


CHANGES: Mapping[str, Change] = {
    "/letters/resolve": lambda *_: {"id": ID, "status": "wont-fix", "why": "a test file"},
    "/letters/unresolve": lambda *_: {"id": "scan-resolved"},
    "/replays/command": lambda *_: {"id": RUNNING.id, "command": "pause"},
    "/replays/redrive": redrive_form,
    "/replays/rewind": lambda *_: {"stage": "scan", "to": "earliest", "moves": "", "reason": "again"},
    "/replays/undo": lambda *_: {"id": REWOUND.id, "moves": ""},
    "/people/name": lambda *_: {"face": ADA, "name": "Ada"},
    "/rules/apply": lambda *_: {"name": "done", "before": RULE, "text": f"{RULE}# changed\n"},
}
NOTHING_CHANGES = {"/rules/review", "/machines/redrive/review"}
NO_USER_ON_THE_LOG = {"/machines/redrive", "/machines/redrive/cancel", "/machines/stop"}
"""Executions have the history of Step Functions, which names no user: only the log of the console does."""
DECLARED: list[WebRoute | ApiOperation] = [route for page in PAGES for route in page.routes]
DECLARED += [operation for page in PAGES for operation in page.api]
CHANGING = [each for each in DECLARED if each.changes]


def token_of(client: TestClient) -> str:
    return str(client.get("/replays/rewind").text.partition('"x-csrf-token": "')[2].partition('"')[0])


def name_in(message: ProducerRecord) -> str:
    """Return the name in a record: in its value, or in the headers of a tombstone."""
    if message.value is None:
        return (dict(message.headers)["by"] or b"").decode()
    return str(msgspec.json.decode(message.value)["by"])


def test_every_changing_route_has_a_case() -> None:
    paths = {route.path for page in PAGES for route in page.routes if route.changes}
    assert paths == CHANGES.keys() | NOTHING_CHANGES | NO_USER_ON_THE_LOG


@pytest.mark.parametrize("route", CHANGING, ids=lambda each: each.path)
def test_log_of_the_console_names_the_user_of_every_change(
    route: WebRoute | ApiOperation, client: TestClient, logged: list[MutableMapping[str, Any]]
) -> None:
    headers = {"origin": ORIGIN}
    if isinstance(route, WebRoute):
        client.post(route.path, data={FIELD: token_of(client)}, headers=headers)
    else:
        client.post(route.path, json={}, headers=headers)
    assert [line["user"] for line in logged if line["event"] == "console_change"] == [USER]


@pytest.mark.parametrize("path", CHANGES)
def test_record_of_a_change_names_the_user(
    path: str, client: TestClient, cluster: ChangingCluster, logged: list[MutableMapping[str, Any]]
) -> None:
    form = CHANGES[path](client, cluster)
    response = client.post(path, data={FIELD: token_of(client), **form}, headers={"origin": ORIGIN})
    assert response.status_code == 303, response.text
    wait_for(lambda: cluster.written, "the record")
    assert [name_in(each) for each in cluster.written] == [USER]
    assert [(line["user"], line["path"]) for line in logged if line["event"] == "console_change"] == [(USER, path)]
