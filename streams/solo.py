"""One stage as a Faust app of its own, for `faust -A streams.apps:<stage> worker`."""

from __future__ import annotations

from schemas import catalog, codec, kafka
from schemas.log import SchemaLog, publish
from schemas.settings import KafkaSettings, load
from streams import pipeline
from streams.app import StageApp
from streams.aws import Aws
from streams.sender import Sender
from streams.settings import StreamSettings
from streams.worker import create_context, host


def create(name: str) -> StageApp:
    """Build the app of one stage with all that it needs. Raises ValueError for a stage that there is not."""
    [stage] = pipeline.find([name])
    settings, cluster = load(StreamSettings), load(KafkaSettings)
    book = codec.load()
    publish(kafka.producer(cluster), catalog.versions())
    SchemaLog(cluster, book).start()
    context = create_context(book, Aws(settings.aws_threads), settings)
    return host(stage, context, Sender(kafka.producer(cluster)), settings, cluster).app
