"""Check everything that the pipeline needs, with a remedy for each failure."""

from __future__ import annotations

import asyncio
import tempfile
import wave
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from headrace.connectors.aws.client import AwsSession
from headrace.connectors.bridge.settings import BridgeSettings
from headrace.console import aws
from headrace.console.assets import read_service
from headrace.console.check_runner import DoctorCheck, Skipped
from headrace.console.errors import CommandError
from headrace.console.kafka.consumer_groups import ConsumerGroups
from headrace.console.kafka.log_reader import LogReader
from headrace.console.settings import ConsoleSettings
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.kafka.topic_settings import configured_topics
from headrace.schemas.serde import catalog, registry
from headrace.schemas.serde.generic_avro import fingerprint
from headrace.schemas.settings import SettingsError, load
from headrace.streams.media import clamav, probe
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage

LoadStages = Callable[[], Sequence[Stage]]


def checks(load_stages: LoadStages, session: AwsSession) -> tuple[DoctorCheck, ...]:
    """List every check after those that it needs."""
    sandbox = 'set the variables; for a sandbox: eval "$(headrace sandbox env)"'
    apply = "headrace topics apply"
    return (
        DoctorCheck("settings", _settings, sandbox),
        DoctorCheck("broker", _broker, "start Kafka, or correct HEADRACE_BOOTSTRAP_SERVERS", "settings"),
        DoctorCheck("rights", partial(_rights, load_stages), "headrace topics acls prints the required ACLs", "broker"),
        DoctorCheck("topics", partial(_topics, load_stages), apply, "rights"),
        DoctorCheck(
            "order",
            partial(_order, load_stages),
            "kafka-topics.sh --alter --topic TOPIC --partitions NUMBER on the topic with fewer",
            "topics",
        ),
        DoctorCheck(
            "copies",
            partial(_copies, load_stages),
            "kafka-reassign-partitions.sh, or correct HEADRACE_REPLICATION_FACTOR",
            "topics",
        ),
        DoctorCheck("accounting", partial(_accounting, load_stages), "headrace audit check", "topics"),
        DoctorCheck("schemas", _schemas, apply, "topics"),
        DoctorCheck("schema registry", _registry, "headrace schemas register", "settings"),
        DoctorCheck("workers", partial(_workers, load_stages), "headrace worker --all", "topics"),
        DoctorCheck(
            "media bucket", partial(_media_bucket, session), "create it, or correct HEADRACE_MEDIA_BUCKET", "settings"
        ),
        DoctorCheck(
            "results bucket",
            partial(_results_bucket, session),
            "create it, or correct HEADRACE_RESULTS_BUCKET",
            "settings",
        ),
        DoctorCheck("queue", partial(_queues, session), "create it, or correct HEADRACE_QUEUE_URLS", "settings"),
        DoctorCheck(
            "Rekognition topic", partial(_rekognition, session), "create it and subscribe the queue to it", "settings"
        ),
        DoctorCheck("ffmpeg", _ffmpeg, "install Headrace again: ffmpeg comes with it"),
        DoctorCheck("clamd", _clamd, "start clamd, or correct HEADRACE_CLAMD", "settings"),
    )


def _settings() -> str:
    missing = []
    for settings in (KafkaSettings, StreamSettings, BridgeSettings, ConsoleSettings):
        try:
            load(settings)
        except SettingsError as error:
            missing.append(str(error))
    if missing:
        raise CommandError("; ".join(missing))
    return "complete"


def _broker() -> str:
    return ", ".join(LogReader(load(KafkaSettings)).brokers())


def _rights(load_stages: LoadStages) -> str:
    """Describe every topic: to a client without the right, a topic does not exist."""
    settings = load(KafkaSettings)
    _copies_of_all(settings, load_stages)
    return f"{settings.kafka_user or 'everyone'} may describe the topics"


def _copies(load_stages: LoadStages) -> str:
    settings = load(KafkaSettings)
    wanted = settings.replication_factor
    few = [f"{name} has {number}" for name, number in _copies_of_all(settings, load_stages).items() if number < wanted]
    if few:
        raise CommandError(f"HEADRACE_REPLICATION_FACTOR is {wanted}: {', '.join(few)}")
    return f"{wanted} of each topic"


def _copies_of_all(settings: KafkaSettings, load_stages: LoadStages) -> dict[str, int]:
    return clients.replication_factors(clients.admin(settings), [topic.name for topic in _table(load_stages)])


def _table(load_stages: LoadStages) -> tuple[topics.Topic, ...]:
    return configured_topics(stage.name for stage in load_stages())


def _topics(load_stages: LoadStages) -> str:
    partitions, table = LogReader(load(KafkaSettings)).topics(), _table(load_stages)
    missing = [topic.name for topic in table if topic.name not in partitions]
    if missing:
        raise CommandError(f"topics missing: {', '.join(missing)}")
    changed = [f"{each.name} has {partitions[each.name]}" for each in table if partitions[each.name] != each.partitions]
    return f"{len(table)} topics" + (f"; partitions other than the default: {', '.join(changed)}" if changed else "")


def _order(load_stages: LoadStages) -> str:
    """Check that all input topics of an ordered stage have the same number of partitions."""
    partitions = LogReader(load(KafkaSettings)).topics()
    ordered = [stage for stage in load_stages() if stage.ordered]
    if not ordered:
        raise Skipped("no stage is ordered")
    uneven = []
    for stage in ordered:
        counts = {each.name: partitions.get(each.name, 0) for each in (*stage.reads, topics.retry(stage.name))}
        if len(set(counts.values())) > 1:
            listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
            uneven.append(f"stage {stage.name} needs the same number of partitions: {listed}")
    if uneven:
        raise CommandError("; ".join(uneven))
    return f"{len(ordered)} ordered stages"


def _accounting(load_stages: LoadStages) -> str:
    """Check that every accepted record has an outcome, and that every loss is acknowledged."""
    report = read_service.connect(load_stages()).accounts()
    if report.problems:
        raise CommandError("; ".join(report.problems))
    return f"{sum(account.accepted for account in report.accounts)} accepted records accounted for"


def _schemas() -> str:
    published = LogReader(load(KafkaSettings)).published()
    missing = [v.label for v in catalog.versions() if fingerprint(v.schema).hex() not in published]
    if missing:
        raise CommandError(f"not published: {', '.join(missing)}")
    return f"{len(catalog.versions())} published"


def _registry() -> str:
    settings = load(KafkaSettings)
    if not settings.schema_registry:
        raise Skipped("HEADRACE_SCHEMA_REGISTRY is not set: records name their schemas by fingerprint")
    registry.create_codec(settings.model_copy(update={"schema_registry_register": False})).load_schema_ids()
    return f"{settings.schema_registry} has {len(catalog.latest(catalog.versions()))} schemas to write with"


def _workers(load_stages: LoadStages) -> str:
    stages = load_stages()
    members = ConsumerGroups(load(KafkaSettings)).members([stage.group for stage in stages])
    idle = [stage.name for stage in stages if not members[stage.group]]
    if idle:
        raise Skipped(f"no worker runs {', '.join(idle)}: headrace worker {' '.join(idle)}")
    return f"all {len(stages)} stages have workers"


def _media_bucket(session: AwsSession) -> str:
    name = load(ConsoleSettings).media_bucket
    if not name:
        raise Skipped("HEADRACE_MEDIA_BUCKET is not set: `headrace put` needs --bucket")
    aws.check_bucket(session, name)
    return name


def _results_bucket(session: AwsSession) -> str:
    name = load(StreamSettings).results_bucket
    aws.check_bucket(session, name)
    return name


def _queues(session: AwsSession) -> str:
    return ", ".join(f"{url} ({aws.check_queue(session, url)} messages)" for url in load(BridgeSettings).queue_urls)


def _rekognition(session: AwsSession) -> str:
    settings = load(StreamSettings)
    for name in ("jobs_topic_arn", "jobs_role_arn"):
        if not getattr(settings, name):
            raise CommandError(f"HEADRACE_{name.upper()} is not set: video jobs would never complete")
    subscriptions = aws.check_topic(session, settings.jobs_topic_arn)
    if not subscriptions:
        raise CommandError(f"{settings.jobs_topic_arn} has no subscription: video jobs would never complete")
    return settings.jobs_topic_arn


def _ffmpeg() -> str:
    """Probe 0.1 s of silence, to check that ffmpeg runs."""
    with tempfile.TemporaryDirectory(prefix="headrace-") as folder:
        path = Path(folder) / "silence.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 8000, 800, "NONE", ""))
            file.writeframes(bytes(1600))
        found = asyncio.run(probe.probe(path))
    return f"reads {found.format}"


def _clamd() -> str:
    where = load(StreamSettings).clamd
    if not where:
        raise Skipped("HEADRACE_CLAMD is not set: the built-in content check is used; it is not a virus scanner")
    with tempfile.NamedTemporaryFile(prefix="headrace-") as harmless:
        return asyncio.run(clamav.scan(where, Path(harmless.name)))
