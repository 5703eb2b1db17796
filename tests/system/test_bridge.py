"""The bridge between real queues and a real broker."""

from __future__ import annotations

import json
import random
import re
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from headrace.connectors.bridge.queue import INVALID_RECEIPT_HANDLE, SqsQueue
from headrace.connectors.bridge.service import open_source
from headrace.connectors.bridge.settings import BridgeSettings
from headrace.schemas import topics
from headrace.schemas.cloudevents import from_headers
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.records import MediaUploaded
from headrace.schemas.serde import codec
from tests.support.aws_clients import new_client
from tests.support.process import Headrace, headrace, run, wait_for
from tests.support.tcp_proxy import forwarding
from tests.unit.connectors.webhook import sns_messages

ODD_KEYS = ["a b.jpg", "a+b.jpg", "100%.jpg", "%2B %.jpg", "zażółć/日本語.mp4", "../../up.jpg", "folder/"]
BOOK = codec.load()


class Site:
    """Queues and buckets of one test's own, and what is on the log of them."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.name = f"t{uuid.uuid4().hex[:12]}"
        self.environment = environment
        self.s3, self.sqs, self.sns, self.events = (new_client(each) for each in ("s3", "sqs", "sns", "events"))
        self._consumer = self._reader(KafkaSettings(bootstrap_servers=environment["HEADRACE_BOOTSTRAP_SERVERS"]))
        self._arrived: list[Any] = []

    def queue(self, name: str, **attributes: str) -> str:
        url: str = self.sqs.create_queue(QueueName=f"{self.name}-{name}", Attributes=attributes)["QueueUrl"]
        return url

    def arn(self, url: str) -> str:
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(found["Attributes"]["QueueArn"])

    def bucket(self, configuration: Any) -> str:
        self.s3.create_bucket(Bucket=self.name)
        self.s3.put_bucket_notification_configuration(Bucket=self.name, NotificationConfiguration=configuration)
        return self.name

    def send(self, url: str, bodies: list[str], **more: str) -> None:
        for batch in (bodies[n : n + 10] for n in range(0, len(bodies), 10)):
            entries: Any = [{"Id": str(n), "MessageBody": body, **more} for n, body in enumerate(batch)]
            assert not self.sqs.send_message_batch(QueueUrl=url, Entries=entries).get("Failed")

    def notification(self, key: str) -> str:
        """What S3 says of an upload to this test's bucket."""
        record = sns_messages.record(key)
        record["s3"]["bucket"]["name"] = self.name
        return sns_messages.notification(record)

    def waiting(self, url: str) -> tuple[int, int]:
        """How many messages a queue can hand out, and how many it has handed out."""
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return int(found[names[0]]), int(found[names[1]])

    def is_empty(self, url: str) -> bool:
        return self.waiting(url) == (0, 0)

    def arrived(self, of_us: Callable[[Any], bool]) -> list[Any]:
        """List what is on the log by now."""
        self._arrived += [each for each in self._consumer.consume(10_000, 0.2) if each.error() is None]
        return [each for each in self._arrived if of_us(each)]

    def uploads(self) -> list[tuple[str, str]]:
        """List the uploads to this test's bucket: id and key."""
        prefix = f"{self.name}/".encode()
        found = self.arrived(lambda each: each.topic() == "media.uploaded" and each.key().startswith(prefix))
        events = [(from_headers(each.headers()).id, BOOK.decode(each.value())) for each in found]
        return [(id_, event.asset.key) for id_, event in events if isinstance(event, MediaUploaded)]

    def bridge(self, folder: Path, *urls: str, **variables: str) -> Any:
        own = {"HEADRACE_QUEUE_URLS": ",".join(urls), "HEADRACE_BRIDGE_POLL_SECONDS": "1", **variables}
        return headrace({**self.environment, **own}, folder, "bridge")

    def _reader(self, cluster: KafkaSettings) -> Consumer:
        consumer = clients.simple_consumer(cluster)
        names = (topics.UPLOADED.name, topics.AWS_EVENTS.name, topics.BRIDGE_DLQ.name)
        there = clients.partition_counts(clients.admin(cluster))
        places = [TopicPartition(name, number, OFFSET_BEGINNING) for name in names for number in range(there[name])]
        consumer.assign(places)
        return consumer


@pytest.fixture
def site(cloud_env: dict[str, str]) -> Iterator[Site]:
    site = Site(cloud_env)
    yield site
    site._consumer.close()


def lines(bridge: Headrace, word: str) -> list[str]:
    """Return the log lines that contain a word."""
    return [line for line in bridge.log.read_text().splitlines() if word in line]


def counts(bridge: Headrace) -> dict[str, int]:
    (stopped,) = lines(bridge, "stopped")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", stopped)
    return {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", plain)}


@pytest.mark.moto_lacks("it gives the event of each route another time, and those of EventBridge one sequencer")
def test_upload_has_the_same_key_and_id_through_every_route(site: Site, tmp_path: Path) -> None:
    direct, wrapped, raw, bus = (site.queue(name) for name in ("direct", "wrapped", "raw", "bus"))
    topic = site.sns.create_topic(Name=site.name)["TopicArn"]
    site.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=site.arn(wrapped))
    attributes = {"RawMessageDelivery": "true"}
    site.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=site.arn(raw), Attributes=attributes)
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [site.name]}}}
    site.events.put_rule(Name=site.name, EventPattern=json.dumps(pattern))
    site.events.put_targets(Rule=site.name, Targets=[{"Id": "1", "Arn": site.arn(bus)}])
    created: Any = ["s3:ObjectCreated:*"]
    bucket = site.bucket(
        {
            "QueueConfigurations": [{"QueueArn": site.arn(direct), "Events": created}],
            "TopicConfigurations": [{"TopicArn": topic, "Events": created}],
            "EventBridgeConfiguration": {},
        }
    )
    with site.bridge(tmp_path, direct, wrapped, raw, bus) as bridge:
        wait_for(lambda: len(lines(bridge, "ready")) == 4, "four queues")
        for key in ODD_KEYS:
            site.s3.put_object(Bucket=bucket, Key=key, Body=b"" if key.endswith("/") else b"x")
        wait_for(lambda: len(site.uploads()) == 4 * len(ODD_KEYS), "every upload four times")
        wait_for(lambda: all(map(site.is_empty, (direct, wrapped, raw, bus))), "empty queues")
        assert bridge.stop() == 0

    ids_of = {key: {id_ for id_, found in site.uploads() if found == key} for key in ODD_KEYS}
    assert {key: len(ids) for key, ids in ids_of.items()} == dict.fromkeys(ODD_KEYS, 1)
    said = counts(bridge)
    assert said["received"] == said["parsed"] + said["ignored"] == said["deleted"]


@pytest.mark.each_emulator
def test_unparseable_messages_become_unchanged_dead_letters(site: Site, tmp_path: Path) -> None:
    url = site.queue("unreadable")
    bodies = [
        f'{{"Records": [ {site.name}',
        site.name + " ü\t\U0001f3ac",
        json.dumps({"x": site.name + "y" * 1_000_000}),
    ]
    site.send(url, bodies[:2])
    site.send(url, bodies[2:])
    with site.bridge(tmp_path, url) as bridge:

        def letters() -> list[Any]:
            return site.arrived(lambda each: each.topic() == "bridge.dlq" and site.name.encode() in each.value())

        # A queue may deliver a message twice: moto does if two receivers ask at the same time.
        wait_for(lambda: {each.value().decode() for each in letters()} == set(bodies), "the dead letters")
        wait_for(lambda: site.is_empty(url), "an empty queue")
        assert bridge.stop() == 0

    wait_for(lambda: len(letters()) == counts(bridge)["rejected"], "a dead letter of each rejected message")
    headers = dict(letters()[0].headers())
    assert headers["dlq-queue"] == url.encode()
    assert headers["dlq-sqs-message"] == letters()[0].key()
    assert site.name not in "".join(lines(bridge, "message_rejected")).replace(url, "")


@pytest.mark.moto_lacks("its queues slow down with each message, and this test sends 1,500")
def test_sigkill_loses_no_message_and_changes_no_id(site: Site, tmp_path: Path) -> None:
    url = site.queue("killed", VisibilityTimeout="2")
    keys = {f"{number}.jpg" for number in range(1500)}
    site.send(url, [site.notification(key) for key in sorted(keys)])
    moments = random.Random(5)

    def arrived() -> set[str]:
        return {key for _, key in site.uploads()}

    for _ in range(6):
        with site.bridge(tmp_path, url) as bridge:
            bridge.ready()
            # From before the first message is received until after the last is deleted.
            threading.Event().wait(moments.uniform(0, 0.4))
            bridge.kill()
    with site.bridge(tmp_path, url) as bridge:
        wait_for(lambda: arrived() == keys, "every key")
        wait_for(lambda: site.is_empty(url), "an empty queue")
        assert bridge.stop() == 0

    assert len({id_ for id_, _ in site.uploads()}) == len(keys)


@pytest.mark.moto_lacks("its queues slow down with each message, and this test sends 1,500")
def test_sigterm_drains_messages_in_flight_and_leaves_the_rest(site: Site, tmp_path: Path) -> None:
    url = site.queue("halted")
    keys = {f"{number}.jpg" for number in range(1500)}
    site.send(url, [site.notification(key) for key in sorted(keys)])
    with site.bridge(tmp_path, url) as bridge:
        wait_for(site.uploads, "the first upload")
        assert bridge.stop() == 0

    said = counts(bridge)
    assert said["received"] == said["parsed"] == said["deleted"] == said["records"]
    assert wait_for(lambda: len(site.uploads()) == said["records"], "its records")
    assert site.waiting(url) == (len(keys) - said["deleted"], 0)


def test_preview_needs_neither_queue_nor_broker(tmp_path: Path) -> None:
    bodies = tmp_path / "bodies.jsonl"
    bodies.write_text(f"{sns_messages.notification()}\nno json\n")

    shown = run({"HEADRACE_BOOTSTRAP_SERVERS": "127.0.0.1:9"}, "bridge", "preview", str(bodies))

    assert (shown.returncode, shown.stderr) == (0, "")
    record, rejection = map(json.loads, shown.stdout.splitlines())
    assert (record["topic"], record["key"]) == ("media.uploaded", "media/a.jpg")
    assert rejection["rejected"] == "not_json"


@pytest.mark.each_emulator
def test_fifo_queue_keeps_its_order(site: Site, tmp_path: Path) -> None:
    url = site.queue("order.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    events = [sns_messages.event(site.name, "Step", {"n": number}, id=str(number)) for number in range(50)]
    site.send(url, events, MessageGroupId="g")
    with site.bridge(tmp_path, url) as bridge:

        def steps() -> list[int]:
            found = site.arrived(lambda each: each.topic() == "aws.events" and each.key() == site.name.encode())
            return [json.loads(BOOK.decode(each.value()).body)["detail"]["n"] for each in found]  # type: ignore[union-attr]

        wait_for(lambda: len(steps()) == 50, "fifty steps")
        wait_for(lambda: site.is_empty(url), "an empty queue")
        assert bridge.stop() == 0

    assert steps() == list(range(50))


def test_kafka_outage_at_start_is_logged_once_and_recovers(site: Site, tmp_path: Path) -> None:
    url = site.queue("early")
    site.send(url, [site.notification("early.jpg")])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    where = f"127.0.0.1:{port}"
    with site.bridge(tmp_path, url, HEADRACE_BOOTSTRAP_SERVERS=where) as bridge:
        wait_for(lambda: lines(bridge, "dependency_unavailable"), "a line")
        with forwarding(site.environment["HEADRACE_BOOTSTRAP_SERVERS"], port):
            wait_for(lambda: site.uploads(), "the upload")
            assert bridge.stop() == 0

    (line,) = lines(bridge, "dependency_unavailable")
    assert f"no Kafka at {where}" in line
    assert not lines(bridge, "Traceback")


def test_sigterm_while_waiting_for_kafka_stops_the_bridge(site: Site, tmp_path: Path) -> None:
    with site.bridge(tmp_path, site.queue("x"), HEADRACE_BOOTSTRAP_SERVERS="127.0.0.1:1") as bridge:
        wait_for(lambda: lines(bridge, "dependency_unavailable"), "a line")
        assert bridge.stop(15) == 0


def test_missing_queue_does_not_block_others_and_is_drained_once_created(site: Site, tmp_path: Path) -> None:
    there = site.queue("there")
    later = there.replace("there", "later")
    site.send(there, [site.notification("there.jpg")])
    with site.bridge(tmp_path, later, there) as bridge:
        wait_for(lambda: len(site.uploads()) == 1, "the upload of the one that is there")
        wait_for(lambda: lines(bridge, "dependency_unavailable"), "a line")
        assert site.queue("later") == later
        site.send(later, [site.notification("later.jpg")])
        wait_for(lambda: len(site.uploads()) == 2, "the upload of the other")
        assert bridge.stop() == 0

    (line,) = lines(bridge, "dependency_unavailable")
    assert later in line


def test_delete_permission_is_checked_without_deleting(site: Site) -> None:
    url = site.queue("tried")
    site.send(url, [site.notification("a.jpg")])

    source = open_source(url, BridgeSettings(queue_urls=(url,)))

    assert isinstance(source.queue, SqsQueue)
    assert source.visibility_timeout == 30
    assert not site.is_empty(url)
    (delivery,) = source.queue.receive()
    assert delivery.first_received_ms > 0
    expired = type(delivery)(delivery.id, INVALID_RECEIPT_HANDLE, "")
    (error,) = source.queue.delete([expired])
    assert error.expired
    (error,) = source.queue.change_visibility([expired], 10)
    assert error.expired
    assert source.queue.delete([delivery]) == []
    assert site.is_empty(url)
