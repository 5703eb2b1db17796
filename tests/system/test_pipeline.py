"""A file put in S3 comes out analysed: the whole path, with what users do to it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headrace.console.assets.projection import AssetVersion
from headrace.console.assets.read_service import connect
from headrace.console.capacity.assumptions import Assumptions
from headrace.console.capacity.demand import compute_demand
from headrace.console.capacity.measured import read_measured
from headrace.console.capacity.workload import Workload, WorkloadKind
from headrace.console.kafka.log_reader import LogReader
from headrace.console.routing.stages import load_stages
from headrace.sandbox.access.control import call_control
from headrace.schemas import topics
from headrace.schemas.cloudevents import to_headers
from headrace.schemas.ids import root_id
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import to_producer_record
from headrace.schemas.settings import load
from headrace.streams.costs.prices import read_price_list
from tests.support.aws_clients import new_client
from tests.support.emulators import EMULATORS, ai_endpoint, on_emulator
from tests.support.otlp_receiver import OtlpReceiver, ReceivedSpan, otlp_receiver
from tests.support.pipeline_usage import TopicUsage, calls_by_stage, ends, is_idle, topic_usage
from tests.support.process import headrace, run, wait_for
from tests.support.records import asset, envelope, uploaded
from tests.system.conftest import skip_backlog

MEDIA = Path("sandbox/media")
KEY = "headrace.key"


class Pipeline:
    """A bridge and a worker that run, and what a user can do with them."""

    def __init__(self, environment: dict[str, str], folder: Path, traces: OtlpReceiver) -> None:
        self.environment = environment
        self.traces = traces
        self.folder = folder
        self.s3 = new_client("s3")
        self.producer = clients.producer(KafkaSettings(bootstrap_servers=environment["HEADRACE_BOOTSTRAP_SERVERS"]))

    def put(self, key: str, content: bytes) -> str:
        self.s3.put_object(Bucket="headrace-media", Key=key, Body=content)
        return f"headrace-media/{key}"

    def send(self, event: Any) -> None:
        """Put a record on the log as the bridge would."""
        root = envelope(event, id=root_id(event.asset, event.event_name))
        sent = to_producer_record(event, root, codec.load())
        self.producer.produce(sent.topic, sent.value, sent.key, headers=list(sent.headers))
        assert self.producer.flush(10) == 0

    def versions(self, name: str) -> list[AssetVersion]:
        return connect(load_stages()).progress(name).versions(name)

    def ends(self, name: str, state: str = "completed", seconds: float = 60.0) -> AssetVersion:
        """Wait until the newest version of an asset has ended, and give it."""

        def ended() -> AssetVersion | None:
            found = self.versions(name)
            return found[-1] if found and found[-1].state == state else None

        return wait_for(ended, f"{name} to be {state}", seconds)

    def ledger(self) -> dict[str, Any]:
        found: dict[str, Any] = call_control(self.environment["AWS_ENDPOINT_URL_REKOGNITION"] + "/ledger")
        return found


def _with_ai(emulator: str, cloud: dict[str, str], folder: Path) -> AbstractContextManager[dict[str, str]]:
    """The AI endpoint of the session reads the S3 of MiniStack, so another emulator has its own."""
    return nullcontext(cloud) if emulator == "ministack" else ai_endpoint(cloud, folder)


@pytest.fixture(scope="module", params=EMULATORS)
def pipeline(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    folder = tmp_path_factory.mktemp("pipeline")
    with (
        otlp_receiver() as traces,
        on_emulator(request) as cloud,
        _with_ai(request.param, cloud, folder) as environment,
    ):
        skip_backlog(environment)
        traced = {**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": traces.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        with headrace(traced, folder, "bridge") as bridge, headrace(traced, folder, "worker", "--all") as worker:
            bridge.ready()
            worker.ready()
            yield Pipeline(environment, folder, traces)
            assert worker.stop() == 0
            assert bridge.stop() == 0


def statuses(version: AssetVersion) -> dict[str, str]:
    return {name: str(fact.status) for name, fact in version.stages.items()}


def letters(version: AssetVersion) -> set[tuple[str, str]]:
    return {(letter.stage, letter.code) for letter in version.letters}


def photo(note: bytes = b"") -> bytes:
    """A picture; a note behind its end makes it another version."""
    return (MEDIA / "bottles.jpg").read_bytes() + note


ODD_KEYS = [
    "odd/with space.jpg",
    "odd/with+plus.jpg",
    "odd/with%20percent.jpg",
    "odd/mit-ü-und-日本.jpg",
    "odd/../up.jpg",
    "odd/" + "x" * 290 + ".jpg",
]


@pytest.mark.parametrize("key", ODD_KEYS)
def test_a_key_may_be_anything(pipeline: Pipeline, key: str) -> None:
    version = pipeline.ends(pipeline.put(key, photo()))
    assert set(statuses(version).values()) == {"done"}
    assert version.asset.key == key


@pytest.fixture(scope="module")
def film(pipeline: Pipeline) -> AssetVersion:
    """A video with sound that has ended."""
    return pipeline.ends(pipeline.put("film.mp4", (MEDIA / "rabbit.mp4").read_bytes()))


@pytest.mark.each_emulator
def test_a_video_with_sound_goes_through_every_stage(film: AssetVersion) -> None:
    assert statuses(film) == dict.fromkeys(
        ["thumbnails", "scan", "probe", "ready", "labels", "moderation", "transcript"], "done"
    )
    assert film.usd > 0


def test_an_upload_is_one_trace_from_the_bridge_to_the_last_stage(pipeline: Pipeline, film: AssetVersion) -> None:
    name = f"{film.asset.bucket}/{film.asset.key}"
    last = {f"{stage} finish" for stage in ("labels", "moderation", "transcript")}

    def trace() -> list[ReceivedSpan] | None:
        roots = [each for each in pipeline.traces.find("bridge publish") if each.attributes[KEY] == name]
        spans = [each for each in pipeline.traces.spans() if roots and each.trace == roots[0].trace]
        return spans if last <= {each.name for each in spans} else None

    spans = wait_for(trace, "the spans of the last stages")
    known = {each.id: each for each in spans}
    [root] = [each for each in spans if not each.parent]
    assert (root.name, root.kind, root.service) == ("bridge publish", "producer", "headrace-bridge")
    assert {each.parent for each in spans if each is not root} <= known.keys()
    [scan] = [each for each in spans if each.name == "scan process"]
    assert (known[scan.parent], scan.service, scan.attributes[KEY]) == (root, "headrace-worker", name)
    calls = {each.name for each in spans if each.parent == scan.id and each.kind == "client"}
    assert {"S3.ListObjectsV2", "S3.GetObject", "S3.PutObject"} <= calls
    [finish] = [each for each in spans if each.name == "transcript finish"]
    assert known[finish.parent].name == "transcript process"
    assert "Transcribe.GetTranscriptionJob" in {each.name for each in spans if each.parent == finish.id}
    [(completion, _)] = finish.links
    assert completion != root.trace


def test_results_lie_in_the_results_bucket_where_the_events_say(pipeline: Pipeline) -> None:
    version = pipeline.ends(pipeline.put("film2.mp4", (MEDIA / "rabbit.mp4").read_bytes() + b"\0\0\0\x08free"))
    for name in ("labels", "moderation", "transcript"):
        bucket, _, key = (version.stages[name].location or "").removeprefix("s3://").partition("/")
        found = pipeline.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        assert json.loads(found) if name != "transcript" else found.strip()


FORECAST: dict[WorkloadKind, tuple[str, str, int]] = {
    "image": ("jpg", "bottles.jpg", 2),
    "video": ("mp4", "rabbit.mp4", 2),
    "audio": ("flac", "jfk.flac", 1),
}
"""The files of the comparison with a forecast: suffix, sample and number of each kind."""
ATTEMPTS = 4
SPAN_SECONDS = 60.0


def measured(pipeline: Pipeline, attempt: int) -> tuple[TopicUsage, Counter[tuple[str, str]]]:
    """Return the records and the AWS calls of some files."""
    stages = load_stages()
    service, log = connect(stages), LogReader(load(KafkaSettings))
    names = [topic.name for topic in topics.table(stage.name for stage in stages)]
    wait_for(lambda: is_idle(service, waiting=False), "the end of earlier files")
    begin, calls = ends(log, names), calls_by_stage(pipeline.traces.spans())
    put = [
        pipeline.put(f"forecast/{attempt}/{kind}-{number}.{suffix}", (MEDIA / sample).read_bytes() + bytes([number]))
        for kind, (suffix, sample, count) in FORECAST.items()
        for number in range(count)
    ]
    for name in put:
        pipeline.ends(name)
    wait_for(lambda: is_idle(service, waiting=False), "the end of every record")
    completions = len(put) + calls["completed", "S3.PutObject"]
    wait_for(
        lambda: calls_by_stage(pipeline.traces.spans())["completed", "S3.PutObject"] >= completions,
        "the spans of the last records",
        SPAN_SECONDS,
    )
    return topic_usage(log, begin), calls_by_stage(pipeline.traces.spans()) - calls


def test_a_forecast_is_within_a_fifth_of_a_run(pipeline: Pipeline) -> None:
    """Records and AI calls are exact; bytes by topic and S3 requests by operation are within 20 %.

    How much `completed` reads depends on how late it is: a record that it reads after the last result reads them all.
    """
    for attempt in range(ATTEMPTS):
        usage, calls = measured(pipeline, attempt)
        if not usage.repeated:  # a redelivery, on a busy machine, has requests of its own
            break
    assert not usage.repeated
    numbers = {kind: count for kind, (_, _, count) in FORECAST.items()}
    workload = Workload(sum(numbers.values()), 1.0, 0.15, {kind: float(each) for kind, each in numbers.items()})
    workload = replace(workload, mix={kind: each / workload.assets_per_day for kind, each in workload.mix.items()})
    demand = compute_demand(load_stages(), workload, Assumptions(), read_measured(), read_price_list("us-east-1"))
    expected = {name: topic for name, topic in demand.topics.items() if not name.startswith("system.")}
    found = {name: count for name, count in usage.records.items() if not name.startswith("system.")}
    assert found == {name: pytest.approx(topic.records) for name, topic in expected.items()}
    for name, topic in expected.items():
        assert usage.size[name] == pytest.approx(topic.size, rel=0.2), name
    of_stages = [stage for stage in demand.stages if stage.stage.name != "overdue"]  # it looks a second time later
    for operation, name in (("ListObjectsV2", "list"), ("GetObject", "get"), ("PutObject", "put")):
        counted = [stage for stage in of_stages if (stage.stage.name, name) != ("completed", "get")]
        requests = sum(calls[stage.stage.name, f"S3.{operation}"] for stage in counted)
        assert requests == pytest.approx(sum(stage.s3[name] for stage in counted), rel=0.2), operation
    ai = sum(count for (stage, call), count in calls.items() if not call.startswith("S3.") and stage != "overdue")
    assert ai == pytest.approx(sum(stage.ai_calls for stage in of_stages))


def test_a_corrupt_file_is_a_dead_letter_with_a_reason(pipeline: Pipeline) -> None:
    content = (MEDIA / "rabbit.mp4").read_bytes()
    version = pipeline.ends(pipeline.put("broken.mp4", content[: len(content) * 6 // 10]))
    assert letters(version) == {("probe", "unreadable"), ("thumbnails", "unreadable")}
    assert all(letter.reason for letter in version.letters)


def test_a_file_of_zero_bytes_is_a_dead_letter(pipeline: Pipeline) -> None:
    version = pipeline.ends(pipeline.put("empty.jpg", b""))
    assert ("probe", "empty") in letters(version)


def test_an_infected_file_is_a_dead_letter_and_nothing_is_paid_for_it(pipeline: Pipeline) -> None:
    eicar = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!" + b"$H+H*"
    version = pipeline.ends(pipeline.put("invoice.txt", eicar))
    assert letters(version) == {("scan", "infected")}
    assert version.usd == 0


def test_a_folder_marker_is_nobodys_work(pipeline: Pipeline) -> None:
    name = pipeline.put("folder/", b"")
    after = pipeline.put("folder/inside.jpg", photo(b"inside"))
    pipeline.ends(after)
    [version] = wait_for(lambda: pipeline.versions(name), "the folder marker on the log")
    assert version.stages == {}


def test_the_same_notification_three_times_is_one_asset(pipeline: Pipeline) -> None:
    before = pipeline.ledger()["jobs_unique"]
    name = pipeline.put("thrice.mp4", (MEDIA / "bottles.mp4").read_bytes())
    version = pipeline.ends(name)
    for _ in range(2):
        pipeline.send(uploaded(version.asset))
    again = wait_for(lambda: _redelivered(pipeline.versions(name)), "the repetitions to be worked off")
    assert statuses(again) == statuses(version)
    assert pipeline.ledger()["jobs_unique"] == before + 2  # labels and moderation, once each


def _redelivered(versions: list[AssetVersion]) -> AssetVersion | None:
    [version] = versions
    last = [fact for fact in version.facts if fact.stage == "labels" and fact.status == "done"]
    return version if last and last[0].deliveries >= 3 else None


def test_of_two_versions_out_of_order_the_newer_one_wins(pipeline: Pipeline) -> None:
    name = pipeline.put("race.jpg", photo(b"newer"))
    newer = pipeline.ends(name)
    older = asset("race.jpg", bucket="headrace-media", version="older", etag="older", sequencer="00")
    pipeline.send(uploaded(older))
    late = wait_for(
        lambda: next((each for each in pipeline.versions(name) if each.asset.version == "older"), None), "the late one"
    )
    assert late.state == "superseded"
    assert late.stages == {}
    assert pipeline.versions(name)[-1].asset == newer.asset


@pytest.mark.each_emulator
def test_of_overwrites_in_quick_succession_the_last_one_wins(pipeline: Pipeline) -> None:
    contents = [photo(b"overwrite %d" % number) for number in range(5)]
    for content in contents:
        name = pipeline.put("burst.jpg", content)

    def ended() -> list[AssetVersion]:
        found = pipeline.versions(name)
        return found if len(found) == 5 and {each.state for each in found} <= {"completed", "superseded"} else []

    *others, last = wait_for(ended, "five versions to have ended")
    etags = [hashlib.md5(content, usedforsecurity=False).hexdigest() for content in contents]
    assert (last.asset.etag, last.state) == (etags[-1], "completed")
    assert set(statuses(last).values()) == {"done"}
    assert [each.asset.etag for each in others if each.state == "completed"] in (etags[:0], etags[:1])


@pytest.mark.each_emulator
def test_an_object_that_is_deleted_and_put_again_ends_as_its_newest_version(pipeline: Pipeline) -> None:
    name = pipeline.put("again.jpg", photo(b"first"))
    pipeline.ends(name)
    pipeline.s3.delete_object(Bucket="headrace-media", Key="again.jpg")
    pipeline.put("again.jpg", photo(b"second"))
    version = pipeline.ends(name)
    assert len(pipeline.versions(name)) == 3
    assert set(statuses(version).values()) == {"done"}


POISON: dict[str, tuple[bytes | None, str]] = {
    "garbage": (b"garbage", "decode"),
    "empty": (b"", "decode"),
    "tombstone": (None, "decode"),
    "wrong magic": (b"\xc3\x02" + bytes(40), "decode"),
    "cut off": ((codec.load().encode(uploaded()) or b"")[:-8], "decode"),
    "unknown schema": (b"\xc3\x01" + b"\x01" * 40, "schema"),
    "large": (b"\xc3\x01" + b"\x02" * 1_000_000, "schema"),
}


@pytest.mark.parametrize("kind", POISON)
def test_undecodable_bytes_are_dead_letters_byte_for_byte(pipeline: Pipeline, kind: str) -> None:
    value, code = POISON[kind]
    key = f"headrace-media/bytes-{kind}"
    headers: list[tuple[str, str | bytes | None]] = [*to_headers(envelope(uploaded())), ("mine", b"\xff")]
    pipeline.producer.produce(topics.UPLOADED.name, value, key.encode(), headers=headers)
    assert pipeline.producer.flush(10) == 0
    strays = wait_for(
        lambda: _all_three(connect(load_stages()).progress(key).unreadable_letters(key)), "three dead letters"
    )
    assert {fact.letter.code for fact in strays if fact.letter} == {code}
    for entry in dead_letters(pipeline, key):
        assert (entry.value, entry.headers[: len(headers)]) == (value, tuple(headers))


def _all_three(strays: list[Any]) -> list[Any]:
    return strays if len({fact.stage for fact in strays}) == 3 else []


def dead_letters(pipeline: Pipeline, key: str) -> list[Any]:
    names = [topics.dead_letters(stage).name for stage in ("thumbnails", "scan", "probe")]
    log = connect(load_stages())._log  # the bytes themselves are what is tested
    return [entry.record for entry in log.read(names, lambda found: found == key.encode())]


def test_a_worker_that_is_killed_and_started_again_finishes_everything_once(pipeline: Pipeline, tmp_path: Path) -> None:
    before = pipeline.ledger()["jobs_unique"]
    content = (MEDIA / "bottles.mp4").read_bytes()
    with headrace(pipeline.environment, tmp_path, "worker", "--all") as second:
        second.ready()
        names = [
            pipeline.put(f"kill/{number}.mp4", content + bytes([0, 0, 0, 9]) + b"free" + bytes([number]))
            for number in range(3)
        ]
        wait_for(lambda: pipeline.ledger()["jobs_unique"] > before, "the first job")
        second.kill()
    for name in names:
        version = pipeline.ends(name, seconds=90)
        assert set(statuses(version).values()) == {"done"}
    assert pipeline.ledger()["jobs_unique"] == before + 2 * len(names)


def test_an_outage_pauses_the_stage_and_dead_letters_nothing(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.s3.create_bucket(Bucket="soon-gone")
    broken = {**pipeline.environment, "HEADRACE_RESULTS_BUCKET": "soon-gone"}
    with headrace(broken, tmp_path, "worker", "scan") as second:
        second.ready()
        pipeline.s3.delete_bucket(Bucket="soon-gone")
        names = [pipeline.put(f"outage/{number}.jpg", photo(bytes([number]))) for number in range(6)]
        wait_for(
            lambda: "results bucket soon-gone" in run(pipeline.environment, "status").stdout, "the pause in status"
        )
        assert second.log.read_text().count("stage_paused") == 1
        second.kill()
    for name in names:
        assert letters(pipeline.ends(name, seconds=90)) == set()


def test_a_worker_waits_for_a_broker_that_is_not_there(cluster_env: dict[str, str], tmp_path: Path) -> None:
    nowhere = {**cluster_env, "HEADRACE_BOOTSTRAP_SERVERS": "127.0.0.1:9"}
    with headrace(nowhere, tmp_path, "worker", "scan") as worker:
        worker.ready("no Kafka at 127.0.0.1:9")
        assert worker.stop() == 0
        assert worker.log.read_text().count("no Kafka at") == 1
