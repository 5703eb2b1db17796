"""`headrace demo --machine`: run a state machine on the sample media, with a person's approvals by task token."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.connectors.aws.client import AwsSession
from headrace.console.errors import UnavailableError
from headrace.console.machines import answers, catalog, payloads, starts
from headrace.console.machines.catalog import MachineDraft
from headrace.console.machines.connect import machine_services
from headrace.console.machines.port import MachineServices
from headrace.console.machines.settings import MachineApiSettings
from headrace.console.machines.settled import settled
from headrace.console.terminal.screen import Console
from headrace.console.views.queries.execution_states import StateVisit
from headrace.console.views.queries.executions import ExecutionFilter, StoredExecution
from headrace.sandbox import names
from headrace.sandbox.cluster import cluster
from headrace.sandbox.cluster.progress_view import ProgressView
from headrace.sandbox.demo import run, samples
from headrace.sandbox.demo.isolation import isolate_environment
from headrace.sandbox.demo.machine_cluster import start_machines
from headrace.schemas.parsing import parse_json
from headrace.schemas.settings import load

DEFINITION = Path(__file__).with_name("media.asl.json")
MACHINE = "media"
QUEUE = "reviews"
FILES = {"bottles.jpg": 0, "rabbit.mp4": -1, "jfk.flac": 0}
"""Samples, and the number of moderation flags above which a person is asked: about the film in any case."""
ROLE = "arn:aws:iam::000000000000:role/headrace"
POLL_SECONDS = 0.3
VIEWS_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class MachineRun:
    """An execution for one file, with its states, its output, and whether a person was asked."""

    file: str
    execution: StoredExecution
    visits: Sequence[StateVisit]
    output: Any
    asked: bool


@dataclass(frozen=True, slots=True)
class MachineReport:
    """The executions, their definition, and the seconds that they took."""

    definition: str
    runs: Sequence[MachineRun]
    seconds: float

    @property
    def wrong(self) -> list[str]:
        """What is not as expected."""
        found = [f"{each.file}: {each.execution.status}" for each in self.runs if each.execution.status != "SUCCEEDED"]
        return found + [
            f"{each.file}: the approval is not as expected"
            for each in self.runs
            if each.asked != (FILES[each.file] < 0)
        ]

    def visited(self) -> Counter[str]:
        """Count the visits by state."""
        return Counter(visit.state for each in self.runs for visit in each.visits)


def run_machine(folder: Path, console: Console, limit: float) -> MachineReport:
    """Start the sandbox with the stages of state machines, and run the machine on the samples.

    Raises:
        SandboxError: A component does not start.
    """
    isolate_environment()
    with ProgressView(console) as view:
        cluster.up(folder, on_event=view.on_event)
    start_machines(folder)
    session = AwsSession()
    began = time.monotonic()
    with machine_services(load(MachineApiSettings, region=names.REGION)) as services:
        run.put([each for each in samples.samples() if each.name in FILES or each.name == "jfk.srt"], session)
        runs = asyncio.run(_run(services, session, limit))
    return MachineReport(DEFINITION.read_text("utf-8"), runs, time.monotonic() - began)


async def _run(services: MachineServices, session: AwsSession, limit: float) -> list[MachineRun]:
    await settled(lambda: _has_views(services), VIEWS_SECONDS)
    queue = session.client("sqs").create_queue(QueueName=QUEUE)["QueueUrl"]
    await _deploy(services)
    resolved = services.table.resolve(MACHINE)
    started = {}
    for file, allowed in FILES.items():
        value = {"bucket": names.MEDIA_BUCKET, "key": file, "allowed": allowed, "reviews": queue}
        started[file] = await starts.start(services, resolved, "", value)
    asked: set[str] = set()
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        asked |= await _approve(services, session, queue)
        if all(_has_ended(services, execution) for execution in started.values()):
            break
        await asyncio.sleep(POLL_SECONDS)
    return [_result(services, file, execution, file in asked) for file, execution in started.items()]


async def _deploy(services: MachineServices) -> None:
    text = DEFINITION.read_text("utf-8")
    existing = services.table.machine_record(MACHINE)
    if existing is None:
        await catalog.create(services, MachineDraft(MACHINE, text, ROLE))
    else:
        await catalog.update(services, existing, catalog.MachineChange(text))


async def _approve(services: MachineServices, session: AwsSession, queue: str) -> set[str]:
    """Approve what waits in the queue, and return the files."""
    client = session.client("sqs")
    found = set()
    for message in client.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", ()):
        question = parse_json(message["Body"])
        await answers.succeed(services, question["token"], '{"approved":true}')
        client.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        found.add(question["key"])
    return found


def _has_views(services: MachineServices) -> bool:
    """Whether the projector has created the views."""
    try:
        services.reader.count(ExecutionFilter())
    except UnavailableError:
        return False
    return True


def _has_ended(services: MachineServices, execution: StoredExecution) -> bool:
    current = services.reader.one(execution.arn)
    return current is not None and current.status != starts.RUNNING


def _result(services: MachineServices, file: str, started: StoredExecution, asked: bool) -> MachineRun:
    execution = services.reader.one(started.arn) or started
    output = payloads.boundaries(services, execution)[1].get("output")
    return MachineRun(file, execution, services.reader.visits(execution), output, asked)
