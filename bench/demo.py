"""Measure duration (with warm caches) and memory of the demo: `python -m bench.demo`.

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
SAMPLE_SECONDS = 0.25
FIRST_SECONDS, ALL_SECONDS, MEMORY_MB = 15.0, 45.0, 1200.0


def run() -> tuple[dict[str, float], float]:
    """Run the demo once; return its times in seconds and its peak memory in MB."""
    process = subprocess.Popen(
        [COMMAND, "demo", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    samples: list[float] = []
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, samples, over))
    watcher.start()
    output, _ = process.communicate(timeout=300)
    over.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"the demo failed: exit code {process.returncode}")
    return json.loads(output)["seconds"], max(samples)


def main() -> None:
    """Measure, print and write the result. Exit code 1 if a target is missed."""
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


def _watch(pid: int, samples: list[float], over: threading.Event) -> None:
    """Sample the resident memory of the demo and its processes until it ends."""
    while not over.wait(SAMPLE_SECONDS):
        samples.append(sum(_resident(each, pid) for each in psutil.process_iter()) / 1e6)


def _resident(process: psutil.Process, pid: int) -> float:
    """Return the memory of a demo process in bytes; 0 for others. Its parts run in a `headrace-demo-` folder."""
    try:
        mine = process.pid == pid or "headrace-demo-" in " ".join([process.cwd(), *process.cmdline()])
        return float(process.memory_info().rss) if mine else 0.0
    except psutil.Error:  # it ended meanwhile
        return 0.0


if __name__ == "__main__":
    main()
