"""Machine description, medians with quartiles, and result files of benchmarks."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "results"


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine of a benchmark run."""

    cpu: str
    cores: int
    python: str
    system: str


@dataclass(frozen=True, slots=True)
class Spread:
    """A measured value: median and quartiles."""

    median: float
    lower: float
    upper: float
    repetitions: int

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.lower:.3g} to {self.upper:.3g})"


def machine() -> Machine:
    """Return a description of this machine."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return Machine(_cpu(), os.cpu_count() or 1, python, f"{platform.system()} {platform.machine()}")


def spread(values: Sequence[float]) -> Spread:
    """Return median and quartiles of at least two values."""
    lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, lower, upper, len(values))


def result(name: str, measured: Any, libraries: Sequence[str] = ()) -> dict[str, Any]:
    """Return a result with the machine and the versions of the given libraries."""
    used = {library: version(library) for library in libraries}
    return {"benchmark": name, "machine": asdict(machine()), "libraries": used, "measured": measured}


def write(found: dict[str, Any], folder: Path = RESULTS) -> Path:
    """Write a result to `<benchmark>.json`, replacing the previous one."""
    folder.mkdir(exist_ok=True)
    target = folder / f"{found['benchmark']}.json"
    target.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return target


def _cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def judge(checks: Mapping[str, bool]) -> None:
    """Exit with code 1 and the names of missed targets, if any."""
    missed = [name for name, met in checks.items() if not met]
    if missed:
        raise SystemExit(f"missed: {'; '.join(missed)}")
