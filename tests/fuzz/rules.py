"""Random patterns and events: `python -m tests.fuzz.rules`, or `make fuzz`. Exit code 1 at the first disagreement.

Compares single patterns with the reference matcher, and indexes of many patterns with the single patterns, from
dictionaries and from JSON. With --java also compares invalid patterns and non-Latin strings with AWS event-ruler, which
is downloaded and run.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from headrace.streams.rules import Index, InvalidPatternError, Pattern
from tests.support import reference_matcher
from tests.support.random_rules import FOREIGN, PLAIN, Drawing

RULER = "software.amazon.event.ruler:event-ruler:2.0.1"
MAX_PATTERNS_PER_INDEX = 30


def agree_with_reference_matcher(count: int, seed: int) -> Counter[str]:
    """Compare patterns and indexes with the reference matcher; count the verdicts."""
    drawing, draw, verdicts = Drawing(seed), random.Random(seed), Counter[str]()
    while verdicts.total() < count:
        texts = [drawing.pattern() for _ in range(draw.randint(1, MAX_PATTERNS_PER_INDEX))]
        patterns = {text: Pattern(orjson.loads(text)) for text in texts}
        index = Index(patterns)
        for _ in range(3):
            text = drawing.event()
            event = orjson.loads(text)
            alone = [name for name in patterns if reference_matcher.matches(orjson.loads(name), event)]
            for name, pattern in patterns.items():
                _same(pattern.matches(event), name in alone, name, text)
                verdicts["match" if name in alone else "no match"] += 1
            _same((index.match(event), index.match_json(text)), (alone, alone), json.dumps(texts), text)
    return verdicts


def agree_with_event_ruler(count: int, seed: int) -> Counter[str]:
    """Compare valid and invalid patterns with event-ruler; count the verdicts."""
    drawing = Drawing(seed, PLAIN + FOREIGN, wrong=0.02)
    cases = [{"pattern": drawing.pattern(), "event": drawing.event()} for _ in range(count)]
    verdicts = _event_ruler(cases)
    for case, expected in zip(cases, verdicts, strict=True):
        _same(verdict(case["pattern"], case["event"]), expected, case["pattern"], case["event"])
    return Counter(verdicts)


def verdict(pattern: str, event: str) -> str:
    """Return Headrace's verdict in the terms of event-ruler."""
    try:
        return "match" if Pattern(orjson.loads(pattern)).matches(orjson.loads(event)) else "no match"
    except InvalidPatternError:
        return "invalid"


def _event_ruler(cases: list[dict[str, str]]) -> list[str]:
    import jgo

    jars = os.pathsep.join(str(jar) for jar in jgo.build(RULER).all_jars)
    source = Path(__file__).with_name("support") / "Verdicts.java"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["javac", "-cp", jars, "-d", folder, source], check=True)
        command = ["java", "-cp", f"{jars}{os.pathsep}{folder}", "Verdicts"]
        lines = "\n".join(map(json.dumps, cases))
        done = subprocess.run(command, input=lines, capture_output=True, check=True, encoding="utf-8")
    return done.stdout.splitlines()


def _same(actual: Any, expected: Any, pattern: str, event: str) -> None:
    if actual != expected:
        sys.exit(f"verdict {actual!r}, expected {expected!r}\npattern: {pattern}\nevent: {event}")


def main(
    cases: Annotated[int, typer.Option(help="Number of pattern and event pairs.")] = 100_000,
    seed: Annotated[int, typer.Option(help="Random seed; 0 chooses one.")] = 0,
    java: Annotated[bool, typer.Option(help="Also compare with event-ruler; requires a JDK.")] = False,
) -> None:
    """Run the comparisons and print the verdicts."""
    seed = seed or random.SystemRandom().randrange(1, 1 << 31)
    comparisons = [agree_with_reference_matcher, *([agree_with_event_ruler] if java else [])]
    for compare in comparisons:
        counts = ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(compare(cases, seed).items()))
        print(f"seed {seed}: {compare.__name__.replace('_', ' ')}: {counts}")


if __name__ == "__main__":
    typer.run(main)
