"""`headrace dlq` on a real broker: list, show, stats, export, import and resolve, without secrets."""

from __future__ import annotations

import base64
import json
import re
import stat
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from headrace.console.app.main import app
from headrace.console.dlq import listing, parallel_scan
from headrace.console.dlq.letter import LetterFilter
from headrace.console.dlq.listing import ListQuery, NewestLetters
from headrace.console.dlq.stats import LetterCounter, total
from headrace.console.kafka.letter_id import letter_id
from headrace.console.kafka.topic_reader import TopicReader
from headrace.schemas import topics
from headrace.schemas.cloudevents import to_headers
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import Event
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import to_producer_record
from headrace.streams import pipeline
from headrace.streams.engine.dlq import dead_letter
from headrace.streams.engine.outcome import Dead
from headrace.streams.handlers import Transform
from headrace.streams.stage import Stage
from tests.support.process import run
from tests.support.records import arrived, asset, envelope, uploaded

URL = "https://b.s3.amazonaws.com/k.jpg?X-Amz-Credential=CANARY1&X-Amz-Signature=CANARY2"
BEARER = "Authorization: Bearer CANARY3.CANARY3.CANARY3"
KEY = "AKIACANARYCANARY0004"


async def _nothing(_event: Any, _services: Any) -> None: ...


def _stage(name: str) -> Stage:
    return Stage(name, reads=(), handler=Transform(_nothing))


class Site:
    """A cluster, a bucket of its own, and a unique error code."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.bucket = f"dlq-{uuid.uuid4().hex[:12]}"
        self.code = f"code-{uuid.uuid4().hex[:12]}"
        self.settings = KafkaSettings(bootstrap_servers=environment["HEADRACE_BOOTSTRAP_SERVERS"])
        self._producer = clients.producer(self.settings)

    def event(self, key: str) -> Event:
        return uploaded(asset(key, bucket=self.bucket))

    def fails(
        self, key: str, why: str = "no moov atom", stage: str = "probe", at: datetime | None = None
    ) -> ConsumerRecord:
        """Produce the dead letter of an upload and return its record."""
        event = self.event(key)
        sent = to_producer_record(event, envelope(event, time="2026-03-14T15:09:26Z"), codec.load())
        return self.give_up(arrived(sent), why, stage, at)

    def give_up(
        self, received: ConsumerRecord, why: str = "no moov atom", stage: str = "probe", at: datetime | None = None
    ) -> ConsumerRecord:
        dead = Dead(self.code, why, "PermanentError")
        letter = dead_letter(_stage(stage), received, dead, 1, at or datetime.now(UTC))
        self.put(letter)
        return arrived(letter)

    def put(self, *sent: ProducerRecord) -> None:
        for each in sent:
            self._producer.produce(each.topic, each.value, each.key, headers=list(each.headers))
        assert self._producer.flush(10) == 0

    def run(self, *arguments: str) -> Result:
        """Run `headrace dlq ARGUMENTS` in this process, which is faster."""
        return CliRunner().invoke(app, ["dlq", *arguments])

    def text(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.text(*arguments, "--json"))

    def listed(self, *arguments: str) -> list[str]:
        return [each["id"] for each in self.json("list", "--code", self.code, *arguments)["letters"]]

    def refused(self, *arguments: str) -> str:
        result = self.run(*arguments)
        return one_line_error(result.exit_code, result.stdout, result.stderr)


def one_line_error(exit_code: int, stdout: str, stderr: str) -> str:
    """Return the error of a command that printed nothing else, except that it reads the log."""
    lines = [line for line in stderr.splitlines() if not line.startswith("reading the log itself: ")]
    assert (exit_code, stdout, len(lines)) == (1, "", 1), stderr
    return lines[0]


@pytest.fixture
def site(cluster_env: dict[str, str]) -> Site:
    return Site(cluster_env)


def ids(letters: Iterable[ConsumerRecord]) -> list[str]:
    return [letter_id(letter) for letter in letters]


def test_list_filters_and_prints_newest_letters_first(site: Site) -> None:
    now = datetime.now(UTC)
    old = site.fails("old.mp4", at=now - timedelta(hours=3))
    new = site.fails("new.mp4", why="took 300 s", stage="scan")
    assert site.listed() == ids([new, old])
    assert site.listed("--stage", "scan") == ids([new])
    assert site.listed("--key", "old.*") == ids([old])
    assert site.listed("--text", "MOOV") == ids([old])
    assert site.listed("--since", "-2h") == ids([new])
    assert site.listed("--until", "-2h") == ids([old])
    newest = site.json("list", "--limit", "1")
    assert [each["id"] for each in newest["letters"]] == ids([new])
    assert newest["more"] >= 1
    head, line, more = site.text("list", "--code", site.code, "--limit", "1").splitlines()
    assert head.split()[0] == "id"
    assert line.split()[:3] == [letter_id(new)[: len("scan-") + 12], site.code, f"{site.bucket}/new.mp4"]
    assert re.match(r"1 more letter:|up to \d+ more:", more)  # exact where the rest of the log had to be read anyway


def test_show_prints_record_timeline_and_redrive_command(site: Site) -> None:
    event = site.event("a b.mp4")
    upload = to_producer_record(event, envelope(event), codec.load())
    site.put(upload)
    letter = site.give_up(arrived(upload))
    id_ = letter_id(letter)
    output = site.json("show", id_[: len("probe-") + 12])
    assert (output["id"], output["code"], output["reason"]) == (id_, site.code, "no moov atom")
    assert output["value"]["record"]["asset"]["key"] == "a b.mp4"
    assert [step["event"] for step in output["timeline"]] == ["MediaUploaded", "DeadLetter"]
    assert ["dlq-code", site.code] in output["headers"]
    program, *command = output["redrive"].split()
    assert program == "headrace"
    back = CliRunner().invoke(app, command)
    assert back.exit_code == 0, back.stderr
    assert "1 dead letter" in back.stdout
    printed = site.text("show", id_)
    assert all(part in printed for part in (id_, "no moov atom", '"key": "a b.mp4"', "DeadLetter", output["redrive"]))


def test_show_prints_an_unparseable_record_in_hexadecimal(site: Site) -> None:
    letter = site.give_up(ConsumerRecord("media.uploaded", 0, 5, 1.0, b"k", b"\xffjunk", (("x", b"\xfe"),)))
    output = site.json("show", letter_id(letter))
    assert output["value"] == {"size": 5, "kind": "bytes", "hex": [f"00000000  ff 6a 75 6e 6b{' ' * 33}  .junk"]}
    assert output["origin"] == "media.uploaded/0/5"


def test_unknown_or_ambiguous_id_is_a_one_line_error(site: Site) -> None:
    site.fails("one.mp4")
    site.fails("two.mp4")
    assert "there is no dead letter probe-xyz" in site.refused("show", "probe-xyz")
    assert "say which" in site.refused("show", "probe-")
    assert "there is no stage lost" in site.refused("list", "--stage", "lost")


def test_unparseable_aws_message_is_a_dead_letter_of_the_bridge(site: Site) -> None:
    headers = {"dlq-stage": "bridge", "dlq-code": site.code, "dlq-message": "no JSON", "dlq-queue": "https://sqs/q"}
    named = tuple((name, value.encode()) for name, value in {**headers, "dlq-sqs-message": site.code}.items())
    site.put(ProducerRecord(topics.BRIDGE_DLQ.name, site.code.encode(), b"{]", named))
    [found] = site.json("list", "--stage", "bridge", "--code", site.code)["letters"]
    assert (found["reason"], found["origin"]) == ("no JSON", f"https://sqs/q message {site.code}")
    assert site.json("show", found["id"])["redrive"] is None


def test_stats_count_letters_once_and_group_similar_reasons(site: Site) -> None:
    site.fails("1.mp4", why="took 300 s")
    site.fails("2.mp4", why="took 17 s")
    site.fails("2.mp4", why="took 17 s")
    output = site.json("stats")
    assert output["by_code"][site.code] == 2
    [group] = [each for each in output["groups"] if each["code"] == site.code]
    assert (group["normalized_reason"], group["letters"], group["new"]) == ("took <n> s", 2, True)
    assert "took <n> s" in site.text("stats")


def test_export_and_import_preserve_every_byte(site: Site, tmp_path: Path) -> None:
    letters = [
        site.give_up(
            ConsumerRecord("media.uploaded", 0, number, 1.0, key, value, (("b", b"\xff"), ("n", None), ("e", b"")))
        )
        for number, (key, value) in enumerate([(b"k", b"\x00\xff"), (b"", b""), (None, None)])
    ]
    file = tmp_path / "letters.jsonl"
    result = site.run("export", str(file), "--code", site.code)
    assert (result.exit_code, result.stderr) == (0, "3 records exported\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    exported = [json.loads(line) for line in file.read_text().splitlines()]
    assert sorted(map(content, exported)) == sorted(
        content(json.loads(json.dumps({"key": b64(each.key), "value": b64(each.value), "headers": headers_of(each)})))
        for each in letters
    )
    assert "0 records to be imported, 3 there already" in site.text("import", str(file))

    elsewhere = tmp_path / "elsewhere.jsonl"
    elsewhere.write_text("".join(json.dumps({**each, "topic": "removals.dlq"}) + "\n" for each in exported))
    assert site.json("import", str(elsewhere)) == {"executed": False, "records": {"removals.dlq": 3}, "there": 0}
    assert site.listed("--stage", "removals") == []
    assert site.json("import", str(elsewhere), "--execute")["records"] == {"removals.dlq": 3}
    assert site.json("import", str(elsewhere), "--execute") == {"executed": True, "records": {}, "there": 3}
    back = [json.loads(line) for line in site.text("export", "--code", site.code, "--stage", "removals").splitlines()]
    assert sorted(map(content, back)) == sorted(map(content, exported))


def content(line: dict[str, Any]) -> str:
    return json.dumps([line["key"], line["value"], line["headers"]])


def headers_of(record: ConsumerRecord) -> list[list[str | None]]:
    return [[name, b64(value)] for name, value in record.headers]


def b64(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def test_importing_an_invalid_file_changes_nothing(site: Site, tmp_path: Path) -> None:
    site.fails("a.mp4")
    file = tmp_path / "letters.jsonl"
    site.run("export", str(file), "--code", site.code)
    file.write_text(file.read_text() + "junk\n")
    assert f"{file}:2: not a dead letter" in site.refused("import", str(file), "--execute")
    assert "No such file" in site.refused("import", str(tmp_path / "lost.jsonl"))


def test_export_limit_keeps_the_newest(site: Site) -> None:
    site.fails("1.mp4")
    new = site.fails("2.mp4")
    exported = site.text("export", "--code", site.code, "--limit", "1")
    assert [json.loads(line)["id"] for line in exported.splitlines()] == ids([new])


def test_resolved_letter_is_hidden_until_reopened(site: Site) -> None:
    letter, other = site.fails("1.mp4"), site.fails("2.mp4")
    id_ = letter_id(letter)
    result = site.text("resolve", id_[:20], "--status", "wont-fix", "--why", "a test file")
    assert result == f"{id_}: wont-fix\n"
    page = site.json("list", "--code", site.code)
    assert ([each["id"] for each in page["letters"]], page["resolved_hidden"]) == (ids([other]), 1)
    site.fails("1.mp4")
    assert site.listed() == ids([other])
    assert site.json("stats")["by_code"][site.code] == 1
    [resolved] = [each for each in site.json("list", "--code", site.code, "--all")["letters"] if each["id"] == id_]
    assert (resolved["disposition"]["status"], resolved["disposition"]["why"]) == ("wont-fix", "a test file")
    assert site.text("unresolve", id_[:20]) == f"{id_}: open\n"
    assert sorted(site.listed()) == sorted(ids([letter, other]))
    assert "is not resolved" in site.refused("unresolve", id_)


def test_secrets_are_redacted_except_in_exports(site: Site) -> None:
    event = site.event(f"a.jpg?X-Amz-Signature=CANARY5&{KEY}")
    headers = (
        *to_headers(envelope(event)),
        ("x-note", BEARER.encode()),
        ("x-url", URL.encode()),
        ("x-key", KEY.encode()),
    )
    sent = to_producer_record(event, envelope(event), codec.load())
    letter = site.give_up(
        ConsumerRecord("media.uploaded", 0, 1, 1.0, sent.key, sent.value, headers), f"{URL} {BEARER} {KEY}"
    )
    raw = tuple(
        (name, f"{URL} {BEARER} {KEY}".encode() if name == "dlq-message" else value) for name, value in letter.headers
    )
    site.put(ProducerRecord(letter.topic, letter.key, letter.value, raw))
    commands = (["list", "--code", site.code], ["show", letter_id(letter)], ["stats"])
    for command in (*commands, *([*each, "--json"] for each in commands)):
        result = site.run(*command)
        assert result.exit_code == 0, result.stderr
        assert "CANARY" not in result.stdout + result.stderr, command
    plan = ["replay", "redrive", "--stage", "probe", "--code", site.code, "--skip-store-check"]
    for planned in (plan, [*plan, "--json"]):
        result = CliRunner().invoke(app, planned)
        assert (result.exit_code, site.bucket in result.stdout) == (0, True), result.stderr
        assert "CANARY" not in result.stdout + result.stderr, planned
    last = [json.loads(line) for line in site.text("export", "--code", site.code).splitlines()][-1]
    assert content(last) == json.dumps(
        [b64(letter.key), b64(letter.value), [[name, b64(value)] for name, value in raw]]
    )


def test_parallel_scan_equals_a_single_process_scan(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        site.fails(f"{number}.mp4", stage=("probe", "scan", "labels")[number % 3])
    log = TopicReader(site.settings)
    spans = log.spans([topics.dead_letters(stage.name).name for stage in pipeline.stages()])
    wanted = ListQuery(LetterFilter(code=site.code, limit=5), {})
    alone = [total(parallel_scan.scan(log.settings, spans, partial(LetterCounter, {})))]
    alone_page = listing.merge_pages(parallel_scan.scan(log.settings, spans, partial(NewestLetters, wanted)), 5)
    monkeypatch.setattr(parallel_scan, "SINGLE_PROCESS_RECORDS", 0)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    heard: list[int] = []
    assert [total(parallel_scan.scan(log.settings, spans, partial(LetterCounter, {}), heard.append))] == alone
    assert sum(heard) == alone[0].records
    page = listing.merge_pages(parallel_scan.scan(log.settings, spans, partial(NewestLetters, wanted)), 5)
    assert (page, page.more) == (alone_page, 25)
    assert [found.id for found in listing.page(log, spans, wanted).letters] == [found.id for found in page.letters]


def test_unreachable_broker_is_a_one_line_error(site: Site) -> None:
    nowhere = {**site.environment, "HEADRACE_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    result = run(nowhere, "dlq", "list")
    assert "no Kafka at 127.0.0.1:1" in one_line_error(result.returncode, result.stdout, result.stderr)
