"""A Confluent-compatible schema registry: ids for our schemas, schemas for ids. The door to confluent-kafka's client.

The client and what it needs are loaded only where a registry is configured. Every call blocks.
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
from headrace.schemas.records import EVENTS
from headrace.schemas.serde import catalog
from headrace.schemas.serde.catalog import Schema, SchemaVersion
from headrace.schemas.serde.codec import Codec, RegistryUnavailableError

if TYPE_CHECKING:
    from confluent_kafka.schema_registry import Schema as Sent
    from confluent_kafka.schema_registry import SchemaRegistryClient

COMPATIBILITY = "FULL_TRANSITIVE"
ANSWER_SECONDS = 5.0
REST_SECONDS = 1.0
"""How long a registry that did not answer is left alone: records that wait for it would queue up for its time-outs."""

_NOT_FOUND = range(40400, 40500)
_LOGIN = (401, 403)
_LATER = (408, 429)


class RegistryRefusedError(RegistryUnavailableError):
    """The registry answers, and does not do what it is asked; the text is its own."""


@dataclass(frozen=True, slots=True)
class RegisteredSchema:
    """One version as the registry has it; `new` when it was not there before."""

    subject: str
    version: SchemaVersion
    id: int
    created: bool


class SchemaRegistry:
    """One registry. Safe from any thread. Everything raises `RegistryDown` when it cannot be asked."""

    def __init__(
        self,
        client: SchemaRegistryClient,
        name: str,
        register: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._name, self._register, self._clock = client, name, register, clock
        self._lock = threading.Lock()
        self._rests_until, self._why = clock(), ""

    def schema(self, schema_id: int) -> Schema | None:
        """Give a schema; None where the registry has none of this id, or one that is not Avro."""
        with self._lock:
            if self._clock() < self._rests_until:
                raise RegistryUnavailableError(self._why)
            try:
                with self._asking():
                    found = self._client.get_schema(schema_id)
                    text = found.schema_str if found.schema_type == "AVRO" else None
                    schema: Schema | None = json.loads(text) if text else None
                    return schema
            except _Absent:
                return None
            except RegistryUnavailableError as down:
                self._rests_until, self._why = self._clock() + REST_SECONDS, str(down)
                raise

    def ids(self, published: tuple[SchemaVersion, ...]) -> Mapping[str, int]:
        """Give the ids of those that are registered, by name. Registers the others first where that is allowed."""
        if self._register:
            return {each.version.label: each.id for each in self.register(published)}
        found = {version.label: self._id(subject_name(version.event), version) for version in published}
        return {name: id_ for name, id_ in found.items() if id_ is not None}

    def register(self, published: tuple[SchemaVersion, ...]) -> list[RegisteredSchema]:
        """Register what is not there, each version behind the older ones, and have subjects keep to compatibility.

        Raises `RegistryRefused`.
        """
        done: list[RegisteredSchema] = []
        for version in sorted(published, key=lambda version: (version.event, version.number)):
            where = subject_name(version.event)
            there = self._id(where, version)
            with self._asking():
                id_ = there if there is not None else self._client.register_schema(where, _as_sent(version))
            if not any(each.subject == where for each in done):  # some registries know a subject by its first schema
                self._keep_compatible(where)
            done.append(RegisteredSchema(where, version, id_, there is None))
        return done

    def _keep_compatible(self, where: str) -> None:
        from confluent_kafka.schema_registry import ConfigCompatibilityLevel, ServerConfig

        with self._asking():
            self._client.set_config(where, ServerConfig(compatibility=ConfigCompatibilityLevel[COMPATIBILITY]))

    def _id(self, where: str, version: SchemaVersion) -> int | None:
        try:
            with self._asking():
                found = self._client.lookup_schema(where, _as_sent(version)).schema_id
                return int(found) if found is not None else None
        except _Absent:
            return None

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Make ours of the client's errors. What is no answer of a registry is as good as none."""
        import httpx
        from confluent_kafka.schema_registry import SchemaRegistryError

        try:
            yield
        except SchemaRegistryError as error:
            raise self._verdict(error.http_status_code, error.error_code, error.error_message) from error
        except httpx.HTTPError as error:
            raise RegistryUnavailableError(
                f"no schema registry at {self._name}: start it, or correct HEADRACE_SCHEMA_REGISTRY"
                f" ({error or type(error).__name__})"
            ) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise self._no_registry() from error

    def _no_registry(self) -> RegistryUnavailableError:
        return RegistryUnavailableError(
            f"what answers at {self._name} is no schema registry: correct HEADRACE_SCHEMA_REGISTRY"
        )

    def _verdict(self, status: int, code: int | None, said: str | None) -> Exception:
        if status in _LOGIN:
            login = "HEADRACE_SCHEMA_REGISTRY_USER and HEADRACE_SCHEMA_REGISTRY_PASSWORD"
            return RegistryUnavailableError(
                f"the schema registry at {self._name} does not let us in ({status}): correct {login}"
            )
        if status == 404 and (code in _NOT_FOUND or code == status):
            return _Absent()
        if status >= 500 or status in _LATER:
            return RegistryUnavailableError(f"the schema registry at {self._name} cannot answer now ({status}): {said}")
        if status == 404:
            return self._no_registry()
        return RegistryRefusedError(f"the schema registry at {self._name} refuses ({status}): {said}")


class _Absent(Exception):
    """The registry has no such subject, version or schema."""


def subject_name(event: str) -> str:
    """Name the subject of an event's schemas: its topic's, or one of its own where a topic holds several events."""
    topic = topics.topic_for(EVENTS[event])
    return f"{topic.name}-value" if len(topic.events) == 1 else f"{topic.name}-{PREFIX}{event}"


def create_client(settings: RegistrySettings) -> SchemaRegistry | None:
    """Give the registry that the settings name; None where they name none. Asks it nothing yet."""
    if not settings.schema_registries:
        return None
    from confluent_kafka.schema_registry import SchemaRegistryClient

    login = f"{settings.schema_registry_user}:{settings.schema_registry_password.get_secret_value()}"
    name = ", ".join(settings.schema_registries)
    config = {"url": ",".join(settings.schema_registries), "timeout": ANSWER_SECONDS, "max.retries": 0}
    if settings.schema_registry_user:
        config["basic.auth.user.info"] = login
    return SchemaRegistry(SchemaRegistryClient(config), name, settings.schema_registry_register)


def create_codec(settings: RegistrySettings) -> Codec:
    """Build the codec from the published schemas, with the registry behind it where the settings name one.

    Whoever writes calls its `enrol` first.
    """
    return Codec(catalog.versions(), create_client(settings))


def _as_sent(version: SchemaVersion) -> Sent:
    from confluent_kafka.schema_registry import Schema

    return Schema(json.dumps(version.schema), "AVRO")
