"""Commands answer the same from the views as from the log."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from headrace.console.app.main import app
from headrace.console.views import locations, service
from headrace.console.views.settings import ViewsSettings
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import Asset, Event
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import to_producer_record
from headrace.streams import pipeline
from headrace.streams.engine.dlq import dead_letter, retry_record
from headrace.streams.engine.outcome import Dead, Retry
from tests.support import records
from tests.support.aws_clients import new_client
from tests.support.records import job_started
from tests.unit.console.asset_history import a_stage, completed, labelled

HOSTILE = "a\x00\x01/ \u202e\U0001f600'\"%*[x].jpg"
NOTICE = "views: as of"


class Site:
    """A bucket of its own on the session's cluster, and the folder of the views."""

    def __init__(self, environment: dict[str, str], views: Path) -> None:
        self.bucket = f"views-{uuid.uuid4().hex[:12]}"
        self.views = views
        self.settings = KafkaSettings(bootstrap_servers=environment["HEADRACE_BOOTSTRAP_SERVERS"])
        self._producer = clients.producer(self.settings)

    def asset(self, key: str, **changes: Any) -> Asset:
        return records.asset(key, bucket=self.bucket, **changes)

    def send(self, *sent: ProducerRecord) -> None:
        """Produce records, and wait for their acknowledgement."""
        for each in sent:
            self._producer.produce(each.topic, each.value, each.key, headers=list(each.headers))
        assert self._producer.flush(30) == 0

    def event(self, event: Event, stage: str = "", cause: str = "", at: str = "2026-03-14T15:09:26Z") -> ProducerRecord:
        source = f"headrace/{stage}" if stage else "aws"
        id_ = str(uuid.uuid4())
        return to_producer_record(
            event, records.envelope(event, id=id_, source=source, causation_id=cause, time=at), codec.load()
        )

    def project(self) -> None:
        """Fold everything that is on the log."""
        place = locations.location(ViewsSettings(views=str(self.views)))
        service.ViewsService(place, self.settings, pipeline.stages()).run(lambda _: None, until_caught_up=True)


@pytest.fixture(scope="module")
def site(cluster_env: dict[str, str], no_backlog: None, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a site with assets, dead letters, retries, jobs and versions, whose views have caught up.

    No group has a member, such as a killed worker of another test, which would leave between two answers.
    """
    site = Site(cluster_env, tmp_path_factory.mktemp("views"))
    cat, new_cat, dog = site.asset("cat.jpg"), site.asset("cat.jpg", sequencer="0B", version="e2"), site.asset(HOSTILE)
    upload, bad = site.event(records.uploaded(cat)), site.event(records.uploaded(dog))
    scan = site.event(records.scanned(cat), "scan")
    token = f"labels-{uuid.uuid4().hex}{uuid.uuid4().hex[:8]}"
    site.send(upload, upload, scan, bad, site.event(records.uploaded(new_cat), at="2026-03-14T15:09:27Z"))
    site.send(site.event(labelled(cat, 0.25), "labels"), site.event(completed(cat), "completed"))
    site.send(site.event(job_started(token, new_cat), "labels"), site.event(records.job_finished(token)))
    now = datetime.now(UTC)
    for record, code in ((received(bad), "unreadable"), (received(bad), "infected"), (received(scan), "timeout")):
        site.send(dead_letter(a_stage("probe"), record, Dead(code, "took 300 s \x00", "PermanentError"), 1, now))
    site.send(retry_record(a_stage("scan"), received(upload), Retry(5.0, "timeout", "slow"), 1, now))
    junk = ConsumerRecord("media.uploaded", 0, 7, 1.0, f"{site.bucket}/junk.jpg".encode(), b"junk", ())
    site.send(dead_letter(a_stage("scan"), junk, Dead("decode", "no schema"), 1, now))
    site.project()
    return site


def received(sent: ProducerRecord) -> ConsumerRecord:
    return records.arrived(sent, timestamp=datetime.now(UTC).timestamp())


@pytest.fixture
def views(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Point the commands to the views of the site."""
    monkeypatch.setenv("HEADRACE_VIEWS", str(site.views))
    return site


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def answer(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def commands(site: Site) -> Iterable[tuple[str, ...]]:
    for name in ("cat.jpg", HOSTILE, "junk.jpg"):
        yield "trace", f"{site.bucket}/{name}"
    for criteria in ((), ("--code", "infected"), ("--key", f"{site.bucket}/*")):
        yield "dlq", "list", "--limit", "1000", *criteria
    yield "dlq", "stats"
    yield "replay", "list"
    for by in ("stage", "asset", "day"):
        yield "cost", "--by", by


def test_answers_are_the_same_as_from_the_log(views: Site) -> None:
    for command in commands(views):
        for options in ((), ("--json",)):
            from_views = run(*command, *options)
            assert NOTICE in from_views.stderr
            assert (from_views.exit_code, from_views.stdout) == (0, answer(*command, *options, "--from-log")), command


def test_letter_is_shown_the_same(views: Site) -> None:
    listed = json.loads(answer("dlq", "list", "--key", f"{views.bucket}/*", "--json"))["letters"]
    assert len(listed) == 3
    for letter in listed:
        for options in ((), ("--json",)):
            assert answer("dlq", "show", letter["id"], *options) == answer(
                "dlq", "show", letter["id"], *options, "--from-log"
            )


def test_comparison_covers_the_site(views: Site) -> None:
    trace = json.loads(answer("trace", f"{views.bucket}/cat.jpg", "--json"))
    old, new = trace["versions"]
    assert [step["event"] for step in old["timeline"]].count("MediaUploaded") == 1
    assert {step["event"]: step["deliveries"] for step in old["timeline"]}["MediaUploaded"] == 2
    assert {step["event"] for step in new["timeline"]} == {"MediaUploaded", "JobStarted", "JobFinished"}
    assert (old["state"], old["usd"], new["state"]) == ("completed", 0.25, "processing")
    assert json.loads(answer("trace", f"{views.bucket}/junk.jpg", "--json"))["undecodable"][0]["code"] == "decode"


def test_status_has_the_same_stages(views: Site) -> None:
    from_views, from_log = (json.loads(answer("status", "--json", *options)) for options in ((), ("--from-log",)))
    for pipeline_status in (from_views, from_log):
        for stage in pipeline_status["stages"]:
            del stage["lag_seconds"]  # it grows with the time
    assert from_views == from_log


def test_missing_views_are_replaced_by_the_log(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_VIEWS", str(tmp_path / "none"))
    command = ("trace", f"{site.bucket}/cat.jpg", "--json")
    result = run(*command)
    assert "headrace views run" in result.stderr
    assert result.stdout == answer(*command, "--from-log")
    for needed in (("assets", "list"), ("assets", "show", "x"), ("assets", "overdue"), ("reconcile", "s3://bucket")):
        failed = run(*needed)
        assert failed.exit_code == 1
        assert "there are no views: headrace views run builds them" in failed.stderr


def test_assets_are_listed_in_stable_pages(views: Site) -> None:
    whole = json.loads(answer("assets", "list", "--bucket", views.bucket, "--json"))
    names = [each["asset"] for each in whole["assets"]]
    assert names == sorted([f"{views.bucket}/cat.jpg", f"{views.bucket}/{HOSTILE}"])
    first = json.loads(answer("assets", "list", "--bucket", views.bucket, "--limit", "1", "--json"))
    rest = ("--limit", "1", "--after", first["next"])
    second = json.loads(answer("assets", "list", "--bucket", views.bucket, *rest, "--json"))
    assert [each["asset"] for page in (first, second) for each in page["assets"]] == names
    assert second["next"] is None
    failed = json.loads(answer("assets", "list", "--bucket", views.bucket, "--failed", "probe", "--json"))
    assert [each["asset"] for each in failed["assets"]] == [f"{views.bucket}/{HOSTILE}"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("list", "--after", "x"), "--after x: give the token"),
        (("list", "--has", "nothing"), "there is no stage nothing"),
        (("list", "--since", "x"), "'x' is no time"),
        (("list", "--since", "2026-01-02", "--until", "2026-01-01"), "--since is after --until"),
        (("show", "nothing"), "the views have no asset nothing"),
    ],
)
def test_invalid_options_have_one_clear_error(views: Site, arguments: tuple[str, ...], message: str) -> None:
    result = run("assets", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr


def test_asset_is_shown_with_its_stages(views: Site) -> None:
    shown = json.loads(answer("assets", "show", f"{views.bucket}/{HOSTILE}", "--json"))
    assert shown["stages"]["probe"]["status"] == "dead-lettered"
    assert "cat.jpg" in answer("assets", "show", f"{views.bucket}/cat.jpg")


@pytest.mark.usefixtures("views")
def test_overdue_names_stages_without_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pipeline.toml"  # other tests of the cluster have results of the default stages
    file.write_text("[stages.celebrities]\non = true\n")
    monkeypatch.setenv("HEADRACE_PIPELINE", str(file))
    report = json.loads(answer("assets", "overdue", "--json"))
    assert "celebrities" in report["without_history"]


def test_erased_asset_is_in_no_answer(views: Site) -> None:
    views.send(views.event(records.uploaded(views.asset("private.jpg"))))
    views.project()
    name = f"{views.bucket}/private.jpg"
    assert answer("views", "erase", name, "--yes").startswith(f"erased {name} from the views: 1 of assets, ")
    assert name not in answer("assets", "list", "--bucket", views.bucket)
    again = run("views", "erase", name, "--yes")
    assert (again.exit_code, again.stdout) == (1, "")
    assert f"the views have no asset {name}" in again.stderr


def test_reconcile_sends_what_was_never_accepted(views: Site) -> None:
    s3, address = new_client("s3"), f"s3://{views.bucket}"
    s3.create_bucket(Bucket=views.bucket)
    for key in ("new/a.jpg", "new/b.jpg"):
        s3.put_object(Bucket=views.bucket, Key=key, Body=b"x")
    views.project()
    recent = json.loads(answer("reconcile", address, "--json"))
    assert (recent["recent"], recent["unaccepted"]["count"]) == (2, 0)
    assert recent["gone"]["examples"] == sorted(["cat.jpg", HOSTILE])

    def reconcile(*options: str) -> Any:
        return json.loads(answer("reconcile", f"{address}/new/", "--min-age", "0", "--json", *options))

    plan = reconcile()
    assert (plan["unaccepted"], plan["executed"]) == ({"count": 2, "examples": ["new/a.jpg", "new/b.jpg"]}, False)
    assert "Dry run: nothing sent" in answer("reconcile", f"{address}/new/", "--min-age", "0")
    assert reconcile("--execute")["sent"] == 2
    views.project()
    assert (reconcile()["unaccepted"]["count"], reconcile()["unfinished"]["count"]) == (0, 2)

    s3.put_object(Bucket=views.bucket, Key="new/a.jpg", Body=b"changed")
    assert reconcile("--execute")["sent"] == 1
    views.project()
    assert reconcile()["unaccepted"]["count"] == 0
    old, new = json.loads(answer("trace", f"{views.bucket}/new/a.jpg", "--json"))["versions"]
    assert (old["state"], old["size"], new["state"], new["size"]) == ("superseded", 1, "processing", 7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing",), "no address of a bucket"),
        (("s3://no-such-bucket-at-all",), "there is no bucket no-such-bucket-at-all"),
        (("s3://bucket", "--rate", "0"), "--rate 0: must be above 0"),
    ],
)
def test_invalid_reconciliation_has_one_clear_error(views: Site, arguments: tuple[str, ...], message: str) -> None:
    views.project()
    result = run("reconcile", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr
