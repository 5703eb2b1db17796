"""Tests that rules change while workers run, and that invalid rules are rejected."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headrace.connectors.aws.client import AwsSession
from headrace.console.app.main import app
from headrace.console.routing import targets
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import to_producer_record
from headrace.schemas.settings import load
from headrace.streams.pipeline import Deployment
from headrace.streams.settings import StreamSettings
from headrace.streams.worker import host
from tests.chaos.support.observer import read_back
from tests.support.prices import PRICES
from tests.support.process import wait_for
from tests.support.records import asset, envelope, ready


class RulesFolder:
    """A folder of rules, with the topics that the rules read and write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = uuid.uuid4().hex[:6]
        self.settings = load(KafkaSettings)
        self.reads, self.one, self.two = (f"{name}-{self.mark}" for name in ("in", "one", "two"))
        created = [topics.Topic(name, "a test") for name in (self.reads, self.one, self.two)]
        clients.create_topics(clients.admin(self.settings), created, 1)

    def rule(self, name: str, to: str, kinds: str) -> None:
        """Write a rule."""
        text = f'reads = ["{self.reads}"]\n[pattern.detail]\nkind = ["{kinds}"]\n[target]\ntopic = "{to}"\n'
        (self.folder / f"{name}-{self.mark}.toml").write_text(text)

    def apply(self, *options: str) -> str:
        """Apply the rules of the folder."""
        done = CliRunner().invoke(app, ["rules", "apply", str(self.folder), "--execute", *options])
        assert done.exit_code == 0, done.output
        return done.output

    def put(self, key: str, kind: str) -> None:
        """Send a `MediaReady` record to the topic that the rules read."""
        event = ready(asset(key, bucket=self.mark), kind=kind)
        sent = to_producer_record(event, envelope(event), codec.load())
        self.send(ProducerRecord(self.reads, sent.key, sent.value, sent.headers))

    def send(self, sent: ProducerRecord) -> None:
        """Send a record."""
        producer = clients.producer(self.settings)
        producer.produce(sent.topic, sent.value, sent.key, headers=list(sent.headers))
        assert producer.flush(10) == 0

    def received(self, topic: str) -> list[tuple[str, str]]:
        """Return the key and the rule version of every record of a topic."""
        return [(_key(each), _version(each)) for each in read_back(self.settings, (topic,))]


def _key(record: ConsumerRecord) -> str:
    return (record.key or b"").decode().rpartition("/")[2]


def _version(record: ConsumerRecord) -> str:
    return (dict(record.headers)["rule-version"] or b"").decode()


@pytest.fixture
def place(cluster_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RulesFolder]:
    monkeypatch.setenv("HEADRACE_RULES", topics.RULES.name)
    rules_folder = RulesFolder(tmp_path)
    yield rules_folder
    for file in tmp_path.glob("*.toml"):
        file.unlink()
    rules_folder.apply("--prune")


async def soon(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition while the worker runs."""
    await asyncio.to_thread(wait_for, condition, what, 60)


async def test_rules_change_while_a_worker_runs(place: RulesFolder, capfd: pytest.CaptureFixture[str]) -> None:
    place.rule("copies", place.one, "image")
    assert f"copies-{place.mark}: new" in place.apply()
    assert f"copies-{place.mark}: same" in place.apply()
    aws = AwsSession()
    rules, stop = targets.load_table(aws), asyncio.Event()
    [first] = rules.rules()
    stages = targets.rule_stages(aws, rules)
    plan = host.WorkerConfig(
        stages, Deployment(stages, PRICES), load(StreamSettings), load(KafkaSettings), rules=rules, host_new_rules=True
    )
    running = asyncio.create_task(host.run(plan, stop))
    try:
        place.put("a", "image")
        await soon(lambda: place.received(place.one) == [("a", first.version)], "the image to be copied")

        place.rule("copies", place.one, "video")
        assert f"copies-{place.mark}: changed" in place.apply()
        await soon(lambda: rules.rules()[0].version != first.version, "the worker to read the change")
        [second] = rules.rules()
        place.put("b", "image")
        place.put("c", "video")
        both = {("a", first.version), ("c", second.version)}
        await soon(lambda: set(place.received(place.one)) == both, "the video to be copied")

        bad = {"name": first.name, "text": "reads = [", "by": "operator", "at": "2026-03-14T15:09:26Z"}
        place.send(ProducerRecord(topics.RULES.name, first.name.encode(), json.dumps(bad).encode()))
        await soon(lambda: "record_skipped" in capfd.readouterr().err, "the worker to reject an invalid rule")
        place.put("d", "video")
        await soon(lambda: ("d", second.version) in place.received(place.one), "the previous version to stay active")

        place.rule("more", place.two, "image")
        place.apply()
        await soon(lambda: {key for key, _ in place.received(place.two)} == {"a", "b"}, "a new rule to be hosted")

        (place.folder / f"copies-{place.mark}.toml").unlink()
        place.apply("--prune")
        await soon(lambda: [each.name for each in rules.rules()] == [f"more-{place.mark}"], "the rule to be removed")
        place.put("e", "video")
        place.put("f", "image")
        await soon(lambda: "f" in {key for key, _ in place.received(place.two)}, "the other rule to keep running")
        assert "e" not in {key for key, _ in place.received(place.one)}
    finally:
        stop.set()
        await asyncio.wait_for(running, 60)


def test_candidates_are_compared_with_the_active_rules_over_the_log(place: RulesFolder) -> None:
    place.rule("try", place.one, "image")
    place.apply()
    for key, kind in (("a", "image"), ("b", "video"), ("c", "video")):
        place.put(key, kind)
    place.send(ProducerRecord(place.reads, b"junk", b"junk"))
    place.rule("try", place.one, "video")

    done = CliRunner().invoke(app, ["rules", "try", str(place.folder), "--since", "-1h", "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    [rule] = report["rules"]
    assert (rule["change"], rule["gained"], rule["lost"], rule["settings"]) == ("changed", 2, 1, ["pattern"])
    assert (report["topics"][0]["records"], report["topics"][0]["undecodable"]) == (4, 1)
    assert 'detail.kind: expected ["video"], got "image"' in rule["examples"]["lost"][0]["why"]

    shown = CliRunner().invoke(app, ["rules", "try", str(place.folder), "--since", "-1h"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    assert "gained: " in shown.output
    assert place.received(place.one) == []


@pytest.mark.parametrize(
    ("rule", "options", "message"),
    [
        ("reads = [", (), "a.toml: "),
        (None, (), "no rules; a rule is a file NAME.toml"),
        (
            'reads = ["media.ready"]\n[target]\ntopic = "x"\n',
            ("--topics", "media.scanned"),
            "no rule reads media.scanned",
        ),
    ],
)
@pytest.mark.usefixtures("place")
def test_invalid_candidates_are_one_clear_error(
    tmp_path: Path, rule: str | None, options: tuple[str, ...], message: str
) -> None:
    folder = tmp_path / "candidates"
    folder.mkdir()
    if rule is not None:
        (folder / "a.toml").write_text(rule, "utf-8")
    done = CliRunner().invoke(app, ["rules", "try", str(folder), *options])
    errors = [line for line in done.stderr.splitlines() if "record_skipped" not in line]  # a rule of another test
    assert (done.exit_code, [message in each for each in errors]) == (1, [True]), done.output
