"""Tests that apply the worked examples of docs/extending.md to a copy of the repository and run them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "extending.md"
PACKAGES = ("headrace", "schemas", "connectors", "streams", "console", "sandbox")
STAGE = "Stage with an AWS feature of its own"
MAX_FILES = {"Sink": 2, "Command": 2, "Job service": 3, "AWS event kind": 2, STAGE: 5}

SECTION = re.compile(r"^## (.+)\n((?:(?!^## ).*\n?)*)", re.MULTILINE)
CODE = re.compile(r"(?:^`([^`\n]+)` \((?:new|changed)\)\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

Files = dict[str, list[tuple[str, str]]]
"""The blocks of each file: the language, and the text."""


def examples() -> dict[str, Files]:
    """Read the examples of the guide. A block without a file name belongs to the file before it."""
    result: dict[str, Files] = {}
    for title, body in SECTION.findall(GUIDE.read_text("utf-8")):
        files: Files = defaultdict(list)
        path = ""
        for name, language, text in CODE.findall(body):
            path = name or path
            files[path].append((language, text))
        result[title] = files
    return result


def apply(files: Files, root: Path) -> None:
    """Write new files and patch changed ones."""
    for path, blocks in files.items():
        for language, text in blocks:
            target = root / path
            if language == "diff":
                target.write_text(patched(target.read_text("utf-8"), text), "utf-8")
            else:
                assert not target.exists(), path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(complete(text, root) if target.suffix == ".avsc" else text, "utf-8")


def complete(schema: str, root: Path) -> str:
    """Replace names of types in a schema by their definitions in a published one."""
    published = json.loads((root / "schemas" / "avro" / "MediaLabelled" / "v1.avsc").read_text("utf-8"))
    fields = {field["name"]: field["type"] for field in published["fields"]}
    types = (fields["asset"], fields["labels"]["items"], fields["result"], fields["charges"]["items"])
    for definition in types:
        schema = schema.replace(f'"{definition["name"]}"', json.dumps(definition))
    return schema


def patched(text: str, diff: str) -> str:
    """Replace the only place in a text that has the context and the removed lines of a diff."""
    lines = diff.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] != "+")
    after = "".join(line[1:] for line in lines if line[0] != "-")
    assert text.count(before) == 1, f"not one place for:\n{before}"
    return text.replace(before, after)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Copy the packages, with the links in `headrace`, so that Python imports the copy."""
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "*.mp4", "*.flac")
        shutil.copytree(ROOT / package, tmp_path / package, symlinks=True, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def run(root: Path, program: str) -> str:
    """Run a program that imports `headrace` from a directory. Returns its output."""
    located = f"import headrace; assert headrace.__file__.startswith({str(root)!r}), headrace.__file__\n"
    command = [sys.executable, "-c", located + dedent(program)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def extend(title: str, root: Path) -> None:
    """Apply an example, and check the number of its files and their style."""
    files = examples()[title]
    assert len(files) <= MAX_FILES[title]
    apply(files, root)
    modules = [path for path in files if path.endswith(".py")]
    for arguments in (("check", "-q"), ("format", "-q", "--check")):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments, *modules], cwd=root, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_example_has_a_limit() -> None:
    assert examples().keys() == MAX_FILES.keys()


def test_table_states_the_number_of_files() -> None:
    rows = re.findall(r"^\| ([^|]+) \| (\d) \|$", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert {title: int(number) for title, number in rows} == {title: len(files) for title, files in examples().items()}


def test_example_sink_delivers(repository: Path) -> None:
    extend("Sink", repository)
    program = """
        import asyncio
        from headrace.connectors.aws.client import AwsCallError
        from headrace.connectors.sinks.registry import create_sink, sink_names
        from headrace.schemas.delivery import Delivery, DeliveryError

        calls = []

        class Aws:
            def call_once(self, service, operation, **parameters):
                calls.append((service, operation, parameters))
                if len(calls) == 2:
                    raise AwsCallError("slow down", "ThrottlingException")

        assert "firehose" in sink_names()
        deliver = create_sink("firehose", "archive", {}, Aws())
        delivery = Delivery("1", "key", '{"a":1}', "MediaLabelled", "headrace")
        asyncio.run(deliver(delivery))
        parameters = {"DeliveryStreamName": "archive", "Record": {"Data": b'{"a":1}\\n'}}
        assert calls == [("firehose", "put_record", parameters)], calls
        try:
            asyncio.run(deliver(delivery))
        except DeliveryError as error:
            print(error.kind)
    """
    assert run(repository, program) == "throttled\n"


def test_example_command_runs(repository: Path) -> None:
    extend("Command", repository)
    program = """
        from typer.testing import CliRunner
        from headrace.console.app.main import app

        for arguments in (["--help"], ["quotas"], ["quotas", "polly"], ["quotas", "sqs"]):
            result = CliRunner().invoke(app, arguments)
            print(result.exit_code, result.output)
    """
    output = run(repository, program)
    assert "Print the default quotas of concurrent AWS jobs." in output
    assert "\nmediaconvert 100\npolly 100\nrekognition 20\n" in output
    assert "\n0 polly 100\n" in output
    assert "\n1 sqs: no jobs; services with jobs: bedrock-data-automation-runtime, mediaconvert," in output


def test_example_job_completion_is_parsed(repository: Path) -> None:
    extend("Job service", repository)
    program = """
        import asyncio, json
        from datetime import UTC, datetime
        from headrace.connectors.events.parser import parse_message
        from headrace.schemas.records import JobFinished, JobStarted
        from headrace.streams.aws.error_codes import OPERATIONS
        from headrace.streams.aws.job_status import AwsJobStatus
        from headrace.streams.limits.job_quotas import CONCURRENT_JOBS

        NOW = datetime(2026, 1, 2, tzinfo=UTC)
        TOKEN = "summary-" + "0" * 40
        ARN = "arn:aws:bedrock:eu-central-1:111122223333:model-invocation-job/abc"

        def message(status):
            detail = {"batchJobName": TOKEN, "batchJobArn": ARN, "status": status, "failureMessage": "no access"}
            event = {"source": "aws.bedrock", "detail-type": "Batch Inference Job State Change", "detail": detail}
            return json.dumps({**event, "time": "2026-01-01T00:00:00Z"})

        [(done, metadata)] = parse_message(message("Completed"), NOW).events
        assert isinstance(done, JobFinished) and (done.token, done.job_id, done.status) == (TOKEN, ARN, "succeeded")
        [(failed, _)] = parse_message(message("Expired"), NOW).events
        assert (failed.status, failed.message) == ("failed", "no access")
        [(running, _)] = parse_message(message("InProgress"), NOW).events
        assert running.EVENT == "AwsEvent"

        class Aws:
            async def call(self, service, operation, **parameters):
                assert operation in OPERATIONS[service]
                assert (service, parameters) == ("bedrock", {"jobIdentifier": ARN})
                return {"status": "Failed", "message": "no access"}

        fields = {name: "" for name in JobStarted.__struct_fields__}
        given = {"token": TOKEN, "service": "bedrock", "operation": "CreateModelInvocationJob", "job_id": ARN}
        job = JobStarted(**{**fields, **given})
        status = asyncio.run(AwsJobStatus(Aws(), lambda: NOW).completion_of(job))
        assert (status.status, status.message) == ("failed", "no access")
        print(CONCURRENT_JOBS["bedrock"])
    """
    assert run(repository, program) == "20\n"


def test_example_event_is_parsed(repository: Path) -> None:
    extend("AWS event kind", repository)
    program = """
        import json
        from datetime import UTC, datetime
        from headrace.connectors.events.parser import parse_message
        from headrace.connectors.events.sources import by_name
        from headrace.schemas.topics import topic_of

        item = {"key": "a film.mp4", "size": 5, "etag": "e1", "version-id": "v1"}
        event = {"source": "aws.s3", "detail-type": "Object Restore Completed", "region": "eu-central-1"}
        detail = {"bucket": {"name": "archive"}, "object": item}
        now = datetime(2026, 1, 2, tzinfo=UTC)
        [(uploaded, metadata)] = parse_message(json.dumps({**event, "detail": detail}), now).events
        assert (uploaded.asset.bucket, uploaded.asset.key, uploaded.asset.version) == ("archive", "a film.mp4", "v1")
        assert uploaded.uploaded_at == now and metadata.source == "aws.s3"
        rejected = parse_message(json.dumps({**event, "detail": {"bucket": {}}}), now)
        assert rejected.code == "unreadable", rejected
        assert "s3-restored" in by_name()
        print(topic_of(uploaded).name)
    """
    assert run(repository, program) == "media.uploaded\n"


def test_example_stage_runs(repository: Path) -> None:
    extend(STAGE, repository)
    run(repository, "from headrace.schemas.evolution import codegen; codegen.main()")
    program = """
        import asyncio
        from headrace.console.assets.summaries import summarize
        from headrace.console.replay.trial import recorded_aws
        from headrace.schemas import topics
        from headrace.schemas.records import Asset, MediaReady, Pointer
        from headrace.streams import pipeline
        from headrace.streams.aws.error_codes import OPERATIONS
        from headrace.streams.aws.rekognition import Rekognition
        from headrace.streams.costs.prices import read_price_list
        from headrace.streams.handlers import Transform
        from headrace.streams.stage import record_filter

        [stage] = [each for each in pipeline.OPTIONAL_STAGES if each.name == "equipment"]
        assert stage.writes in topics.table(["equipment"]) and stage.writes not in topics.table(["labels"])
        assert stage.paid_operations == ("rekognition.detect_protective_equipment",)
        assert "detect_protective_equipment" in OPERATIONS["rekognition"]
        recorded = recorded_aws._shape("detect_protective_equipment")
        assert recorded({"Persons": []}, 0) == {"Persons": []}

        class Aws:
            async def call(self, service, operation, **parameters):
                assert (service, operation) == ("rekognition", "detect_protective_equipment")
                assert parameters == {"Image": {"S3Object": {"Bucket": "media", "Name": "site.jpg"}}}
                item = {"Type": "HEAD_COVER", "Confidence": 99.5}
                part = {"Name": "HEAD", "Confidence": 99.9, "EquipmentDetections": [item]}
                return {"Persons": [{"BodyParts": [part]}], "ProtectiveEquipmentModelVersion": "1.0"}

        class Settings:
            min_confidence = 50.0

        class Services:
            vision = Rekognition(Aws(), Settings(), read_price_list("us-east-1"))
            result_name = stage.result_name

            @property
            def blobs(self):
                return self

            async def put_blob(self, asset, name, content, content_type):
                return Pointer(bucket="results", key=name, size=1, sha256="0", content_type=content_type)

        asset = Asset(bucket="media", key="site.jpg", version="e", etag="e", size=1, sequencer="1")
        given = {"asset": asset, "kind": "image", "format": "jpeg", "content_type": "image/jpeg"}
        media = MediaReady(**given, sha256="0" * 64)
        assert record_filter(stage)(media)
        assert isinstance(stage.handler, Transform)
        event = asyncio.run(stage.handler.run(media, Services()))
        assert topics.topic_of(event) == stage.writes
        assert summarize(event) == "1 found"
        [charge] = event.charges
        assert (charge.operation, charge.usd) == ("DetectProtectiveEquipment", 0.001)
        print(event.count, event.items[0].name, event.items[0].parent)
    """
    assert run(repository, program) == "1 HEAD_COVER HEAD\n"
