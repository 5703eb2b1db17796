"""Run the conformance vectors: `python -m conformance COMMAND...`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from conformance.command import Command, CommandError
from conformance.run import KindResult, run_kind, write
from conformance.table import as_text
from conformance.vectors import files, load

EPILOGUE = """\
COMMAND reads one JSON object per line, {"id", "kind", "input"}, and writes one per line: {"id", "output"}, or
{"id", "unsupported": REASON}. conformance/README.md describes each kind. Exit code: 0 if no vector failed, 1 if one
failed or was not answered, 2 if the command cannot be used.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the vectors and print a table. Return the exit code."""
    options = _parser().parse_args(arguments)
    chosen = [file for file in files() if not options.kind or file.kind in options.kind]
    command = Command(options.command, options.timeout, options.start_timeout)
    results: dict[str, KindResult] = {}
    try:
        for file in chosen:
            results[file.kind] = run_kind(command, load(file))
    except CommandError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    finally:
        command.close()
    print(as_text(results))
    if options.results:
        write(options.results, options.name, results)
    return int(any(each.counts["failed"] or each.counts["unanswered"] for each in results.values()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m conformance",
        description="Run the conformance vectors with an implementation.",
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = sorted({file.kind for file in files()})
    parser.add_argument("--kind", action="append", choices=kinds, help="run this kind only; may be repeated")
    parser.add_argument("--timeout", type=_seconds, default=10.0, help="seconds for one vector (default: 10)")
    parser.add_argument(
        "--start-timeout", type=_seconds, default=60.0, help="additional seconds for the first vector of a process"
    )
    parser.add_argument("--results", type=Path, help="write the results to this JSON file")
    parser.add_argument("--name", default="", help="name and version of the implementation, for --results")
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="the implementation and its arguments, behind --")
    return parser


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds up to 3600")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
