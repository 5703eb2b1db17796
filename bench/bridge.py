"""Measure the bridge: `python -m bench.bridge`, or `make bench-bridge`. Exit code 1 if a target is missed.

With the SQS of the sandbox, it alternates with a plain boto3 loop of the same number of threads that only receives and
deletes. With a fake SQS that responds at once, the bridge itself is the bottleneck.
"""

from __future__ import annotations

import statistics
import threading
import time
import uuid
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import boto3
import orjson
import typer

from bench.harness import load, report
from bench.harness.bridge_process import Measured, Task
from bench.harness.processes import answer, module
from bench.harness.servers import broker_of, running, serving
from headrace.connectors.events.encoder import encode_message
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde import codec

LOCAL_MESSAGES, INSTANT_MESSAGES, MANY_MESSAGES, TRANSLATIONS = 6_000, 30_000, 200_000, 20_000
PACE, PACE_SECONDS = 100, 20
SHARE_OF_BARE, A_SECOND, TRANSLATED_A_SECOND, MORE_MS = 0.9, 8_000.0, 40_000.0, 50.0


def main(
    repetitions: Annotated[int, typer.Option(help="Measurements of each rate.")] = 5,
    messages: Annotated[int, typer.Option(help="Messages of the memory measurement.")] = MANY_MESSAGES,
) -> None:
    """Measure, print and store the result."""
    with running(("kafka", "aws")) as state:
        measured = _measure(broker_of(state), repetitions, messages)
    report.write(report.result("bridge", measured, ("boto3", "confluent-kafka", "fastavro")))
    for name, values in measured.items():
        print(f"{name:32} {values}")
    _judge(measured)


def _measure(settings: KafkaSettings, repetitions: int, messages: int) -> dict[str, Any]:
    servers = settings.bootstrap_servers
    clients.create_topics(clients.admin(settings), topics.table(()), 1)
    bridge, bare, ratios, instant = [], [], [], []
    for _ in range(repetitions):
        bare.append(_rate(_local("bare", servers)))
        bridge.append(_rate(_local("bridge", servers)))
        ratios.append(bridge[-1] / bare[-1])
        instant.append(_rate(_instant(servers, INSTANT_MESSAGES)))
    held = _instant(servers, messages).resident_mb
    delays = {kind: _p99(_paced(kind, servers)) for kind in ("bare", "bridge")}
    return {
        "local_bridge_a_second": asdict(report.spread(bridge)),
        "local_bare_a_second": asdict(report.spread(bare)),
        "local_share_of_bare": asdict(report.spread(ratios)),
        "instant_a_second": asdict(report.spread(instant)),
        "translate_encode_a_second": asdict(report.spread([_translated() for _ in range(repetitions)])),
        "p99_ms_at_100_a_second": {kind: round(each, 1) for kind, each in delays.items()},
        "resident_mb_over_messages": {
            "messages": messages,
            "after_a_quarter": round(held[len(held) // 4], 1),
            "at_the_end": round(held[-1], 1),
        },
    }


def _local(kind: str, servers: str) -> Measured:
    url = _queue()
    with_all = boto3.client("sqs")
    for first in range(0, LOCAL_MESSAGES, 10):
        entries: Any = [{"Id": str(n), "MessageBody": load.notification(first + n)} for n in range(10)]
        with_all.send_message_batch(QueueUrl=url, Entries=entries)
    return _run(Task(kind=kind, queue_url=url, messages=LOCAL_MESSAGES, bootstrap_servers=servers))  # type: ignore[arg-type]


def _instant(servers: str, messages: int) -> Measured:
    with serving("bench.harness.fake_sqs", str(messages)) as endpoint:
        url = f"{endpoint}/000000000000/instant"
        task = Task(kind="bridge", queue_url=url, messages=messages, bootstrap_servers=servers)
        return _run(task, AWS_ENDPOINT_URL_SQS=endpoint)


def _paced(kind: str, servers: str) -> Measured:
    """Send messages with a timestamp at a constant rate."""
    url = _queue()

    def send() -> None:
        client = boto3.client("sqs")
        begun = time.monotonic()
        for number in range(PACE * PACE_SECONDS):
            time.sleep(max(0.0, begun + number / PACE - time.monotonic()))
            client.send_message(QueueUrl=url, MessageBody=_timed())

    sender = threading.Timer(3.0, send)
    sender.start()
    task = Task(kind=kind, queue_url=url, messages=PACE * PACE_SECONDS, bootstrap_servers=servers)  # type: ignore[arg-type]
    try:
        return _run(task)
    finally:
        sender.join()


def _timed() -> str:
    values = {"version": "0", "id": uuid.uuid4().hex, "account": "000000000000", "region": "us-east-1", "resources": []}
    now = datetime.now(UTC).isoformat()
    more = {"source": "bench", "detail-type": "Sent", "time": now, "detail": {"sent": time.time() * 1000}}
    return orjson.dumps({**values, **more}).decode()


def _translated() -> float:
    """Return the records per second of parsing and encoding alone, on one core."""
    bodies = [load.notification(number) for number in range(TRANSLATIONS)]
    book, now = codec.load(), datetime.now(UTC)
    begun = time.perf_counter()
    for body in bodies:
        encode_message(body, now, book)
    return TRANSLATIONS / (time.perf_counter() - begun)


def _queue() -> str:
    created = boto3.client("sqs").create_queue(QueueName=uuid.uuid4().hex, Attributes={"VisibilityTimeout": "300"})
    return str(created["QueueUrl"])


def _run(task: Task, **variables: str) -> Measured:
    return answer(module("bench.harness.bridge_process", task), Measured, variables=variables)


def _rate(measured: Measured) -> float:
    return measured.messages / measured.seconds


def _p99(measured: Measured) -> float:
    return statistics.quantiles(measured.delays_ms, n=100)[98]


def _judge(measured: dict[str, Any]) -> None:
    delays = measured["p99_ms_at_100_a_second"]
    checks = {
        f"{SHARE_OF_BARE:.0%} of the bare loop": measured["local_share_of_bare"]["median"] >= SHARE_OF_BARE,
        f"{A_SECOND:,.0f} messages/s": measured["instant_a_second"]["median"] >= A_SECOND,
        f"{TRANSLATED_A_SECOND:,.0f} translated/s": measured["translate_encode_a_second"]["median"]
        >= TRANSLATED_A_SECOND,
        f"p99 within {MORE_MS:g} ms of the bare loop's": delays["bridge"] <= delays["bare"] + MORE_MS,
    }
    report.judge(checks)


if __name__ == "__main__":
    typer.run(main)
