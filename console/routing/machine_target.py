"""Start an execution of a state machine for each event of a rule."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from headrace.schemas.delivery import Delivery
from headrace.schemas.ids import random_seed
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.producer import AsyncProducer
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import SendError
from headrace.schemas.parsing import InvalidValueError, parse_json
from headrace.schemas.serde import registry
from headrace.schemas.settings import load
from headrace.streams.errors import OutageError, PermanentError
from headrace.streams.executions.inbox import StartByName
from headrace.streams.executions.records import RecordWriter, SendRecords
from headrace.streams.routing.rule import Rule
from headrace.streams.routing.rule_stage import SendDelivery


class MachineTarget:
    """Writes starts to the inbox. The name of an execution is that of the rule and the event, so it starts once."""

    def __init__(self, rule: Rule, writer: RecordWriter, send: SendRecords) -> None:
        self._rule = rule
        self._writer = writer
        self._send = send

    async def start(self, delivery: Delivery) -> None:
        """Start the machine, and return once Kafka has it.

        Raises:
            StageError: Kafka is unavailable, or the input is too large.
        """
        name = f"{self._rule.name}-{delivery.id}"
        now = datetime.now(UTC).timestamp()
        seed = random_seed(delivery.id)
        start = StartByName(self._rule.target.address, name, _input(delivery.body), now, seed)
        try:
            await self._send([await self._writer.inbox(name, start, delivery.id, None)])
        except SendError as error:
            if error.final:
                raise PermanentError("input_too_large", str(error)) from error
            raise OutageError(str(error)) from error


def starting(rule: Rule) -> SendDelivery:
    """Return the function that starts the machine of a rule. It connects to Kafka at the first event."""
    target: list[MachineTarget] = []

    async def send(delivery: Delivery) -> None:
        if not target:
            target.append(await asyncio.to_thread(_connected, rule))
        await target[0].start(delivery)

    return send


def _connected(rule: Rule) -> MachineTarget:
    cluster = load(KafkaSettings)
    codec = registry.create_codec(cluster)
    codec.load_schema_ids()
    return MachineTarget(rule, RecordWriter(codec, None), AsyncProducer(clients.producer(cluster)).send)


def _input(body: str) -> Any:
    """Return the input of the execution: the JSON of a template, or its text."""
    try:
        return parse_json(body)
    except InvalidValueError:
        return body
