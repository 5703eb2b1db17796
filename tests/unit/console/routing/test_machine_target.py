"""Rules that start state machines."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from headrace.console.routing.machine_target import MachineTarget
from headrace.schemas.delivery import Delivery
from headrace.schemas.messages import ProducerRecord, SendError
from headrace.schemas.records import StimulusReceived
from headrace.streams.errors import OutageError
from headrace.streams.executions.inbox import InboxMessage, StartByName
from headrace.streams.executions.json_codec import decode_json
from headrace.streams.executions.records import RecordWriter
from headrace.streams.routing.rule import read_text
from tests.unit.streams.executions.fake_log import BEGIN, CODEC

RULE = read_text("flagged", 'reads = ["media.ready"]\n[target]\nmachine = "review:live"\n', ())
DELIVERY = Delivery(id="0d0a1c1e-0000-5000-8000-000000000001", key="b/k", body='{"x": 1}', detail_type="t", source="s")
WRITER = RecordWriter(CODEC, None, lambda: BEGIN)


def test_event_starts_the_machine_of_the_rule() -> None:
    sent: list[ProducerRecord] = []

    async def send(records: Sequence[ProducerRecord]) -> None:
        sent.extend(records)

    asyncio.run(MachineTarget(RULE, WRITER, send).start(DELIVERY))
    event = CODEC.decode(sent[0].value)
    assert isinstance(event, StimulusReceived)
    start = decode_json(event.body.encode(), InboxMessage)
    assert isinstance(start, StartByName)
    assert (start.machine, start.name, start.input) == ("review:live", f"flagged-{DELIVERY.id}", {"x": 1})


def test_kafka_that_is_unavailable_pauses_the_rule() -> None:
    async def send(_: Sequence[ProducerRecord]) -> None:
        raise SendError("machines.inbox", "no broker", final=False)

    with pytest.raises(OutageError):
        asyncio.run(MachineTarget(RULE, WRITER, send).start(DELIVERY))
