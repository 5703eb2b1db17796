"""Random patterns and events: `python -m tests.fuzz.rules`, or `make fuzz`. Exit code 1 at the first disagreement.

Every pattern by itself is held against an evaluator that tries everything, and indexes of many patterns against each
of them by itself, from dictionaries and from JSON. With --java also wrong patterns, and texts of many scripts, against
AWS's event-ruler, which is fetched and run.
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
MOST_TOGETHER = 30


def agree_with_trying_everything(count: int, seed: int) -> Counter[str]:
    """Hold patterns, and indexes of some of them, against the naive evaluator; count the verdicts."""
    drawing, draw, verdicts = Drawing(seed), random.Random(seed), Counter[str]()
    while verdicts.total() < count:
        texts = [drawing.pattern() for _ in range(draw.randint(1, MOST_TOGETHER))]
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
    """Hold patterns, wrong ones among them, against event-ruler; count the verdicts."""
    drawing = Drawing(seed, PLAIN + FOREIGN, wrong=0.02)
    asked = [{"pattern": drawing.pattern(), "event": drawing.event()} for _ in range(count)]
    told = _event_ruler(asked)
    for each, theirs in zip(asked, told, strict=True):
        _same(verdict(each["pattern"], each["event"]), theirs, each["pattern"], each["event"])
    return Counter(told)


def verdict(pattern: str, event: str) -> str:
    """Give our verdict in event-ruler's words."""
    try:
        return "match" if Pattern(orjson.loads(pattern)).matches(orjson.loads(event)) else "no match"
    except InvalidPatternError:
        return "invalid"


def _event_ruler(asked: list[dict[str, str]]) -> list[str]:
    import jgo

    jars = os.pathsep.join(str(jar) for jar in jgo.build(RULER).all_jars)
    source = Path(__file__).with_name("support") / "Verdicts.java"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["javac", "-cp", jars, "-d", folder, source], check=True)
        command = ["java", "-cp", f"{jars}{os.pathsep}{folder}", "Verdicts"]
        lines = "\n".join(map(json.dumps, asked))
        done = subprocess.run(command, input=lines, capture_output=True, check=True, encoding="utf-8")
    return done.stdout.splitlines()


def _same(ours: Any, theirs: Any, pattern: str, event: str) -> None:
    if ours != theirs:
        sys.exit(f"we say {ours!r}, not {theirs!r}\npattern: {pattern}\nevent: {event}")


def main(
    cases: Annotated[int, typer.Option(help="How many patterns with events.")] = 100_000,
    seed: Annotated[int, typer.Option(help="0 draws one.")] = 0,
    java: Annotated[bool, typer.Option(help="Also ask event-ruler, by a JDK.")] = False,
) -> None:
    """Try that many, and say what the verdicts were."""
    seed = seed or random.SystemRandom().randrange(1, 1 << 31)
    ways = [agree_with_trying_everything, *([agree_with_event_ruler] if java else [])]
    for way in ways:
        found = ", ".join(f"{count:,} {what}" for what, count in sorted(way(cases, seed).items()))
        print(f"seed {seed}: {way.__name__.replace('_', ' ')}: {found}")


if __name__ == "__main__":
    typer.run(main)
