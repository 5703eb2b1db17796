"""Deliveries of rules: at least once through kills, under ids that stay; a target that is down is alone with it."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.console.kafka.admin import KafkaAdmin
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import to_producer_record
from tests.chaos.support.observer import read_back
from tests.support.aws_clients import new_client
from tests.support.http_server import Request, Response, serving
from tests.support.process import Headrace, headrace, wait_for
from tests.support.records import asset, envelope, ready

POISON = "poison.jpg"


class Receiver:
    """A web server that refuses what is poison, and everything while it is down."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.tried = threading.Event()
        self.down = True
        self.url = ""

    def answer(self, request: Request) -> Response:
        """Take a delivery, or not."""
        key = json.loads(request.body)["detail"]["asset"]["key"]
        self.tried.set()
        status = 503 if self.down else 404 if key == POISON else 204
        if status == 204:
            self.got.append((key, request.headers["webhook-id"]))
        return Response(status)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    with serving(made.answer) as url:
        made.url = f"{url}/hook"
        yield made


class Queue:
    """A FIFO queue, which takes one deduplication id once."""

    def __init__(self, mark: str) -> None:
        self._sqs: Any = new_client("sqs")
        self._url = self._sqs.create_queue(QueueName=f"survive-{mark}.fifo", Attributes={"FifoQueue": "true"})[
            "QueueUrl"
        ]
        wanted = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        self.arn: str = wanted["Attributes"]["QueueArn"]
        self.got: list[str] = []

    def take(self) -> list[str]:
        """Take what has come, and give the keys of all that ever came."""
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
        for each in answer.get("Messages", []):
            self.got.append(json.loads(each["Body"])["detail"]["asset"]["key"])
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=each["ReceiptHandle"])
        return self.got


def write_rules(folder: Path, mark: str, reads: str, targets: dict[str, str]) -> None:
    for name, target in targets.items():
        (folder / f"{name}-{mark}.toml").write_text(f'reads = ["{reads}"]\n[target]\n{target}\n')


def test_deliveries_survive_kills_and_targets_do_not_block_each_other(
    cluster_env: dict[str, str], receiver: Receiver, tmp_path: Path
) -> None:
    mark = uuid.uuid4().hex[:6]
    queue, reads = Queue(mark), f"survive-{mark}"
    rules = tmp_path / "rules"
    rules.mkdir()
    write_rules(rules, mark, reads, {"q": f'sqs = "{queue.arn}"', "h": f'http = "{receiver.url}"'})
    names = [f"rule-q-{mark}", f"rule-h-{mark}"]
    settings = KafkaSettings(bootstrap_servers=cluster_env["HEADRACE_BOOTSTRAP_SERVERS"])
    own = [topic for name in names for topic in (topics.retry(name), topics.dead_letters(name))]
    clients.create_topics(clients.admin(settings), [topics.Topic(reads, "a test"), *own], 1)
    keys = [*(f"{number}.jpg" for number in range(40)), POISON]
    environment = {**cluster_env, "HEADRACE_RULES": str(rules), "HEADRACE_SESSION_SECONDS": "6"}

    def worker(number: int) -> Any:
        (tmp_path / str(number)).mkdir()
        return headrace(environment, tmp_path / str(number), "worker", *names)

    with worker(1) as first:
        first.ready()
        send(settings, [event(mark, key, reads) for key in keys])
        wait_for(lambda: len(queue.take()) >= 5, "the first to be delivered", 30)
        first.kill()  # in the midst of deliveries to both
    with worker(2) as second:
        second.ready()
        wait_for(lambda: set(queue.take()) == set(keys), "the queue to have all, while the other target is down", 60)
        assert receiver.tried.wait(150)
        assert receiver.got == []
        receiver.down = False
        wait_for(lambda: len(receiver.got) >= 5, "the other target to get some", 60)
        second.kill()
    with worker(3) as third:
        third.ready()
        wait_for(lambda: {key for key, _ in receiver.got} == {*keys} - {POISON}, "the other target to have all", 60)
        wait_for(lambda: idle(settings, names, reads), "all to be done", 60)
        ends_well(third)
    assert sorted(queue.take()) == sorted(keys)  # each once, however often it was sent
    assert len(set(receiver.got)) == len(keys) - 1  # and to the other under one id, however often
    letters = read_back(settings, [topics.dead_letters(names[1]).name])
    headers = [dict(letter.headers) for letter in letters]
    # A kill between the letter and the commit has it written again: one record's, and the same.
    assert {letter.key for letter in letters} == {f"{mark}/{POISON}".encode()}
    assert {(each["dlq-code"], each["dlq-offset"]) for each in headers} == {(b"http_404", headers[0]["dlq-offset"])}
    assert read_back(settings, [topics.dead_letters(names[0]).name]) == []


def ends_well(worker: Headrace) -> None:
    assert worker.stop() == 0


def event(mark: str, key: str, topic: str) -> ProducerRecord:
    found = ready(asset(key, bucket=mark))
    sent = to_producer_record(found, envelope(found), codec.load())
    return ProducerRecord(topic, sent.key, sent.value, sent.headers)


def send(settings: KafkaSettings, messages: list[ProducerRecord]) -> None:
    producer = clients.producer(settings)
    for each in messages:
        producer.produce(each.topic, each.value, each.key, headers=list(each.headers))
    assert producer.flush(10) == 0


def idle(settings: KafkaSettings, names: list[str], reads: str) -> bool:
    """Look whether each rule has committed all that it reads, its retries among them."""
    log = KafkaAdmin(settings)
    for name in names:
        spans = log.spans([reads, topics.retry(name).name])
        positions = log.positions(f"headrace.{name}", spans)
        if any(span.high > (positions[place].offset if place in positions else 0) for place, span in spans.items()):
            return False
    return True
