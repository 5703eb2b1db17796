"""Texts of others on every page: 200 attempts to inject markup change no element, attribute or address of a page."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
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
from headrace.console.web.app import create_app
from headrace.console.web.background_value import Latest
from headrace.console.web.page_table import PAGES
from headrace.schemas.records import Asset, Label
from headrace.streams.engine.dlq import dead_letter
from headrace.streams.engine.outcome import Dead
from tests.support import records
from tests.support.records import CODEC, NOW, arrived
from tests.unit.console.asset_history import a_stage, entry, labelled
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
        replay = AuditEntry(
            f"{number:08x}", "redrive", "stopped", "scan", text, text, "2026-03-14T15:09:26Z", text, text
        )
        found.append(open_record(arrived(audit.message(msgspec.structs.replace(replay, note=text))), CODEC))
    return at_offsets(found)


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


def test_corpus_has_200_strings() -> None:
    assert len(CORPUS) == len(set(CORPUS)) == 200


def test_texts_of_others_add_no_element_attribute_or_address(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = pages_of(CORPUS, folder, monkeypatch)
    harmless = pages_of([f"text {number}" for number in range(len(CORPUS))], folder, monkeypatch)
    shown = [text for text in CORPUS if str(escape(text)) in hostile["5 /rules"]]
    assert len(shown) > len(CORPUS) // 2, "the others have characters that are shown as escapes"
    for name, text in hostile.items():
        found, expected = Structure(text), Structure(harmless[name])
        assert found.elements == expected.elements, name
        for address in found.addresses:
            assert address.startswith(("/", "#", "?")), (name, address)
            assert not address.startswith("//"), (name, address)
