"""Texts of others on every page: 200 attempts to inject markup change no element, attribute or address of a page."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from markupsafe import escape
from starlette.testclient import TestClient

from headrace.console.check_runner import CheckResult
from headrace.console.kafka.entry import LogEntry, open_record
from headrace.console.kafka.letter_id import letter_id
from headrace.console.replay import audit
from headrace.console.replay.audit import AuditEntry
from headrace.console.views.person_facts import PersonFact
from headrace.console.views.person_facts import message as person_fact
from headrace.console.web.app import create_app
from headrace.console.web.background_value import Latest
from headrace.console.web.page_table import PAGES
from headrace.schemas.records import Asset, Label, PeopleRecognised, SeenFace
from headrace.streams.engine.dlq import dead_letter
from headrace.streams.engine.outcome import Dead
from tests.support import records
from tests.support.machine_engine import MemoryEngine
from tests.support.records import CODEC, NOW, arrived
from tests.unit.console.asset_history import POINTER, a_stage, entry, labelled
from tests.unit.console.machines.support import Machines
from tests.unit.console.views.queries.test_history import at_offsets
from tests.unit.console.web.conftest import CHECKS, LABELS, ORIGIN, READING, control, fake_services
from tests.unit.console.web.pages.fake_cluster import FakeCluster

PAYLOADS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<a href=javascript:alert(1)>x</a>",
    "<form action=//evil.example><button>x",
    "<style>*{display:none}</style>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<div hx-get=/logout hx-trigger=load>",
    "onmouseover=alert(1) x=",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "//evil.example/x",
    "{{ 7*7 }}{% raw %}",
    "${alert(1)}",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\u003cscript\u003e",
    "<!--<script>alert(1)</script>",
)
BEFORE = ("", "'", '"', '">', "'>", "</title>", "</textarea>", "--></script>", "]]>", "\u202e\x1b[31m")
CORPUS = [f"{before}{payload}" for before in BEFORE for payload in PAYLOADS]
DETAIL_STEP = 21
"""Lists show every string; pages of one thing show every 21st, so that each payload has one and the prefixes vary."""
ADDRESSES = ("href", "src", "action", "formaction", "srcset", "poster", "data", "hx-get", "hx-post", "sse-connect")


class Structure(HTMLParser):
    """The elements of a page with their names of attributes, and its addresses."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, ...]] = []
        self.addresses: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, *sorted(name for name, _ in attrs)))
        self.addresses += [value or "" for name, value in attrs if name in ADDRESSES]


def asset_of(number: int, text: str) -> Asset:
    return records.asset(f"{number:03}{text}", sequencer=f"{number:04X}")


def letter_of(of: LogEntry, text: str) -> LogEntry:
    put = dead_letter(a_stage("scan"), of.record, Dead("unreadable", text, text), 1, NOW)
    return open_record(arrived(put), CODEC)


def history(texts: Sequence[str]) -> list[LogEntry]:
    """Return the events of an asset, a dead letter and a replay for each text."""
    found = []
    for number, text in enumerate(texts):
        of = asset_of(number, text)
        upload = entry(records.uploaded(of), number)
        labels = (Label(name=text, confidence=99.0),)
        found += [
            upload,
            entry(msgspec.structs.replace(labelled(of), labels=labels, model=text), number, stage="labels"),
        ]
        found.append(letter_of(upload, text))
        face = str(uuid.UUID(int=number + 1))
        found.append(entry(seen(of, face), number, stage="face-search"))
        named = PersonFact("name", face, "", text, text, "2026-03-14T15:09:26Z")
        found.append(open_record(arrived(person_fact(named)), CODEC))
        replay = AuditEntry(
            f"{number:08x}", "redrive", "stopped", "scan", text, text, "2026-03-14T15:09:26Z", text, text
        )
        found.append(open_record(arrived(audit.message(msgspec.structs.replace(replay, note=text))), CODEC))
    return at_offsets(found)


def seen(of: Asset, face: str) -> PeopleRecognised:
    """Return a result of face-search with one face."""
    box = SeenFace(face_id=face, matches=(), confidence=99.0, left=0.1, top=0.1, width=0.2, height=0.2)
    return PeopleRecognised(asset=of, collection="headrace", faces=(box,), count=1, known=0, result=POINTER, charges=())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder for rules."""
    return tmp_path_factory.mktemp("rules")


def pages_of(texts: Sequence[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the pages that show these texts."""
    for number, text in enumerate(texts):
        value = json.dumps(text)
        rule = f'description = {value}\nreads = ["media.completed"]\n[pattern.detail]\nx = [{value}]\n'
        (folder / f"rule-{number}.toml").write_text(f'{rule}[target]\ntopic = "aws.events"\n', "utf-8")
    monkeypatch.setenv("HEADRACE_RULES", str(folder))
    found = history(texts)
    cluster = FakeCluster([each.record for each in found])
    status = dataclasses.replace(READING.status, stages=(dataclasses.replace(LABELS, paused=tuple(texts)),))
    checks = (*CHECKS, *(CheckResult(text, False, text, text) for text in texts))
    services = dataclasses.replace(
        fake_services(found),
        cluster=lambda: cluster,  # type: ignore[arg-type,return-value]
        pipeline=lambda: Latest(dataclasses.replace(READING, status=status), READING.at, texts[0], READING.at),
        checks=lambda: Latest(checks, READING.at),
    )
    letters = [letter_id(each.record) for each in found if each.record.topic == "scan.dlq"]
    asked: list[tuple[str, dict[str, str]]] = [
        ("/", {}),
        ("/stages/scan", {}),
        ("/assets", {}),
        ("/letters", {"limit": "1000"}),
        ("/replays", {}),
        ("/rules", {}),
        ("/cost", {}),
        ("/health", {}),
        ("/people", {}),
    ]
    for number in range(0, len(texts), DETAIL_STEP):
        text = texts[number]
        asked += [
            ("/assets/one", {"bucket": "media", "key": asset_of(number, text).key}),
            ("/letters/one", {"id": letters[number]}),
            ("/rules/one", {"name": f"rule-{number}"}),
            ("/assets", {"prefix": text}),
            ("/letters", {"key": text, "text": text}),
            ("/rules/test", {"pattern": text}),
            ("/replays/rewind", {"to": text}),
            ("/theme", {"to": text}),
        ]
    with TestClient(create_app(services, control(), PAGES), ORIGIN, follow_redirects=False) as client:
        answers = [client.get(path, params=query) for path, query in asked]
    assert {each.status_code for each in answers} <= {200, 303, 400}, [
        each.url for each in answers if each.is_server_error
    ]
    return {f"{number} {path}": answers[number].text for number, (path, _) in enumerate(asked)}


def machine_pages(texts: Sequence[str]) -> dict[str, str]:
    """Return the pages of a machine with a state for each text, and of executions that end with some of them."""
    errors = texts[::DETAIL_STEP]
    engine = MemoryEngine(
        {f"Call {number}": [{"Throw": {"Error": text, "Cause": text}}] for number, text in enumerate(errors)}
    )
    machines = Machines(engine)
    asked: list[tuple[str, dict[str, str]]] = [("/machines", {})]
    for number, error in enumerate(errors):
        states = texts if number == 0 else [error]
        machine = machines.create(definition_of(states, f"Call {number}", error), f"m{number}")
        value = {"bucket": "media", "key": error, "texts": states, **dict.fromkeys(states, error)}
        execution = machines.start(machine, value, name=f"e{number}")
        asked += [
            ("/machines/one", {"name": f"m{number}"}),
            ("/machines/execution", {"arn": execution, "visit": "2"}),
            ("/machines/events", {"arn": execution}),
            ("/machines/redrive", {"execution": execution}),
            ("/machines/stop", {"arn": execution}),
            ("/machines", {"error": error, "asset": error, "machine": error}),
        ]
    services = engine.services()
    console = dataclasses.replace(fake_services(), machines=lambda: services)
    with TestClient(create_app(console, control(), PAGES), ORIGIN, follow_redirects=False) as client:
        answers = [client.get(path, params=query) for path, query in asked]
    assert {each.status_code for each in answers} <= {200, 400}, [(each.url, each.status_code) for each in answers]
    return {f"{number} {each.url.path}": each.text for number, each in enumerate(answers)}


def definition_of(states: Sequence[str], call: str, error: str) -> dict[str, object]:
    """Return a machine with states that pass texts on, and a task that fails."""
    names = [f"{number} {text}"[:80] for number, text in enumerate(states)]
    passing = {
        name: {"Type": "Pass", "Comment": text, "Result": {text: text}, "ResultPath": "$.result", "Next": after}
        for name, text, after in zip(names, states, [*names[1:], call], strict=True)
    }
    task = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Comment": error, "End": True}
    return {"Comment": error, "StartAt": names[0], "States": {**passing, call: task}}


def test_corpus_has_200_strings() -> None:
    assert len(CORPUS) == len(set(CORPUS)) == 200


def test_texts_of_others_add_no_element_attribute_or_address(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = pages_of(CORPUS, folder, monkeypatch)
    harmless = pages_of([f"text {number}" for number in range(len(CORPUS))], folder, monkeypatch)
    shown = [text for text in CORPUS if str(escape(text)) in hostile["5 /rules"]]
    assert len(shown) > len(CORPUS) // 2, "the others have characters that are shown as escapes"
    compare(hostile, harmless)


def test_texts_of_others_add_nothing_to_the_pages_of_machines() -> None:
    hostile = machine_pages(CORPUS)
    compare(hostile, machine_pages([f"text {number}" for number in range(len(CORPUS))]), drawn=True)
    shown = [text for text in CORPUS if str(escape(text)) in hostile["2 /machines/execution"]]
    assert len(shown) > len(CORPUS) // 2, "the others have characters that are shown as escapes"


def compare(hostile: Mapping[str, str], harmless: Mapping[str, str], *, drawn: bool = False) -> None:
    """Check that pages have the same elements and attributes, and addresses of the console only.

    The number of lines in a `drawn` state depends on the length of its name: then no other element may appear.
    """
    for name, text in hostile.items():
        found, expected = Structure(text), Structure(harmless[name])
        if drawn:
            assert set(found.elements) <= set(expected.elements), name
        else:
            assert found.elements == expected.elements, name
        for address in found.addresses:
            assert address.startswith(("/", "#", "?")), (name, address)
            assert not address.startswith("//"), (name, address)
