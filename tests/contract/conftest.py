"""Fixtures: a local AWS for the session, and AI endpoints that use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import uvicorn

from headrace.sandbox.ai.app import AiSettings, create_app
from headrace.sandbox.ai.framework.aws_clients import AwsClients
from headrace.sandbox.ai.transcribe import recognizer
from tests.contract.ai import BUCKET, MEDIA, Aws, connect, credentials, http, wait_until
from tests.support.emulators import EMULATORS, free_port, moto_server

Serve = Callable[[AiSettings], AbstractContextManager[str]]
PATTERN = {"source": ["aws.transcribe"], "detail": {"TranscriptionJobStatus": ["COMPLETED", "FAILED"]}}


@pytest.fixture(scope="module", autouse=True)
def no_recogniser() -> Iterator[None]:
    """Use generated transcripts even if the extra `speech` is installed; recognition runs in real time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recognizer, "engine", lambda: "")
        yield


@contextmanager
def ministack(log: Path, **variables: str) -> Iterator[str]:
    """Run a MiniStack for a `with` block and yield its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    keys = {name.upper(): value for name, value in credentials(url).items() if name.startswith("aws_")}
    settings = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
    with log.open("wb") as output:
        command = [sys.executable, "-m", "tests.support.checked_ministack"]
        # Other tests of the session may have set other keys.
        environment = {**os.environ, **settings, **keys, **variables}
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        wait_until(lambda: process.poll() is not None or _answers(f"{url}/_ministack/health"), seconds=180)
        assert process.poll() is None, log.read_text()
        yield url
    finally:
        process.terminate()
        process.wait(100)


@pytest.fixture(scope="session")
def aws_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a MiniStack for the session."""
    with ministack(tmp_path_factory.mktemp("ministack") / "log") as url:
        yield url


@pytest.fixture(scope="session")
def moto_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the server of moto for the session."""
    with moto_server(tmp_path_factory.mktemp("moto") / "log") as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(params=EMULATORS)
def emulator_url(request: pytest.FixtureRequest) -> str:
    """The URL of each emulator."""
    url: str = request.getfixturevalue("aws_url" if request.param == "ministack" else "moto_url")
    return url


@pytest.fixture(scope="session")
def serve(aws_url: str) -> Serve:
    """Run an AI endpoint in a thread for a `with` block and yield its URL."""

    @contextmanager
    def run(settings: AiSettings) -> Iterator[str]:
        port = free_port()
        app = create_app(settings, AwsClients(**credentials(aws_url)), time.time)
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            wait_until(lambda: server.started, seconds=120)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(100)

    return run


@pytest.fixture(scope="session")
def ai_url(serve: Serve) -> Iterator[str]:
    """The URL of an AI endpoint without artificial job duration."""
    with serve(AiSettings(data=None, job_seconds=0.0)) as url:
        yield url


@pytest.fixture(scope="session")
def media_bucket(aws_url: str) -> None:
    """The sample media in S3."""
    s3 = connect("s3", aws_url)
    s3.create_bucket(Bucket=BUCKET)
    for name in ("bottles.mp4", "rabbit.mp4", "jfk.flac", "bottles.jpg"):
        s3.put_object(Bucket=BUCKET, Key=name, Body=(MEDIA / name).read_bytes())


@pytest.fixture
def aws(aws_url: str, media_bucket: None) -> Iterator[Aws]:
    """The local AWS with a topic, a rule and a queue of one test."""
    s3, sns, sqs, events = (connect(name, aws_url) for name in ("s3", "sns", "sqs", "events"))
    name = f"test-{uuid4()}"
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name=f"AmazonRekognition-{name}")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    events.put_rule(Name=name, EventPattern=json.dumps(PATTERN))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    yield Aws(s3, sqs, events, topic, rule=name, queue=queue)
    events.remove_targets(Rule=name, Ids=["queue"])
    events.delete_rule(Name=name)
    sns.delete_topic(TopicArn=topic)
    sqs.delete_queue(QueueUrl=queue)


@pytest.fixture
def rekognition(ai_url: str) -> Any:
    return connect("rekognition", ai_url)


@pytest.fixture
def transcribe(ai_url: str) -> Any:
    return connect("transcribe", ai_url)


@pytest.fixture
def fault(ai_url: str) -> Iterator[Callable[..., None]]:
    """Inject a fault for the test."""

    def add(operation: str, kind: str, **options: object) -> None:
        http(f"{ai_url}/faults", "POST", {"operation": operation, "kind": kind, **options})

    yield add
    http(f"{ai_url}/faults", "DELETE")


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=1).close()
    except OSError:  # also a response that takes longer than the timeout, which is not a URLError
        return False
    return True
