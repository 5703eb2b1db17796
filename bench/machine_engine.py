"""Measure executions on the log with real Kafka: `python -m bench.machine_engine`, or `make bench-machine-engine`.

    transitions  executions that wait for a second make two transitions: the start, and the timer that ends them. Each
                 is durable: history, timer and snapshot are acknowledged before the next. Beside it moto and MiniStack
                 with the same machine, which keep executions in memory, and with `--against` another checkout
    first task   from the call that starts an execution to the arrival of its task at a worker of an activity
    map          a distributed Map whose items are tasks of 50 ms
    waiting      the memory of a worker with open executions, and the longest delay of a start while a second worker
                 joins and leaves the group

Exit code 1 if a target is missed.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.harness import machine_load as load
from bench.harness import report
from bench.harness.processes import answer
from bench.harness.usage import seconds
from bench.runner import kafka
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.records import ActivityScheduled, Event, ExecutionAdvanced
from headrace.schemas.serde import catalog
from headrace.schemas.serde.schema_topic import publish_schemas
from headrace.streams import pipeline
from headrace.streams.executions.client import MachineClient
from headrace.streams.pipeline_config import PipelineConfig

HERE = Path(__file__).parent
PYTHON_OF_PEERS = HERE.parent / ".venv-bench" / "bin" / "python"
PEERS = ("moto", "ministack")
ROUNDS, EXECUTIONS, PEER_EXECUTIONS = 3, 6_000, 300
FIRST_TASKS_A_SECOND, FIRST_TASK_SECONDS = 20.0, 20.0
CHILDREN, CONCURRENCY, TASK_SECONDS = 10_000, 500, 0.05
WAITING, DAY = 100_000, 86_400
PROBES_A_SECOND, SETTLED_SECONDS = 10.0, 15.0
TARGETS = {
    "transitions_per_second": 1_000.0,
    "first_task_p95_ms": 100.0,
    "map_seconds": 120.0,
    "resident_mb": 400.0,
    "longest_stall_seconds": 10.0,
}


def transitions(settings: KafkaSettings, folder: Path, executions: int, against: Path | None) -> dict[str, Any]:
    """Return transitions per second and CPU time of each, in rounds that alternate between the checkouts."""
    checkouts = {"headrace": None} | ({"against": against} if against else {})
    rates: dict[str, list[float]] = {name: [] for name in checkouts}
    times: dict[str, list[float]] = {name: [] for name in checkouts}
    for _ in range(ROUNDS):
        for name, checkout in checkouts.items():
            rate, cpu_ms = _transitions(settings, folder, executions, checkout)
            rates[name].append(rate)
            times[name].append(cpu_ms)
    found: dict[str, Any] = {}
    for name in checkouts:
        found[f"{name}: transitions/s"] = asdict(report.spread(rates[name]))
        found[f"{name}: CPU ms per transition"] = asdict(report.spread(times[name]))
    for peer in PEERS if PYTHON_OF_PEERS.exists() else ():
        found[f"{peer}: transitions/s, in memory"] = asdict(report.spread(_of_peer(peer)))
    return found


def _transitions(settings: KafkaSettings, folder: Path, executions: int, checkout: Path | None) -> tuple[float, float]:
    history = load.Watermarks(settings, topics.MACHINE_HISTORY.name)
    before = history.records()
    load.start_many(settings, load.waiting(1), executions)
    with load.worker(folder, checkout) as process:
        history.reach(before + 1, process)
        first, begun, cpu = history.records(), time.perf_counter(), seconds(process)
        history.reach(before + 2 * executions, process)
        made, took = history.records() - first, time.perf_counter() - begun
        return made / took, (seconds(process) - cpu) / made * 1000


def _of_peer(peer: str) -> list[float]:
    definition = json.loads(load.waiting(1))
    task = {"interpreter": peer, "definition": definition, "input": {}, "runs": 2, "executions": PEER_EXECUTIONS}
    command = [str(PYTHON_OF_PEERS), str(HERE / "peers" / "state_machines.py"), json.dumps(task)]
    return [2 * PEER_EXECUTIONS / each for each in answer(command, dict[str, list[float]])["seconds"]]


def first_task(settings: KafkaSettings, folder: Path) -> dict[str, float]:
    """Return the milliseconds from the start of an execution to its first task."""
    latencies = load.Latencies(settings, topics.MACHINE_ACTIVITIES.name)
    with load.worker(folder):
        latencies.measure(load.asking(), 5.0, _for_seconds(2.0))  # the worker starts
        found = latencies.measure(load.asking(), FIRST_TASKS_A_SECOND, _for_seconds(FIRST_TASK_SECONDS))
    cuts = statistics.quantiles(found, n=20)
    return {"first_task_p50_ms": cuts[9] * 1000, "first_task_p95_ms": cuts[18] * 1000}


def map_run(settings: KafkaSettings, folder: Path, children: int) -> dict[str, float]:
    """Return the seconds of a distributed Map, from its start to its end on the history."""
    ended = threading.Event()

    def take_end(event: Event) -> None:
        if isinstance(event, ExecutionAdvanced) and event.parent is None and event.status != "RUNNING":
            ended.set()

    async def run(client: MachineClient) -> float:
        loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[None]]()

        async def work(token: str) -> None:
            await asyncio.sleep(TASK_SECONDS)
            await client.task_success(token, {})

        def schedule(token: str) -> None:
            task = loop.create_task(work(token))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        def take_task(event: Event) -> None:
            if isinstance(event, ActivityScheduled):
                loop.call_soon_threadsafe(schedule, event.token)

        resolved = await load.deploy(client, load.mapping(CONCURRENCY))
        with load.NewRecords(settings, topics.MACHINE_ACTIVITIES.name, take_task):
            begun = time.perf_counter()
            await client.start(resolved, "map", list(range(children)), generated_name=True)
            await asyncio.to_thread(ended.wait, load.LONGEST_SECONDS)
            return time.perf_counter() - begun

    history = load.Watermarks(settings, topics.MACHINE_HISTORY.name)
    before = history.records()
    load.start_many(settings, load.ending(), 1)
    with load.worker(folder) as process:
        history.reach(before + 1, process)  # the worker has started
        with load.NewRecords(settings, topics.MACHINE_HISTORY.name, take_end):
            took = load.with_client(settings, run)
    if not ended.is_set():
        raise SystemExit(f"the Map has not ended after {took:.0f} s")
    return {"map_children": children, "map_seconds": took}


def waiting(settings: KafkaSettings, folder: Path, executions: int) -> dict[str, float]:
    """Return a worker's memory with open executions, its time to start with them, and delays during rebalances."""
    history = load.Watermarks(settings, topics.MACHINE_HISTORY.name)
    found = {"open_executions": executions, "start_seconds_without": _start_seconds(settings, folder)}
    before = history.records()
    load.start_many(settings, load.waiting(DAY), executions)
    with load.worker(folder) as first:
        history.reach(before + executions, first)
        found["resident_mb"] = first.memory_info().rss / 1e6
        found |= _rebalances(settings, folder)
    return found | {"start_seconds_with": _start_seconds(settings, folder)}


def _rebalances(settings: KafkaSettings, folder: Path) -> dict[str, float]:
    """Return the longest delay of a start while a worker joins and leaves, and the memory of this worker."""
    memory: list[float] = []

    def join_and_leave() -> None:
        time.sleep(SETTLED_SECONDS / 3)
        with load.worker(folder) as second:
            time.sleep(2 * SETTLED_SECONDS)
            memory.append(second.memory_info().rss / 1e6)
        time.sleep(SETTLED_SECONDS)

    thread = threading.Thread(target=join_and_leave)
    thread.start()
    latencies = load.Latencies(settings, topics.MACHINE_HISTORY.name)
    delays = latencies.measure(load.ending(), PROBES_A_SECOND, thread.is_alive)
    return {"longest_stall_seconds": max(delays), "resident_mb_of_second": memory[0]}


def _start_seconds(settings: KafkaSettings, folder: Path) -> float:
    """Return the seconds from the start of a worker process to its first transition."""
    history = load.Watermarks(settings, topics.MACHINE_HISTORY.name)
    before, begun = history.records(), time.perf_counter()
    load.start_many(settings, load.ending(), 20)
    with load.worker(folder) as process:
        history.reach(before + 20, process)
        return time.perf_counter() - begun


def _for_seconds(duration: float) -> Callable[[], bool]:
    until = time.monotonic() + duration
    return lambda: time.monotonic() < until


def main(
    quick: Annotated[bool, typer.Option(help="Use a tenth of the executions and write no result.")] = False,
    against: Annotated[Path | None, typer.Option(help="Another checkout, measured in turn.")] = None,
) -> None:
    """Measure, print the figures and write the result. Exit code 1 if a target is missed."""
    share = 0.1 if quick else 1.0
    found: dict[str, Any] = {}
    with kafka(("kafka", "aws")) as settings, tempfile.TemporaryDirectory(prefix="headrace-bench-") as path:
        folder = Path(path)
        stages = pipeline.stages(PipelineConfig({"machines": {"on": True}}))
        clients.create_topics(clients.admin(settings), topics.table(stage.name for stage in stages), 1)
        publish_schemas(clients.producer(settings), catalog.versions())
        for measured in (
            lambda: transitions(settings, folder, int(EXECUTIONS * share), against),
            lambda: first_task(settings, folder),
            lambda: map_run(settings, folder, int(CHILDREN * share)),
            lambda: waiting(settings, folder, int(WAITING * share)),
        ):
            figures = measured()
            print(json.dumps(figures, indent=2), flush=True)
            found |= figures
    found["transitions_per_second"] = found["headrace: transitions/s"]["median"]
    if not quick:
        report.write(report.result("machine-engine", found, ("confluent-kafka", "faust-streaming")))
    report.judge(
        {
            f"{name} {target:,.0f}": found[name] >= target
            if name == "transitions_per_second"
            else found[name] <= target
            for name, target in TARGETS.items()
        }
    )


if __name__ == "__main__":
    typer.run(main)
