"""Write `docs/performance.md` from `bench/results`: `python -m bench.performance`. Exits with 1 below a target."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.harness import report

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"

Results = Mapping[str, Mapping[str, Any]]
"""The content of each result file by the name of its benchmark."""

HEAD = """# Performance

`make bench-all` runs the benchmarks that fit into 30 minutes and writes this page from `bench/results/`. It fails if a
target is missed. Each table names its machine and versions: compare only figures of one table.

## Targets

A ratio compares two medians of the same run, so it depends less on the machine than a rate does.

| what | measured | target | |
|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Target:
    """A limit of a value that a benchmark measures: the lowest one, or the highest one for seconds."""

    what: str
    benchmark: str
    measured: Callable[[Any], float]
    limit: float
    seconds: bool = False

    def value(self, results: Results) -> float:
        """Return the measured value."""
        return self.measured(results[self.benchmark]["measured"])

    def met(self, results: Results) -> bool:
        """Return whether the value is within the limit."""
        value = self.value(results)
        return value <= self.limit if self.seconds else value >= self.limit

    def row(self, results: Results) -> str:
        """Return a row of the table of targets."""
        limit = f"at most {self.limit:g} s" if self.seconds else f"at least {self.limit:g}"
        value = f"{self.value(results):.1f} s" if self.seconds else f"{self.value(results):.2f}"
        return f"| {self.what} | {value} | {limit} | {'met' if self.met(results) else '**missed**'} |"


def _ratio(ours: str, theirs: str) -> Callable[[Any], float]:
    return lambda measured: float(measured[ours]["median"] / measured[theirs]["median"])


def _share(name: str, ideal: float) -> Callable[[Any], float]:
    return lambda measured: float(measured[name]["median"] / ideal)


def _slowest(work: str) -> Callable[[Any], float]:
    return lambda measured: min(float(row["ratio"]["median"]) for row in measured if row["work"] == work)


TARGETS = (
    Target("Encoding: speed relative to bare fastavro", "codec", _slowest("write"), 1.2),
    Target("Decoding: speed relative to bare fastavro", "codec", _slowest("read"), 1.2),
    Target(
        "Record decoded and not wanted, relative to quixstreams, which only decodes",
        "runner",
        _ratio("Headrace: whole runner, record not wanted", "quixstreams: decodes Avro, keeps none"),
        1.2,
    ),
    Target(
        "Record decoded, result stored, one record sent, relative to undecoded `to_topic` of quixstreams",
        "runner",
        _ratio("Headrace: whole runner, one result stored and sent", "quixstreams: to_topic"),
        0.5,
    ),
    Target(
        "50 ms of waiting, decoded, result stored, 1,000 in flight: share of the ideal",
        "runner",
        _share("Headrace: 50 ms of waiting, decoded, a result stored", 20_000),
        0.75,
    ),
    Target(
        "`headrace demo` from warm caches: first result",
        "demo",
        lambda measured: float(measured["first_result_seconds"]["median"]),
        8.0,
        seconds=True,
    ),
)

PAGES = {
    "runner": "The runner and its peers, records per second",
    "codec": "The codec and fastavro, microseconds per record",
    "demo": "The demo",
    "bridge": "The bridge",
    "replay": "Dead letters and replay",
    "views": "Views",
}
"""The benchmarks with a table, where their results exist."""


def load(folder: Path = report.RESULTS) -> dict[str, dict[str, Any]]:
    """Return the results of a folder by the name of the file."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}


def render(results: Results) -> str:
    """Return the page."""
    targets = "".join(f"{target.row(results)}\n" for target in TARGETS)
    parts = [_part(title, results[name]) for name, title in PAGES.items() if name in results]
    return "\n".join([HEAD + targets, *parts])


def checks(results: Results) -> dict[str, bool]:
    """Return whether each target is met, by its text."""
    return {target.what: target.met(results) for target in TARGETS}


def main() -> None:
    """Write the page."""
    results = load()
    PAGE.write_text(render(results), encoding="utf-8")
    report.judge(checks(results))


def _part(title: str, result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    used = [f"{name} {version}" for name, version in result["libraries"].items()] + result.get("peers", [])
    where = f"{machine['cpu']}, {machine['cores']} cores, {machine['python']}, {machine['system']}."
    versions = f" Versions: {', '.join(used)}." if used else ""
    rows = "\n".join(_rows(result["measured"]))
    return (
        f"## {title}\n\n{where}{versions}\n\n| measured | median | half of the runs within |\n|---|---:|---:|\n{rows}\n"
    )


def _rows(measured: Any) -> Iterator[str]:
    """Yield a row for each value with a spread."""
    if isinstance(measured, list):
        measured = {
            f"{row['record']}, {row['work']}, {name}": row[name] for row in measured for name in ("bare", "ours")
        }
    for name, value in measured.items():
        if isinstance(value, dict) and "median" in value:
            median, lower, upper = (_number(value[part]) for part in ("median", "lower", "upper"))
            yield f"| {name.replace('_', ' ')} | {median} | {lower} to {upper} |"
        elif isinstance(value, int | float):
            yield f"| {name.replace('_', ' ')} | {_number(value)} | |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
