"""Long crash test of the bridge: `python -m tests.chaos.run_bridge`, or `make chaos-bridge`.

Messages are sent during repeated kills of the bridge, an outage of the broker, an outage of SQS, and while SQS rejects
the credentials as expired. At the end Kafka must have every message, and all copies of a message the same event id.
The report is bench/results/bridge-chaos.json; the exit code is 1 after a violation.
"""

from __future__ import annotations

import contextlib
import http.server
import os
import random
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from bench.harness import report as results
from headrace.console.app.process import end_on_signals
from headrace.sandbox.cluster import cluster
from headrace.sandbox.cluster.environment import variables
from headrace.sandbox.cluster.ports import free_port
from headrace.schemas import topics
from headrace.schemas.cloudevents import Headers, from_headers
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.records import MediaUploaded
from headrace.schemas.serde import codec
from tests.support.aws_clients import new_client
from tests.support.brokers import Brokers, brokers
from tests.support.process import Headrace, headrace, wait_for
from tests.support.tcp_proxy import forwarding
from tests.unit.connectors.webhook import sns_messages

EXPIRED = b'{"__type": "com.amazon.coral.service#ExpiredTokenException", "message": "The security token is expired"}'
DRAIN_SECONDS = 300.0
ENV_NAME = "HEADRACE_BOOTSTRAP_SERVERS"


class BridgeSite:
    """A broker, a queue behind a TCP proxy, and the keys of the sent messages."""

    def __init__(self, broker: Brokers, aws: str, port: int, folder: Path) -> None:
        self.broker, self.aws, self.port, self.folder = broker, aws, port, folder
        self.settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
        self.sqs: Any = new_client("sqs")
        queue = self.sqs.create_queue(QueueName=uuid.uuid4().hex, Attributes={"VisibilityTimeout": "5"})
        self.url = str(queue["QueueUrl"])
        self.keys: list[str] = []

    def send(self, name: str, count: int) -> None:
        """Send messages whose keys start with `name`."""
        keys = [f"{name}-{number:05}.jpg" for number in range(count)]
        self.keys += keys
        batches = [keys[first : first + 10] for first in range(0, count, 10)]
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(self._send, batches))

    def _send(self, keys: list[str]) -> None:
        entries = [
            {"Id": str(n), "MessageBody": sns_messages.notification(sns_messages.record(key))}
            for n, key in enumerate(keys)
        ]
        assert not self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries).get("Failed")

    def is_empty(self) -> bool:
        """Whether the queue has no visible and no in-flight messages."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return all(attributes[name] == "0" for name in names)

    @contextlib.contextmanager
    def bridge(self) -> Iterator[Headrace]:
        """Run a bridge that reaches SQS through the proxy."""
        endpoint = f"http://127.0.0.1:{self.port}"
        environment = {
            ENV_NAME: self.broker.bootstrap_servers,
            "AWS_ENDPOINT_URL_SQS": endpoint,
            "HEADRACE_QUEUE_URLS": self.url.replace(f"http://{self.aws}", endpoint),
            "HEADRACE_BRIDGE_POLL_SECONDS": "1",
        }
        with headrace(environment, self.folder, "bridge") as running:
            yield running

    def ids(self) -> dict[str, list[str]]:
        """Return the event ids in Kafka by key."""
        consumer = clients.simple_consumer(self.settings)
        consumer.assign([TopicPartition(topics.UPLOADED.name, n, OFFSET_BEGINNING) for n in range(topics.PARTITIONS)])
        decoder, ids, ends = codec.load(), defaultdict[str, list[str]](list), 0
        while ends < topics.PARTITIONS:
            for each in consumer.consume(10_000, 1.0):
                if each.error() is not None:
                    ends += 1
                    continue
                event = decoder.decode(each.value())
                assert isinstance(event, MediaUploaded)
                ids[event.asset.key].append(from_headers(cast(Headers, each.headers())).id)
        consumer.close()
        return ids


def killed(site: BridgeSite, kills: int, draw: random.Random) -> None:
    """Kill the bridge repeatedly at random times."""
    with forwarding(site.aws, site.port):
        for _ in range(kills):
            with site.bridge() as bridge:
                bridge.ready()
                _pause(draw.uniform(0, 0.8))
                bridge.kill()
            bridge.log.unlink()


def broker_away(site: BridgeSite, seconds: float) -> None:
    """Kill the broker of a running bridge and restart it after `seconds`."""
    with forwarding(site.aws, site.port), site.bridge() as bridge:
        bridge.ready()
        site.broker.kill(0)
        _pause(seconds)
        site.broker.start()
        _drained(site)
        assert bridge.stop() == 0


def sqs_away(site: BridgeSite, seconds: float) -> None:
    """Make SQS unavailable for `seconds`."""
    with site.bridge() as bridge:
        with forwarding(site.aws, site.port):
            bridge.ready()
            _pause(1)
        _pause(seconds)
        with forwarding(site.aws, site.port):
            _drained(site)
            assert bridge.stop() == 0


def expired(site: BridgeSite, seconds: float) -> None:
    """Let SQS reject the credentials as expired for `seconds`."""
    with site.bridge() as bridge:
        with forwarding(site.aws, site.port):
            bridge.ready()
            _pause(1)
        with _refusing(site.port):
            _pause(seconds)
        with forwarding(site.aws, site.port):
            _drained(site)
            assert bridge.stop() == 0
        assert bridge.says("ExpiredToken")


@contextlib.contextmanager
def _refusing(port: int) -> Iterator[None]:
    class ExpiredToken(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(403)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(EXPIRED)))
            self.end_headers()
            self.wfile.write(EXPIRED)

        def log_message(self, *_: object) -> None:
            """Do not log requests."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), ExpiredToken) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)


def _drained(site: BridgeSite) -> None:
    wait_for(site.is_empty, "an empty queue", DRAIN_SECONDS)


def main(
    messages: Annotated[int, typer.Option(help="Total number of messages; a quarter per part.")] = 20_000,
    kills: Annotated[int, typer.Option(help="Number of bridge kills.")] = 30,
    away: Annotated[float, typer.Option(help="Outage of the broker and of SQS, in seconds.")] = 60.0,
    seed: Annotated[int, typer.Option(help="Random seed; 0 for a random one.")] = 0,
) -> None:
    """Run every part, check the records in Kafka, and write the report."""
    end_on_signals()
    seed = seed or random.SystemRandom().randrange(1, 1 << 31)
    draw, folder = random.Random(seed), Path(tempfile.mkdtemp(prefix="headrace-chaos-"))
    parts: dict[str, Callable[[BridgeSite], None]] = {
        "killed": lambda site: killed(site, kills, draw),
        "broker-away": lambda site: broker_away(site, away),
        "sqs-away": lambda site: sqs_away(site, away),
        "expired": lambda site: expired(site, away / 3),
    }
    begun = time.monotonic()
    with brokers(folder / "brokers") as broker:
        environment = variables(cluster.up(folder / "aws", ("aws",)))
        os.environ.update(environment)
        try:
            result = _run(parts, broker, environment, folder, messages // len(parts), draw)
        finally:
            cluster.down(folder / "aws")
    result |= {"seed": seed, "kills": kills, "away_seconds": away, "seconds": round(time.monotonic() - begun, 1)}
    results.write(results.result("bridge-chaos", result))
    print(", ".join(f"{name} {value}" for name, value in result.items()))
    if result["lost"] or result["with_two_ids"]:
        sys.exit("messages lost or with two event ids")


def _run(
    parts: dict[str, Callable[[BridgeSite], None]],
    broker: Brokers,
    environment: dict[str, str],
    folder: Path,
    share: int,
    draw: random.Random,
) -> dict[str, Any]:
    aws = environment["AWS_ENDPOINT_URL_SQS"].removeprefix("http://")
    site = BridgeSite(broker, aws, free_port(None, [], draw), folder)
    clients.create_topics(clients.admin(site.settings), topics.table(()), 1)
    for name, part in parts.items():
        began = time.monotonic()
        sender = threading.Thread(target=site.send, args=(name, share))
        sender.start()
        part(site)
        sender.join()
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    with forwarding(site.aws, site.port), site.bridge():
        _drained(site)
    ids = site.ids()
    copies = Counter(len(each) > 1 for each in ids.values())
    return {
        "messages": len(site.keys),
        "lost": len(set(site.keys) - ids.keys()),
        "with_two_ids": sum(len(set(each)) > 1 for each in ids.values()),
        "on_the_log_more_than_once": copies[True],
    }


if __name__ == "__main__":
    typer.run(main)
