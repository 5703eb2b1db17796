"""CPU and memory usage of processes during a measurement."""

from __future__ import annotations

from collections.abc import Mapping

import psutil


class Usage:
    """Usage of processes since this object was created."""

    def __init__(self, processes: Mapping[str, psutil.Process]) -> None:
        self._processes = processes
        self._before = {name: seconds(each) for name, each in processes.items()}

    def since(self, took: float, runs: int) -> dict[str, dict[str, float]]:
        """Return each process's CPU share, CPU time per stage run, and resident memory."""
        usage = {}
        for name, each in self._processes.items():
            used = seconds(each) - self._before[name]
            usage[name] = {
                "processor_share": round(used / took, 2),
                "processor_ms_a_stage_run": round(used / runs * 1000, 2),
                "resident_mb": round(each.memory_info().rss / 1e6),
            }
        return usage


def seconds(process: psutil.Process) -> float:
    """Return the CPU seconds that a process has used."""
    times = process.cpu_times()
    return float(times.user + times.system)
