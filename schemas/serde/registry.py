"""Client of a Confluent-compatible schema registry.

confluent-kafka's client is imported only if a registry is configured. Every call blocks.
See docs/decisions/0014-register-one-schema-subject-per-topic.md.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.schemas import topics
from headrace.schemas.cloudevents import PREFIX
from headrace.schemas.kafka.settings import RegistrySettings
from headrace.schemas.parsing import parse_int
from headrace.schemas.records import EVENTS
from headrace.schemas.serde import catalog
from headrace.schemas.serde.catalog import Schema, SchemaVersion
from headrace.schemas.serde.codec import Codec, RegistryUnavailableError
from headrace.schemas.serde.writer_schema import parse_schema

if TYPE_CHECKING:
    from confluent_kafka.schema_registry import Schema as ClientSchema
    from confluent_kafka.schema_registry import SchemaRegistryClient

COMPATIBILITY = "FULL_TRANSITIVE"
TIMEOUT_SECONDS = 5.0
BACKOFF_SECONDS = 1.0
"""No request is sent for this time after a failure, so that waiting records do not queue for timeouts."""

_NOT_FOUND = range(40400, 40500)
_LOGIN = (401, 403)
_LATER = (408, 429)


class RegistryRefusedError(RegistryUnavailableError):
    """The registry rejected a request; the text contains its message."""


@dataclass(frozen=True, slots=True)
class RegisteredSchema:
    """A version in the registry. `created` means that it was not registered before."""

    subject: str
    version: SchemaVersion
    id: int
    created: bool


class SchemaRegistry:
    """One registry. Thread-safe. Every method raises `RegistryUnavailableError` if it does not respond."""

    def __init__(
        self,
        client: SchemaRegistryClient,
        name: str,
        register: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._name, self._register, self._clock = client, name, register, clock
        self._lock = threading.Lock()
        self._backoff_until, self._reason = clock(), ""

    def schema(self, schema_id: int) -> Schema | None:
        """Return the Avro schema with this id; None if there is none. Raises `InvalidSchemaError`."""
        with self._lock:
            if self._clock() < self._backoff_until:
                raise RegistryUnavailableError(self._reason)
            try:
                with self._translated_errors():
                    found = self._client.get_schema(schema_id)
                    text = found.schema_str if found.schema_type == "AVRO" else None
            except _Absent:
                return None
            except RegistryUnavailableError as down:
                self._backoff_until, self._reason = self._clock() + BACKOFF_SECONDS, str(down)
                raise
        return parse_schema(text.encode(errors="replace")) if text else None

    def ids(self, published: tuple[SchemaVersion, ...]) -> Mapping[str, int]:
        """Return the ids of registered versions, by label. Registers missing ones first if `register` is set."""
        if self._register:
            return {each.version.label: each.id for each in self.register(published)}
        found = {version.label: self._id(subject_name(version.event), version) for version in published}
        return {name: id_ for name, id_ in found.items() if id_ is not None}

    def register(self, published: tuple[SchemaVersion, ...]) -> list[RegisteredSchema]:
        """Register missing versions, oldest first, and set the compatibility of their subjects.

        Raises:
            RegistryRefusedError: The registry rejected a request.
        """
        done: list[RegisteredSchema] = []
        for version in sorted(published, key=lambda version: (version.event, version.number)):
            where = subject_name(version.event)
            there = self._id(where, version)
            with self._translated_errors():
                id_ = there if there is not None else self._client.register_schema(where, _to_client_schema(version))
            if not any(each.subject == where for each in done):  # some create a subject with its first schema
                self._set_compatibility(where)
            done.append(RegisteredSchema(where, version, id_, there is None))
        return done

    def _set_compatibility(self, where: str) -> None:
        from confluent_kafka.schema_registry import ConfigCompatibilityLevel, ServerConfig

        with self._translated_errors():
            self._client.set_config(where, ServerConfig(compatibility=ConfigCompatibilityLevel[COMPATIBILITY]))

    def _id(self, where: str, version: SchemaVersion) -> int | None:
        try:
            with self._translated_errors():
                found = self._client.lookup_schema(where, _to_client_schema(version)).schema_id
                return parse_int(found) if found is not None else None
        except _Absent:
            return None

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Translate the client's errors. An unexpected response counts as an unavailable registry."""
        import httpx
        from confluent_kafka.schema_registry import SchemaRegistryError

        try:
            yield
        except SchemaRegistryError as error:
            raise self._translate(error.http_status_code, error.error_code, error.error_message) from error
        except httpx.HTTPError as error:
            raise RegistryUnavailableError(
                f"no schema registry at {self._name}: start it, or correct HEADRACE_SCHEMA_REGISTRY"
                f" ({error or type(error).__name__})"
            ) from error
        except (httpx.InvalidURL, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise self._no_registry() from error

    def _no_registry(self) -> RegistryUnavailableError:
        return RegistryUnavailableError(f"{self._name} is not a schema registry: correct HEADRACE_SCHEMA_REGISTRY")

    def _translate(self, status: int, code: int | None, message: str | None) -> Exception:
        if status in _LOGIN:
            login = "HEADRACE_SCHEMA_REGISTRY_USER and HEADRACE_SCHEMA_REGISTRY_PASSWORD"
            return RegistryUnavailableError(
                f"the schema registry at {self._name} rejected the login ({status}): correct {login}"
            )
        if status == 404 and (code in _NOT_FOUND or code == status):
            return _Absent()
        if status >= 500 or status in _LATER:
            return RegistryUnavailableError(f"the schema registry at {self._name} is unavailable ({status}): {message}")
        if status == 404:
            return self._no_registry()
        return RegistryRefusedError(f"the schema registry at {self._name} rejected the request ({status}): {message}")


class _Absent(Exception):
    """The subject, version or schema is not registered."""


def subject_name(event: str) -> str:
    """Return the subject of an event: `<topic>-value`, or `<topic>-<event>` if the topic has several events."""
    topic = topics.topic_for(EVENTS[event])
    return f"{topic.name}-value" if len(topic.events) == 1 else f"{topic.name}-{PREFIX}{event}"


def create_client(settings: RegistrySettings) -> SchemaRegistry | None:
    """Return a client of the configured registry; None if there is none. Does not connect."""
    if not settings.schema_registries:
        return None
    from confluent_kafka.schema_registry import SchemaRegistryClient

    login = f"{settings.schema_registry_user}:{settings.schema_registry_password.get_secret_value()}"
    name = ", ".join(settings.schema_registries)
    config = {"url": ",".join(settings.schema_registries), "timeout": TIMEOUT_SECONDS, "max.retries": 0}
    if settings.schema_registry_user:
        config["basic.auth.user.info"] = login
    return SchemaRegistry(SchemaRegistryClient(config), name, settings.schema_registry_register)


def create_codec(settings: RegistrySettings) -> Codec:
    """Return a codec with the published schemas and the configured registry.

    A writer must call `load_schema_ids` before its first record.
    """
    return Codec(catalog.versions(), create_client(settings))


def _to_client_schema(version: SchemaVersion) -> ClientSchema:
    from confluent_kafka.schema_registry import Schema

    return Schema(json.dumps(version.schema), "AVRO")
