"""What processes take of the machine while something is measured."""

from __future__ import annotations

from collections.abc import Mapping

import psutil


class Usage:
    """Looks at processes twice: when it is made, and at the end."""

    def __init__(self, processes: Mapping[str, psutil.Process]) -> None:
        self._processes = processes
        self._before = {name: seconds(each) for name, each in processes.items()}

    def since(self, took: float, runs: int) -> dict[str, dict[str, float]]:
        """Give each one's share of a processor, its time for one of so many runs, and its resident memory now."""
        found = {}
        for name, each in self._processes.items():
            used = seconds(each) - self._before[name]
            found[name] = {
                "processor_share": round(used / took, 2),
                "processor_ms_a_stage_run": round(used / runs * 1000, 2),
                "resident_mb": round(each.memory_info().rss / 1e6),
            }
        return found


def seconds(process: psutil.Process) -> float:
    """Give the seconds of processor time that a process has used."""
    times = process.cpu_times()
    return float(times.user + times.system)
