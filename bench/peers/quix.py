"""quixstreams: a streaming dataframe that does nothing, sends every record on, or decodes it and keeps none."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
from clock import Clock, Task, task
from quixstreams import Application

SCHEMA = Path(__file__).parents[2] / "schemas" / "avro" / "MediaUploaded" / "v1.avsc"
HEADER = 10


def main(todo: Task) -> None:
    """Read to the end."""
    clock = Clock(todo.records)
    app = Application(
        broker_address=todo.bootstrap_servers,
        consumer_group=todo.group,
        auto_offset_reset="earliest",
        loglevel="ERROR",
    )
    frame = app.dataframe(app.topic(todo.reads, key_deserializer="bytes", value_deserializer="bytes"))
    if todo.variant == "avro":
        schema = fastavro.schema.load_schema(SCHEMA)

        def decode(value: bytes) -> Any:
            return fastavro.schemaless_reader(BytesIO(value[HEADER:]), schema, None)

        frame = frame.apply(decode)
        frame = frame[frame.apply(lambda event: _not_wanted(event, clock))]
    elif todo.variant == "to_topic":
        out = app.topic(f"{todo.reads}.out", key_serializer="bytes", value_serializer="bytes")
        frame = frame.to_topic(out)
        frame = frame.update(lambda _: clock.tick())
    else:
        frame = frame.update(lambda _: clock.tick())
    app.run()


def _not_wanted(event: Any, clock: Clock) -> bool:
    clock.tick()
    return bool(event["asset"]["key"].endswith("/"))


main(task())
