"""Measure the rule index: `python -m bench.rules`, or `make bench-rules`. Exit code 1 if a target is missed.

One core, from an event's JSON to the names of the rules that it matches. Beside it AWS's event-ruler (Java) on the same
rules and events, where a JDK is there to compile the harness, and our own patterns tried one after the other. All find
the same number of matches, or it ends.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jgo
import orjson
from rich.console import Console
from rich.table import Table

from bench.harness import report
from headrace.streams.rules import Index, Pattern

HERE = Path(__file__).parent
RULER = "software.amazon.event.ruler:event-ruler:2.0.1"
EVENTS, REPETITIONS, JAVA_ROUNDS = 20_000, 5, 8
SCALAR_A_SECOND, WILDCARD_A_SECOND, SLOWER = 150_000, 50_000, 0.8
PARTS = (4, 16, 64)

Rules = dict[str, Any]
Family = Callable[[int], Any]

S3: dict[str, Family] = {
    "exact": lambda n: _key_rule([f"photos/{n:05}/beach.jpg"]),
    "prefix": lambda n: _key_rule([{"prefix": f"photos/{n:05}/"}]),
    "suffix": lambda n: _bucket_rule([{"suffix": f"-{n:05}"}]),
    "numeric": lambda n: {"source": ["aws.s3"], "detail": {"object": {"size": [{"numeric": [">=", n, "<", n + 1]}]}}},
    "anything-but": lambda n: {
        "detail": {"bucket": {"name": [f"bucket-{n:05}"]}, "reason": [{"anything-but": ["CopyObject", f"x{n}"]}]}
    },
    "wildcard": lambda n: _key_rule([{"wildcard": f"*/{n:05}/*.jpg"}]),
}
"""Rules for S3 events; one rule per family matches each event."""

LOTS: dict[str, Rules] = {
    "exact": {f"r{n}": {"properties": {"MAPBLKLOT": [f"{n:04}001"]}} for n in range(5)},
    "prefix": {f"r{n}": {"properties": {"STREET": [{"prefix": text}]}} for n, text in enumerate("ACOBL")},
    "wildcard": {
        f"r{n}": {"properties": {"MAPBLKLOT": [{"wildcard": text}]}}
        for n, text in enumerate(["143*", "2*0*1*7", "*218", "3*52", "*7*1"])
    },
    "anything-but": {
        f"r{n}": {"properties": {"STREET": [{"anything-but": [text, "FULTON"]}]}}
        for n, text in enumerate(["FLORAL", "PARK", "MASON", "OAK", "HILL"])
    },
    "numeric": {f"r{n}": {"properties": {"LOT": [{"numeric": [">", n * 100, "<=", n * 100 + 50]}]}} for n in range(5)},
}
"""Five rules per family for events like the San Francisco city lots of event-ruler's benchmark."""

ARRAYS: Rules = {
    f"r{n}": {"parts": {"kind": ["wall"], "length": [{"numeric": [">", n * 10]}], "side": ["N"]}} for n in range(5)
}
"""Rules that need one array element to match all three fields."""


def main() -> None:
    """Measure, print and write the result."""
    draw = random.Random(20260314)
    lots = [orjson.dumps(_lot(draw, PARTS[0])) for _ in range(EVENTS)]
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        ruler = _ruler(Path(folder))
        for name, rules in LOTS.items():
            found[f"lots: {name}, 5 rules"] = _measure(rules, lots, ruler)
        for parts in PARTS:
            events = [orjson.dumps(_lot(draw, parts)) for _ in range(EVENTS // parts)]
            found[_array(parts)] = _measure(ARRAYS, events, ruler)
        for name, family in S3.items():
            for count in (1, 100, 1_000, 10_000):
                rules = {str(n): family(n) for n in range(count)}
                events = [orjson.dumps(_uploaded(draw.randrange(count))) for _ in range(EVENTS)]
                found[f"s3: {name}, {count:,} rules"] = _measure(rules, events, ruler)
    report.write(report.result("rules", found, ("orjson",)) | {"event_ruler": RULER if ruler else "no JDK here"})
    _print(found)
    _judge(found)


def _measure(rules: Rules, events: list[bytes], ruler: Callable[[Rules, list[bytes]], Any] | None) -> dict[str, Any]:
    patterns = {name: Pattern(rule) for name, rule in rules.items()}
    index, rates, matches = Index(patterns), [], 0
    for _ in range(REPETITIONS):
        begun = time.perf_counter()
        matches = sum(len(index.match_json(event)) for event in events)
        rates.append(len(events) / (time.perf_counter() - begun))
    result: dict[str, Any] = {
        "events_a_second": asdict(report.spread(rates)),
        "matches_an_event": matches / len(events),
    }
    few = events[: max(20, 2_000 // len(rules))]
    begun = time.perf_counter()
    for event in few:
        read = orjson.loads(event)
        [name for name, pattern in patterns.items() if pattern.matches(read)]
    result["one_after_the_other"] = round(len(few) / (time.perf_counter() - begun))
    if ruler:
        theirs = ruler(rules, events)
        if theirs["matches"] != matches:
            raise SystemExit(f"we find {matches} matches, event-ruler {theirs['matches']}")
        result["event_ruler"] = round(theirs["events_a_second"])
        result["ratio"] = round(result["events_a_second"]["median"] / theirs["events_a_second"], 2)
    return result


def _ruler(folder: Path) -> Callable[[Rules, list[bytes]], Any] | None:
    """Compile the harness; return None without a JDK."""
    if shutil.which("javac") is None:
        return None
    jars = os.pathsep.join(str(jar) for jar in jgo.build(RULER).all_jars)
    subprocess.run(["javac", "-cp", jars, "-d", folder, HERE / "peers" / "Ruler.java"], check=True)

    def run(rules: Rules, events: list[bytes]) -> Any:
        (folder / "rules.json").write_bytes(orjson.dumps(rules))
        (folder / "events.jsonl").write_bytes(b"\n".join(events))
        files = [str(folder / "rules.json"), str(folder / "events.jsonl")]
        command = ["java", "-cp", f"{jars}{os.pathsep}{folder}", "Ruler", *files, str(JAVA_ROUNDS)]
        done = subprocess.run(command, capture_output=True, check=True)
        return json.loads(done.stdout)

    return run


def _key_rule(wanted: list[Any]) -> Any:
    return {"source": ["aws.s3"], "detail": {"object": {"key": wanted}}}


def _bucket_rule(wanted: list[Any]) -> Any:
    return {"source": ["aws.s3"], "detail": {"bucket": {"name": wanted}}}


def _uploaded(number: int) -> Any:
    """Return the EventBridge event of an upload."""
    found = {"key": f"photos/{number:05}/beach.jpg", "size": number, "etag": "b1946ac92492d2347c6235b4d2611184"}
    detail = {
        "version": "0",
        "bucket": {"name": f"bucket-{number:05}"},
        "object": {**found, "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e", "sequencer": "617f08299329d189"},
        "request-id": "N4N7GDK58NMKJ12R",
        "requester": "123456789012",
        "source-ip-address": "1.2.3.4",
        "reason": "PutObject",
    }
    where = {"account": "111122223333", "region": "ca-central-1", "resources": ["arn:aws:s3:::media"]}
    what = {"id": f"17793124-05d4-b198-2fde-{number:012}", "source": "aws.s3", "detail-type": "Object Created"}
    return {"version": "0", "time": "2026-03-14T15:09:26Z", **what, **where, "detail": detail}


def _array(parts: int) -> str:
    return f"lots: arrays of {parts} objects, 5 rules"


def _lot(draw: random.Random, count: int) -> Any:
    lot, block = draw.randrange(1000), draw.randrange(8000)
    streets = ("FLORAL", "PARK", "MASON", "OAK", "HILL", "FULTON", "ALVARADO", "CASTRO", "BEACH", "LAKE")
    properties = {
        "MAPBLKLOT": f"{block:04}{lot:03}",
        "BLKLOT": f"{block:04}{lot:03}",
        "BLOCK_NUM": f"{block:04}",
        "LOT_NUM": f"{lot:03}",
        "LOT": lot,
        "FROM_ST": str(draw.randrange(4000)),
        "TO_ST": str(draw.randrange(4000)),
        "STREET": draw.choice(streets),
        "ST_TYPE": "ST",
        "ODD_EVEN": draw.choice("EO"),
    }
    corners = [[round(draw.uniform(-123, -122), 12), round(draw.uniform(37, 38), 12), 0.0] for _ in range(6)]
    parts = [
        {"kind": draw.choice(("wall", "fence")), "length": draw.randrange(60), "side": draw.choice("NESW")}
        for _ in range(count)
    ]
    geometry = {"type": "Polygon", "coordinates": [corners]}
    return {"type": "Feature", "properties": properties, "geometry": geometry, "parts": parts}


def _print(found: dict[str, Any]) -> None:
    table = Table(*("events/s on one core", "ours", "event-ruler", "ours / theirs", "one after the other"), box=None)
    for name, result in found.items():
        theirs = f"{result['event_ruler']:,}" if "event_ruler" in result else "-"
        ours, ratio = f"{result['events_a_second']['median']:,.0f}", str(result.get("ratio", "-"))
        table.add_row(name, ours, theirs, ratio, f"{result['one_after_the_other']:,}")
    Console(width=120).print(table)


def _judge(found: dict[str, Any]) -> None:
    def rate(name: str) -> float:
        return float(found[name]["events_a_second"]["median"])

    missed = []
    for name in S3:
        wanted = WILDCARD_A_SECOND if name == "wildcard" else SCALAR_A_SECOND
        thousand, more = rate(f"s3: {name}, 1,000 rules"), rate(f"s3: {name}, 10,000 rules")
        if thousand < wanted:
            missed.append(f"{name}: {wanted:,} events/s at 1,000 rules")
        if more < SLOWER * thousand:
            missed.append(f"{name}: {1 - more / thousand:.0%} slower at 10,000 rules, not {1 - SLOWER:.0%} at most")
    few, many = PARTS[0], PARTS[-1]
    if rate(_array(many)) * many < SLOWER * rate(_array(few)) * few:
        missed.append("arrays: the time for an element grows with their number")
    missed += [
        f"{name}: {result['ratio']} of event-ruler" for name, result in found.items() if result.get("ratio", 1) < 1
    ]
    if missed:
        raise SystemExit(f"missed: {'; '.join(missed)}")


if __name__ == "__main__":
    main()
