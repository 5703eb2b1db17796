"""A codec with every published schema."""

from __future__ import annotations

import threading

from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.serde import registry
from headrace.schemas.serde.codec import Codec
from headrace.schemas.serde.schema_topic import follow_schemas


def read_codec(settings: KafkaSettings) -> Codec:
    """Create a codec with the schemas that are published now, and with the registry if there is one."""
    codec = registry.create_codec(settings)
    follower = follow_schemas(settings, codec)
    follower.start()
    follower.stop()
    return codec


class FollowedCodec:
    """A codec that a thread keeps current, from its first use to the end of the process. Thread-safe."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._codec: Codec | None = None

    def get(self) -> Codec:
        """Return the codec; the first call waits for the schemas that are published now."""
        with self._lock:
            if self._codec is None:
                codec = registry.create_codec(self._settings)
                follow_schemas(self._settings, codec).start()
                self._codec = codec
            return self._codec
