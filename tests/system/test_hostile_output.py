"""Every command displays hostile keys, reasons, names and errors safely, on a terminal and in a pipe.

`CASES` has one entry a command; a command without one fails the test.
"""

from __future__ import annotations

import json
import re
import signal
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from headrace.console.app.main import app
from headrace.console.replay import audit, journal
from headrace.schemas import topics
from headrace.schemas.cloudevents import Headers
from headrace.schemas.ids import asset_key
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import to_producer_record
from headrace.streams.engine.dlq import dead_letter
from headrace.streams.engine.losses import LostRange, records_lost, to_record
from headrace.streams.engine.outcome import Dead
from headrace.streams.handlers import Transform
from headrace.streams.stage import Stage
from headrace.streams.worker.status_reports import StageStatusReport
from tests.docs.references import commands
from tests.support.hostile import assert_visible
from tests.support.process import headrace
from tests.support.records import arrived, asset, envelope, uploaded

KEY = "in/\x1b]52;c;Y2FuYXJ5\x07\x9b2J\r\nFORGED line\u2028FORGED\u202e\u200b\x7f [/nothing] [bold]:smile: é.jpg"
SECRETS = "password=CANARY ghp_CANARYCANARYCANARYCANARYCANARYCANARY postgres://u:CANARY/CANARY@db"
TEXT = f"{KEY} {SECRETS}"
NAME = TEXT.partition(" postgres")[0].replace("/", "|")
ESCAPED = r"\x1b]52;c;Y2FuYXJ5\x07\x9b2J\r\nFORGED line\u2028FORGED\u202e\u200b\x7f [/nothing] [bold]:smile: é.jpg"
COLOURS = re.compile(r"\r?\x1b\[[0-9;?]*[A-Za-z]")
"""What rich writes to a terminal; the hostile texts have other sequences."""

LOGIN = "http://user:CANARY/CANARY@127.0.0.1:9"


@dataclass(frozen=True)
class Case:
    """Arguments and variables of one run, and whether it displays the hostile key."""

    arguments: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)
    shows_key: bool = False


def case(*arguments: str, shows_key: bool = False, **environment: str) -> Case:
    return Case(arguments, environment, shows_key)


async def _nothing(_event: Any, _services: Any) -> None: ...


class Site:
    """Hostile records on every topic, and hostile files."""

    def __init__(self, environment: dict[str, str], folder: Path, sandbox: Path) -> None:
        self.environment = environment
        self.folder = folder
        self.sandbox = str(sandbox)
        self.bucket = f"hostile-{uuid.uuid4().hex[:8]}"
        self.settings = KafkaSettings(bootstrap_servers=environment["HEADRACE_BOOTSTRAP_SERVERS"])
        self._producer = clients.producer(self.settings)
        self.loss = records_lost("probe", LostRange(TEXT, 0, 0, 1), datetime.now(UTC))
        self.asset = asset_key(asset(KEY, bucket=self.bucket))
        self.entry = self._audit_entry()
        self._produce_records()

    def file(self, name: str, content: str | bytes) -> str:
        """Write a file and return its path."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def rules(self) -> str:
        """Write a folder with one hostile rule."""
        folder = self.folder / "rules"
        folder.mkdir(exist_ok=True)
        lines = (
            'reads = ["media.uploaded"]',
            f"description = {_toml(TEXT)}",
            "[pattern]",
            f"{_toml(TEXT)} = ['x']",
            "[pattern.detail.asset]",
            f"key = [{_toml(KEY)}]",
            "[target]",
            'topic = "aws.events"',
        )
        (folder / "hostile.toml").write_text("\n".join(lines), "utf-8")
        return str(folder)

    def _produce_records(self) -> None:
        event = uploaded(asset(KEY, bucket=self.bucket))
        sent = to_producer_record(event, envelope(event), codec.load())
        self.produce(sent)
        stage = Stage("probe", reads=(), handler=Transform(_nothing))
        now = datetime.now(UTC)
        letter = dead_letter(stage, arrived(sent), Dead("unreadable", "a reason", "PermanentError"), 1, now)
        forged = {"dlq-code": TEXT, "dlq-class": TEXT, "dlq-message": TEXT, "dlq-first-failure": TEXT}
        headers: Headers = tuple(
            (name, forged[name].encode() if name in forged else value) for name, value in letter.headers
        )
        self.produce(ProducerRecord(letter.topic, letter.key, letter.value, (*headers, (NAME, TEXT.encode()))))
        self.produce(ProducerRecord(topics.dead_letters("scan").name, TEXT.encode(), TEXT.encode(), headers))
        report = StageStatusReport("probe", TEXT, "paused", TEXT, now)
        self.produce(ProducerRecord(topics.WORKERS.name, TEXT.encode(), msgspec.json.encode(report)))
        self.produce(ProducerRecord(topics.RULES.name, TEXT.encode(), TEXT.encode()))
        self.produce(to_record(self.loss))

    def _audit_entry(self) -> str:
        target = journal.StageGroup("probe", "headrace.probe")
        entry = journal.start_entry("rewind", target, "a request", "a reason")
        forged = msgspec.structs.replace(entry, request=TEXT, reason=TEXT, by=TEXT, note=TEXT, state="stopped")
        self.produce(audit.message(forged))
        return entry.id

    def produce(self, record: ProducerRecord) -> None:
        """Produce a record, whatever it holds."""
        self._producer.produce(record.topic, record.value, record.key, headers=list(record.headers))
        assert self._producer.flush(30) == 0


def _toml(text: str) -> str:
    return '"' + "".join(f"\\U{ord(char):08X}" for char in text) + '"'


def _letters(site: Site) -> list[str]:
    """Return the ids of the hostile dead letters."""
    listed = json.loads(invoke(case("dlq", "list", "--json", "--stage", "probe")).stdout)["letters"]
    return [each["id"] for each in listed if each["key"] == site.asset]


def _event() -> str:
    return json.dumps({"detail": {"asset": {"key": KEY}}, "detail-type": TEXT})


def viewed(site: Site, *arguments: str, shows_key: bool = False) -> Case:
    """Return a run on views of the hostile records."""
    return case(*arguments, shows_key=shows_key, HEADRACE_VIEWS=str(site.folder / "views"))


def _machine(site: Site) -> str:
    """Write a definition with hostile names."""
    state = {"Type": "Fail", "Error": TEXT, "Cause": TEXT, "Comment": TEXT}
    return site.file("machine.json", json.dumps({"StartAt": KEY[:70], "States": {KEY[:70]: state}, TEXT: 1}))


CASES: dict[str, Callable[[Site], list[Case]]] = {
    "views run": lambda site: [viewed(site, "views", "run", "--once"), case("views", "run", HEADRACE_VIEWS=LOGIN)],
    "views rebuild": lambda site: [viewed(site, "views", "rebuild"), viewed(site, "views", "rebuild", "--from-store")],
    "views status": lambda site: [viewed(site, "views", "status"), viewed(site, "views", "status", "--json")],
    "views verify": lambda site: [viewed(site, "views", "verify", "--all")],
    "assets list": lambda site: [
        viewed(site, "assets", "list", "--bucket", site.bucket, shows_key=True),
        viewed(site, "assets", "list", "--json"),
        viewed(site, "assets", "list", "--after", TEXT),
        viewed(site, "assets", "list", "--has", TEXT),
    ],
    "assets overdue": lambda site: [viewed(site, "assets", "overdue"), viewed(site, "assets", "overdue", "--json")],
    "assets show": lambda site: [
        viewed(site, "assets", "show", site.asset, shows_key=True),
        viewed(site, "assets", "show", TEXT),
    ],
    "search": lambda site: [
        viewed(site, "search", TEXT),
        viewed(site, "search", "FORGED"),
        viewed(site, "search", "é"),
    ],
    "reconcile": lambda site: [
        viewed(site, "reconcile", f"s3://no-such-bucket/{TEXT}"),
        viewed(site, "reconcile", TEXT),
    ],
    "views erase": lambda site: [viewed(site, "views", "erase", site.asset, "--yes", shows_key=True)],
    "views drop": lambda site: [viewed(site, "views", "drop", "--yes")],
    "machine draw": lambda site: [case("machine", "draw", _machine(site), "--text"), case("machine", "draw", NAME)],
    "machine test": lambda site: [
        case("machine", "test", _machine(site)),
        case("machine", "test", _machine(site), "--input", TEXT),
    ],
    "machine deploy": lambda site: [
        case("machine", "deploy", _machine(site), "--name", NAME),
        case("machine", "deploy", _machine(site), "--name", "hostile", "--description", TEXT, "--publish"),
    ],
    "machine versions": lambda site: [case("machine", "versions", NAME), case("machine", "versions", "hostile")],
    "machine alias": lambda site: [
        case("machine", "alias", "hostile", NAME, "1"),
        case("machine", "alias", NAME, "live", NAME),
    ],
    "machine diff": lambda site: [
        case("machine", "diff", "hostile", _machine(site)),
        case("machine", "diff", NAME, TEXT),
    ],
    "machine start": lambda site: [
        viewed(site, "machine", "start", "hostile", "--name", "e", "--input", json.dumps(TEXT)),
        viewed(site, "machine", "start", NAME, "--input", TEXT),
    ],
    "machine list": lambda site: [
        viewed(site, "machine", "list"),
        viewed(site, "machine", "list", "--asset", site.asset, "--json"),
        viewed(site, "machine", "list", NAME, "--status", NAME),
    ],
    "machine describe": lambda site: [
        viewed(site, "machine", "describe", "hostile"),
        viewed(site, "machine", "describe", f"hostile/{NAME}"),
    ],
    "machine history": lambda site: [viewed(site, "machine", "history", f"hostile/{NAME}")],
    "machine watch": lambda site: [viewed(site, "machine", "watch", NAME)],
    "machine stop": lambda site: [viewed(site, "machine", "stop", f"hostile/{NAME}", "--cause", TEXT)],
    "machine redrive": lambda site: [
        viewed(site, "machine", "redrive", "--machine", "hostile", "--error", TEXT),
        viewed(site, "machine", "redrive", f"hostile/{NAME}", "--input", TEXT),
    ],
    "machine api": lambda site: [case("machine", "api", "--host", NAME)],
    "machine validate": lambda site: [
        case("machine", "validate", _machine(site)),
        case("machine", "validate", site.file("bad.json", TEXT)),
    ],
    "sandbox smoke-aws": lambda site: [
        case("sandbox", "smoke-aws", NAME, "--ceiling", "0"),
        case("sandbox", "smoke-aws", TEXT, "--yes", AWS_ENDPOINT_URL_STS=LOGIN),
        case("sandbox", "smoke-aws", NAME, HEADRACE_PIPELINE=NAME),
    ],
    "sandbox fill": lambda site: [case("sandbox", "fill", "--data", str(site.folder / NAME / "none"))],
    "audit acknowledge": lambda site: [
        case("audit", "acknowledge", TEXT, "--why", TEXT, shows_key=True),
        case("audit", "acknowledge", site.loss.id, "--why", TEXT),
    ],
    "audit check": lambda site: [case("audit", "check"), case("audit", "check", "--json")],
    "audit losses": lambda site: [
        case("audit", "losses", "--all", shows_key=True),
        case("audit", "losses", "--all", "--json"),
    ],
    "backfill": lambda site: [case("backfill", f"s3://no-such-bucket/{TEXT}"), case("backfill", TEXT)],
    "bridge": lambda site: [case("bridge", "--sources", NAME)],
    "bridge check": lambda site: [
        case("bridge", "check", NAME),
        case("bridge", "check", site.file("check.toml", f"{_toml(TEXT)} = 1\n"), shows_key=True),
    ],
    "bridge policy": lambda site: [case("bridge", "policy", site.file("policy.toml", f"{_toml(TEXT)} = 1\n"))],
    "bridge preview": lambda site: [
        case(
            "bridge", "preview", site.file("messages", json.dumps({"Records": [{"eventSource": TEXT}]}) + f"\n{TEXT}\n")
        )
    ],
    "console": lambda site: [case("console", "--host", NAME), case("console", HEADRACE_CONSOLE_URL=LOGIN)],
    "console password": lambda site: [case("console", "password", TEXT, "--file", NAME)],
    "console token": lambda site: [
        case("console", "token", TEXT, "--file", NAME),
        case("console", "token", "ann", "--role", TEXT, "--file", NAME),
        case("console", "token", "ann", "--file", site.file("users", f"password ann admin {TEXT}\n")),
    ],
    "cost": lambda site: [case("cost"), case("cost", "--by", "asset"), case("cost", "--by", "asset", "--json")],
    "demo": lambda site: [case("demo", "--keep", "--break", TEXT)],
    "dlq export": lambda site: [case("dlq", "export", str(site.folder / "export"), "--key", TEXT)],
    "dlq import": lambda site: [case("dlq", "import", NAME), case("dlq", "import", site.file("import", TEXT))],
    "dlq list": lambda site: [
        case("dlq", "list", shows_key=True),
        case("dlq", "list", "--json"),
        case("dlq", "list", "--since", TEXT),
    ],
    "dlq resolve": lambda site: [case("dlq", "resolve", *_letters(site), "--why", TEXT), case("dlq", "resolve", TEXT)],
    "dlq show": lambda site: [
        case("dlq", "show", *_letters(site), shows_key=True),
        case("dlq", "show", *_letters(site), "--json"),
        case("dlq", "show", TEXT),
    ],
    "dlq stats": lambda site: [case("dlq", "stats"), case("dlq", "stats", "--json")],
    "dlq unresolve": lambda site: [case("dlq", "unresolve", *_letters(site)), case("dlq", "unresolve", TEXT)],
    "doctor": lambda site: [
        case("doctor"),
        case("doctor", AWS_ENDPOINT_URL=LOGIN, HEADRACE_CLAMD=TEXT),
        case("doctor", "--aws", "--json"),
        case("doctor", "--aws", "--component", TEXT),
        case("doctor", "--aws", AWS_ENDPOINT_URL_STS=LOGIN),
    ],
    "health": lambda site: [case("health", "--port", site.environment["HEALTH_PORT"], shows_key=True)],
    "faces list": lambda site: [viewed(site, "faces", "list"), viewed(site, "faces", "list", "--json")],
    "faces name": lambda site: [viewed(site, "faces", "name", NAME, "Ada"), viewed(site, "faces", "name", NAME, NAME)],
    "faces merge": lambda site: [viewed(site, "faces", "merge", NAME, TEXT)],
    "faces forget": lambda site: [viewed(site, "faces", "forget", NAME, "--collection", TEXT, "--reason", TEXT)],
    "pipeline capacity": lambda site: [case("pipeline", "capacity", NAME)],
    "pipeline check": lambda site: [case("pipeline", "check", site.file("p.toml", f"[{_toml(TEXT)}]\n"))],
    "pipeline cost": lambda site: [case("pipeline", "cost", NAME)],
    "pipeline show": lambda site: [case("pipeline", "show", NAME)],
    "put": lambda site: [
        case("put", site.file(NAME, b"x"), "--bucket", "no-such-bucket"),
        case("put", str(site.folder / NAME), "--bucket", "b", AWS_ENDPOINT_URL=LOGIN),
        case("put", f"missing {NAME}"),
    ],
    "replay diff": lambda site: [case("replay", "diff", TEXT)],
    "replay discard": lambda site: [case("replay", "discard", TEXT)],
    "replay list": lambda site: [case("replay", "list", shows_key=True), case("replay", "list", "--json")],
    "replay pause": lambda site: [case("replay", "pause", site.entry), case("replay", "pause", TEXT)],
    "replay redrive": lambda site: [
        case("replay", "redrive", "--stage", "probe"),
        case("replay", "redrive", "--stage", "probe", "--json"),
        case("replay", "redrive", "--stage", TEXT),
    ],
    "replay resume": lambda site: [case("replay", "resume", TEXT)],
    "replay rewind": lambda site: [
        case("replay", "rewind", "probe", "--to", "latest", "--execute", "--reason", TEXT),
        case("replay", "rewind", TEXT, "--to", "latest"),
        case("replay", "rewind", "probe", "--to", TEXT),
    ],
    "replay show": lambda site: [
        case("replay", "show", site.entry, shows_key=True),
        case("replay", "show", site.entry, "--json"),
    ],
    "replay stop": lambda site: [case("replay", "stop", TEXT)],
    "replay undo": lambda site: [case("replay", "undo", site.entry), case("replay", "undo", TEXT)],
    "replay watch": lambda site: [case("replay", "watch", site.entry, "--wait", "0", shows_key=True)],
    "rules apply": lambda site: [case("rules", "apply", site.rules()), case("rules", "apply", NAME)],
    "rules check": lambda site: [case("rules", "check", "--rules", site.rules())],
    "rules explain": lambda site: [
        case("rules", "explain", "hostile", _event(), "--rules", site.rules()),
        case("rules", "explain", TEXT, _event(), "--rules", site.rules(), shows_key=True),
    ],
    "rules export": lambda site: [case("rules", "export", "--rules", site.rules())],
    "rules import": lambda site: [case("rules", "import", site.file("rule.json", TEXT), "--rules", site.rules())],
    "rules lint": lambda site: [case("rules", "lint", "--rules", site.rules())],
    "rules list": lambda site: [
        case("rules", "list", "--rules", site.rules(), shows_key=True),
        case("rules", "list", HEADRACE_RULES="system.rules", shows_key=True),
    ],
    "rules match": lambda site: [case("rules", "match", _event(), "--rules", site.rules())],
    "rules try": lambda site: [
        case("rules", "try", site.rules(), "--since", "-1h", "--restart", shows_key=True),
        case("rules", "try", NAME),
        case("rules", "try", site.rules(), "--topics", TEXT, shows_key=True),
    ],
    "rules test": lambda site: [
        case("rules", "test", json.dumps({TEXT: ["x"]}), _event(), shows_key=True),
        case("rules", "test", TEXT, TEXT),
        case("rules", "test", "--batch", site.file("batch", f"{TEXT}\n")),
    ],
    "sandbox down": lambda site: [case("sandbox", "down", "--data", str(site.folder / NAME / "none"))],
    "sandbox env": lambda site: [case("sandbox", "env", "--data", str(site.folder / NAME / "none"))],
    "sandbox faults clear": lambda site: [case("sandbox", "faults", "clear", "--data", site.sandbox)],
    "sandbox faults list": lambda site: [case("sandbox", "faults", "list", "--data", site.sandbox)],
    "sandbox faults set": lambda site: [case("sandbox", "faults", "set", TEXT, TEXT, "--data", site.sandbox)],
    "sandbox kafka": lambda site: [case("sandbox", "kafka", TEXT)],
    "sandbox ledger": lambda site: [
        case("sandbox", "ledger", "--data", site.sandbox, "--asset", TEXT),
        case("sandbox", "ledger", "--data", site.sandbox, "--json"),
    ],
    "sandbox restore-worker": lambda site: [case("sandbox", "restore-worker", "--data", str(site.folder / "none"))],
    "sandbox status": lambda site: [
        case("sandbox", "status", "--data", site.sandbox),
        case("sandbox", "status", "--data", site.sandbox, "--json"),
    ],
    "sandbox up": lambda site: [case("sandbox", "up", "--data", f"{site.file('a file', b'')}/{NAME}")],
    "schemas check": lambda site: [case("schemas", "check")],
    "schemas list": lambda site: [case("schemas", "list"), case("schemas", "list", "--json")],
    "schemas register": lambda site: [case("schemas", "register", HEADRACE_SCHEMA_REGISTRY=LOGIN)],
    "status": lambda site: [case("status"), case("status", "--json")],
    "subscribe": lambda site: [
        case("subscribe", NAME, "--topics", "media.uploaded", "--idle", "3"),
        case("subscribe", "s", "--topics", TEXT),
    ],
    "topics acls": lambda site: [case("topics", "acls", "--principal", TEXT), case("topics", "acls", TEXT)],
    "topics apply": lambda site: [case("topics", "apply")],
    "topics list": lambda site: [case("topics", "list"), case("topics", "list", "--json")],
    "trace": lambda site: [
        case("trace", site.asset, shows_key=True),
        case("trace", site.asset, "--json"),
        case("trace", TEXT, shows_key=True),
    ],
    "version": lambda site: [case("version")],
    "watch": lambda site: [],  # runs until Ctrl-C: a test of its own
    "webhook": lambda site: [case("webhook", HEADRACE_WEBHOOK_PORT=TEXT, HEADRACE_WEBHOOK_TOPIC_ARNS=TEXT)],
    "worker": lambda site: [case("worker", TEXT, shows_key=True), case("worker", "probe", HEADRACE_PIPELINE=NAME)],
}


def names() -> set[str]:
    """Return every command that does something."""
    found = set()
    for name, command in commands():
        if not hasattr(command, "commands") or command.invoke_without_command:
            found.add(name.removeprefix("headrace").strip())
    return found - {""}


def invoke(each: Case, terminal: bool = False) -> Any:
    """Run a command in this process."""
    environment = {"COLUMNS": "2000", **({"FORCE_COLOR": "1"} if terminal else {"FORCE_COLOR": None})}
    return CliRunner().invoke(app, list(each.arguments), env={**environment, **each.environment})


def without_colours(output: str) -> str:
    """Remove what rich writes to a terminal: colours, and carriage returns before a line."""
    return "\n".join(line.strip("\r") for line in COLOURS.sub("", output).split("\n"))


class _Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503)
        self.end_headers()
        self.wfile.write(TEXT.encode())

    def log_message(self, *_arguments: Any) -> None:
        """Do not log."""


@pytest.fixture(scope="module")
def site(
    cluster_env: dict[str, str], no_backlog: None, sandbox_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    server = HTTPServer(("127.0.0.1", 0), _Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {**cluster_env, "HEALTH_PORT": str(server.server_port)}
    yield Site(environment, tmp_path_factory.mktemp("hostile"), sandbox_folder)
    server.shutdown()
    server.server_close()


def test_every_command_has_a_case() -> None:
    assert CASES.keys() == names()


@pytest.mark.parametrize("name", CASES)
def test_output_is_safe(name: str, site: Site) -> None:
    for each in CASES[name](site):
        for terminal in (False, True):
            result = invoke(each, terminal)
            output = without_colours(result.output) if terminal else result.output
            assert_visible(output)
            assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
            if each.shows_key:
                assert ESCAPED in output, output
            if "--json" in each.arguments and result.exit_code == 0:
                assert result.stdout.isascii()


def test_json_keeps_a_hostile_key_exact(site: Site) -> None:
    assert json.loads(invoke(case("trace", site.asset, "--json")).stdout)["asset"] == site.asset
    [id_] = _letters(site)
    shown = json.loads(invoke(case("dlq", "show", id_, "--json")).stdout)
    assert shown["key"] == site.asset
    assert shown["value"]["record"]["asset"]["key"] == KEY


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_output_of_watch_is_safe(site: Site, tmp_path: Path, terminal: bool) -> None:
    colours = {"FORCE_COLOR": "1", "COLUMNS": "2000"} if terminal else {}
    with headrace({**site.environment, **colours}, tmp_path, "watch", f"{site.bucket}/*") as watch:
        watch.ready(r"\x1b]52;c;Y2FuYXJ5\x07")
        watch.process.send_signal(signal.SIGINT)
        assert watch.process.wait(100) == 130
    text = watch.log.read_bytes().decode()
    assert_visible(without_colours(text) if terminal else text)


@pytest.mark.timeout(300)
def test_log_of_a_worker_is_safe(site: Site, tmp_path: Path) -> None:
    """Its records have hostile keys, one of them no event at all. The log is JSON, as in production."""
    site.produce(ProducerRecord(topics.UPLOADED.name, TEXT.encode(), TEXT.encode()))
    site.produce(ProducerRecord(topics.DELETED.name, TEXT.encode(), b"\xc3\x01" + TEXT.encode()))
    with headrace(site.environment, tmp_path, "worker", "scan", "removals") as worker:
        for text in ("dead-lettered", site.bucket):
            worker.ready(text, 120)
        assert worker.stop() == 0
    lines = worker.log.read_text("utf-8").splitlines()
    assert_visible("\n".join(lines))
    assert any("FORGED" in line for line in lines)
