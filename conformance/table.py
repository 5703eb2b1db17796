"""Tables of results, as text and as Markdown."""

from __future__ import annotations

from pathlib import Path

from conformance.run import OUTCOMES, KindResult, read
from conformance.vectors import files, load

RESULTS = Path(__file__).parent / "results"
IMPLEMENTATIONS = ("headrace", "ministack", "moto")
"""The columns of RESULTS.md; one without a file in `results` was not run."""


def as_text(results: dict[str, KindResult]) -> str:
    """Return the outcomes by kind, and the failed vectors."""
    width = max(map(len, (*results, "kind")))
    lines = [f"{'kind':{width}}  {'vectors':>11}" + "".join(f"  {name:>11}" for name in OUTCOMES)]
    for kind, result in results.items():
        counts = "".join(f"  {result.counts[name]:>11,}" for name in OUTCOMES)
        lines.append(f"{kind:{width}}  {result.total:>11,}{counts}")
    for kind, result in results.items():
        lines += [f"failed: {kind} {name}" for name in result.failed]
        lines += [f"no output: {kind}: {reason}, such as {name}" for reason, name in result.reasons.items()]
    return "\n".join(lines)


def as_markdown() -> str:
    """Return the stored results of all implementations as one table."""
    found = {name: read(path)[1] for name in IMPLEMENTATIONS if (path := RESULTS / f"{name}.json").exists()}
    lines = [f"Kind | Vectors | {' | '.join(_title(name) for name in IMPLEMENTATIONS)}", "--- | ---" + " | ---" * 3]
    for file in files():
        cells = [_cell(found.get(name, {}).get(file.kind)) for name in IMPLEMENTATIONS]
        lines.append(f"{file.kind} | {sum(1 for _ in load(file)):,} | {' | '.join(cells)}")
    return "\n".join(lines) + "\n"


def _title(name: str) -> str:
    path = RESULTS / f"{name}.json"
    return read(path)[0] if path.exists() else name


def _cell(result: KindResult | None) -> str:
    if result is None:
        return "not run"
    if result.counts["unsupported"] == result.total:
        return "unsupported"
    others = [f"{result.counts[name]:,} {name}" for name in OUTCOMES[1:] if result.counts[name]]
    return ", ".join([f"{result.counts['passed']:,} passed", *others])
