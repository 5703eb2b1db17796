"""How long the demo takes from warm caches, and how much memory its processes hold: `python -m bench.demo`.

Targets: first result within 15 s, everything within 45 s, 1.2 GB resident in all.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import psutil

from bench.harness import report
from headrace.sandbox.cluster.lifetime import end_children_with_me

COMMAND = str(Path(sys.executable).with_name("headrace"))
LOOK_SECONDS = 0.25
FIRST_SECONDS, ALL_SECONDS, MEMORY_MB = 15.0, 45.0, 1200.0


def run() -> tuple[dict[str, float], float]:
    """Run the demo once; give its times in seconds and the most memory that it held, in MB."""
    process = subprocess.Popen(
        [COMMAND, "demo", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    held: list[float] = []
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, held, over))
    watcher.start()
    output, _ = process.communicate(timeout=300)
    over.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"the demo failed: exit code {process.returncode}")
    return json.loads(output)["seconds"], max(held)


def main() -> None:
    """Measure, print and keep the result; exit with 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    repetitions = parser.parse_args().repetitions
    end_children_with_me()
    run()  # fills the caches
    runs = [run() for _ in range(repetitions)]
    names = ("ready", "first_result", "all")
    measured = {f"{name}_seconds": report.spread([times[name] for times, _ in runs]) for name in names}
    measured["memory_mb"] = report.spread([memory for _, memory in runs])
    for name, spread in measured.items():
        print(f"{name:24} {spread}")
    report.write(report.result("demo", {name: asdict(spread) for name, spread in measured.items()}))
    targets = {"first_result_seconds": FIRST_SECONDS, "all_seconds": ALL_SECONDS, "memory_mb": MEMORY_MB}
    missed = [name for name, target in targets.items() if measured[name].median > target]
    if missed:
        raise SystemExit(f"over target: {', '.join(missed)}")


def _watch(pid: int, held: list[float], over: threading.Event) -> None:
    """Add up the resident memory of the demo and of everything that it started, until it is over."""
    while not over.wait(LOOK_SECONDS):
        held.append(sum(_resident(each, pid) for each in psutil.process_iter()) / 1e6)


def _resident(process: psutil.Process, pid: int) -> float:
    """Give the memory of a process of the demo in bytes; 0 for any other. Its parts work in a folder of its own."""
    try:
        mine = process.pid == pid or "headrace-demo-" in " ".join([process.cwd(), *process.cmdline()])
        return float(process.memory_info().rss) if mine else 0.0
    except psutil.Error:  # it ended meanwhile
        return 0.0


if __name__ == "__main__":
    main()
