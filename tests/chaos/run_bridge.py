"""The bridge through all that can go wrong around it, at length: `python -m tests.chaos.run_bridge`, `make
chaos-bridge`.

Messages are sent while it is killed again and again, while the broker is away, while SQS is away, and while SQS says
that the credentials have expired. Each has to be on the log at the end, and all that came of one of them has one id.
The report goes to bench/results/bridge-chaos.json; exit code 1 when that does not hold.
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

import boto3
import typer
from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from bench.harness import report as results
from headrace.console.app.main import end_on_sigterm
from headrace.sandbox.cluster import cluster
from headrace.sandbox.cluster.environment import variables
from headrace.sandbox.cluster.ports import free_port
from headrace.schemas import topics
from headrace.schemas.cloudevents import Headers, from_headers
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.records import MediaUploaded
from headrace.schemas.serde import codec
from tests.support.brokers import Brokers, brokers
from tests.support.process import Headrace, headrace, wait_for
from tests.support.tcp_proxy import forwarding
from tests.unit.connectors.webhook import sns_messages

EXPIRED = b'{"__type": "com.amazon.coral.service#ExpiredTokenException", "message": "The security token is expired"}'
DRAIN_SECONDS = 300.0
ENV_NAME = "HEADRACE_BOOTSTRAP_SERVERS"


class Place:
    """A broker, a queue behind a port that can be closed, and what was put in."""

    def __init__(self, broker: Brokers, aws: str, port: int, folder: Path) -> None:
        self.broker, self.aws, self.port, self.folder = broker, aws, port, folder
        self.settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
        self.sqs: Any = boto3.client("sqs")
        made = self.sqs.create_queue(QueueName=uuid.uuid4().hex, Attributes={"VisibilityTimeout": "5"})
        self.url = str(made["QueueUrl"])
        self.keys: list[str] = []

    def send(self, name: str, count: int) -> None:
        """Put messages in, whose keys begin with a name."""
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
        """Whether the queue holds nothing, neither waiting nor handed out."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return all(found[name] == "0" for name in names)

    @contextlib.contextmanager
    def bridge(self) -> Iterator[Headrace]:
        """Run a bridge whose way to SQS is the port."""
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


def killed(place: Place, kills: int, draw: random.Random) -> None:
    """Kill the bridge again and again, from before its first message to after its last."""
    with forwarding(place.aws, place.port):
        for _ in range(kills):
            with place.bridge() as bridge:
                bridge.ready()
                _pause(draw.uniform(0, 0.8))
                bridge.kill()
            bridge.log.unlink()


def broker_away(place: Place, seconds: float) -> None:
    """Kill the broker of a running bridge, and restart it after a while."""
    with forwarding(place.aws, place.port), place.bridge() as bridge:
        bridge.ready()
        place.broker.kill(0)
        _pause(seconds)
        place.broker.start()
        _drained(place)
        assert bridge.stop() == 0


def sqs_away(place: Place, seconds: float) -> None:
    """Make SQS unavailable for a while."""
    with place.bridge() as bridge:
        with forwarding(place.aws, place.port):
            bridge.ready()
            _pause(1)
        _pause(seconds)
        with forwarding(place.aws, place.port):
            _drained(place)
            assert bridge.stop() == 0


def expired(place: Place, seconds: float) -> None:
    """Have SQS say for a while that the credentials have expired."""
    with place.bridge() as bridge:
        with forwarding(place.aws, place.port):
            bridge.ready()
            _pause(1)
        with _refusing(place.port):
            _pause(seconds)
        with forwarding(place.aws, place.port):
            _drained(place)
            assert bridge.stop() == 0
        assert bridge.says("ExpiredToken")


@contextlib.contextmanager
def _refusing(port: int) -> Iterator[None]:
    class Refusal(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(403)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(EXPIRED)))
            self.end_headers()
            self.wfile.write(EXPIRED)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Refusal) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)


def _drained(place: Place) -> None:
    wait_for(place.is_empty, "an empty queue", DRAIN_SECONDS)


def main(
    messages: Annotated[int, typer.Option(help="Total number of messages; a quarter per part.")] = 20_000,
    kills: Annotated[int, typer.Option(help="Number of bridge kills.")] = 30,
    away: Annotated[float, typer.Option(help="Outage of the broker and of SQS, in seconds.")] = 60.0,
    seed: Annotated[int, typer.Option(help="Random seed; 0 for a random one.")] = 0,
) -> None:
    """Do all that, look at the log, and keep the report."""
    end_on_sigterm()
    seed = seed or random.SystemRandom().randrange(1, 1 << 31)
    draw, folder = random.Random(seed), Path(tempfile.mkdtemp(prefix="headrace-chaos-"))
    parts: dict[str, Callable[[Place], None]] = {
        "killed": lambda place: killed(place, kills, draw),
        "broker-away": lambda place: broker_away(place, away),
        "sqs-away": lambda place: sqs_away(place, away),
        "expired": lambda place: expired(place, away / 3),
    }
    begun = time.monotonic()
    with brokers(folder / "brokers") as broker:
        found = variables(cluster.up(folder / "aws", ("aws",)))
        os.environ.update(found)
        try:
            result = _run(parts, broker, found, folder, messages // len(parts), draw)
        finally:
            cluster.down(folder / "aws")
    result |= {"seed": seed, "kills": kills, "away_seconds": away, "seconds": round(time.monotonic() - begun, 1)}
    results.write(results.result("bridge-chaos", result))
    print(", ".join(f"{name} {value}" for name, value in result.items()))
    if result["lost"] or result["with_two_ids"]:
        sys.exit("a promise did not hold")


def _run(
    parts: dict[str, Callable[[Place], None]],
    broker: Brokers,
    found: dict[str, str],
    folder: Path,
    share: int,
    draw: random.Random,
) -> dict[str, Any]:
    aws = found["AWS_ENDPOINT_URL_SQS"].removeprefix("http://")
    place = Place(broker, aws, free_port(None, [], draw), folder)
    clients.create_topics(clients.admin(place.settings), topics.table(()), 1)
    for name, part in parts.items():
        began = time.monotonic()
        sender = threading.Thread(target=place.send, args=(name, share))
        sender.start()
        part(place)
        sender.join()
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)
    with forwarding(place.aws, place.port), place.bridge():
        _drained(place)
    ids = place.ids()
    copies = Counter(len(each) > 1 for each in ids.values())
    return {
        "messages": len(place.keys),
        "lost": len(set(place.keys) - ids.keys()),
        "with_two_ids": sum(len(set(each)) > 1 for each in ids.values()),
        "on_the_log_more_than_once": copies[True],
    }


if __name__ == "__main__":
    typer.run(main)
