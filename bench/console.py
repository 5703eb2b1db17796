"""Measure the web console with 200,000 assets in its views: `python -m bench.console`, or `make bench-console`.

The views are those of made-up assets; their dead letters, and uploads without a worker, are on a real broker. Pages are
requested one after the other; a browser with empty caches loads each once. `--keep FOLDER` uses the views of an earlier
run again.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

import psutil
import typer
from playwright.sync_api import sync_playwright
from sqlalchemy import func, select

from bench.harness import report
from bench.harness.console_views import build
from bench.harness.live_viewers import LiveViewer
from bench.harness.usage import seconds
from headrace.console.kafka.letter_id import letter_id
from headrace.console.kafka.topic_reader import TopicReader
from headrace.console.views.locations import LINK, SqliteLocation
from headrace.console.views.tables import assets, dead_letters
from headrace.sandbox.cluster import cluster
from headrace.sandbox.cluster.contract import apply_contract
from headrace.sandbox.cluster.environment import variables
from headrace.schemas import topics
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.runtime.gc_tuning import reduce_gc_frequency
from headrace.schemas.settings import load

ASSETS, REQUESTS, VIEWERS, CHANGES = 200_000, 40, 200, 40
PAGE_SECONDS = 8.0
"""Seconds after which a page is not requested again."""
LIVE_SECONDS = 30.0
SHOWN_WITHIN = 30.0
FIRST_BYTE_MS, PAGE_MS, PAGE_BYTES, CORE_SHARE, CHANGE_MS, GROWTH_MB = 100.0, 1000.0, 250_000, 0.3, 1000.0, 5.0
STAGE = "probe"
LIVE = "/live/pipeline"


def main(
    count: Annotated[int, typer.Option("--assets", help="Assets in the views.")] = ASSETS,
    keep: Annotated[
        Path | None, typer.Option(help="Folder of the views and the broker, kept for the next run.")
    ] = None,
    quick: Annotated[bool, typer.Option(help="A hundredth of the assets, and no result is written.")] = False,
) -> None:
    """Measure, print the figures and write the result. Exit code 1 if a target is missed."""
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headrace-bench-")))
        prepared(stack, folder, count // (100 if quick else 1))
        url, process = stack.enter_context(serving(folder / "views"))
        known, paths = pages(folder / "views")
        live = asyncio.run(live_page(url, process))
        for name, value in live.items():
            print(f"live: {name} {value:,.2f}", flush=True)
        requests = {name: first_bytes(url, path, process) for name, path in paths.items()}
        loads = browser_loads(url, paths)
        load = os.getloadavg()[1]
    measured = {"assets": known, "load_average": load, "requests": requests, "browser": loads, "live": live}
    show(measured)
    if not quick:
        report.write(report.result("console", measured, ("starlette", "uvicorn", "jinja2", "sqlalchemy")))
    report.judge(checks(measured))


def prepared(stack: ExitStack, folder: Path, count: int) -> None:
    """Start a broker and a local AWS, and build the views unless the folder has them."""
    sandbox = folder / "sandbox"
    os.environ.update(variables(cluster.up(sandbox, ("kafka", "aws"))))
    stack.callback(cluster.down, sandbox)
    if not (folder / "views" / LINK).exists():
        apply_contract()
        reduce_gc_frequency()
        build(SqliteLocation(folder / "views"), load(KafkaSettings), count)


@contextmanager
def serving(views: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Run the console as an operator does; yield its URL and its process."""
    command = [sys.executable, "-m", "headrace.console", "console", "--port", "0"]
    environment = {**os.environ, "HEADRACE_VIEWS": str(views)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().partition("console: ")[2].strip()
            assert url, "the console did not start"
            yield url, psutil.Process(process.pid)
        finally:
            process.terminate()


def pages(views: Path) -> tuple[int, dict[str, str]]:
    """Return the number of assets, and the address of each page."""
    engine = SqliteLocation(views).current()
    assert engine is not None
    with engine.connect() as connection:
        count = int(connection.execute(select(func.count()).select_from(assets)).scalar_one())
        bucket, key = connection.execute(select(assets.c.bucket, assets.c.key).limit(1).offset(count // 2)).one()
        columns = dead_letters.c
        place = connection.execute(select(columns.topic, columns.partition, columns.offset).limit(1)).one()
    engine.dispose()
    record = TopicReader(load(KafkaSettings)).record(*place)
    assert record is not None, "the broker has the dead letters of the views"
    pattern = '{"detail-type": ["MediaReady"]}'
    return count, {
        "pipeline": "/",
        "stage": f"/stages/{STAGE}",
        "assets": "/assets",
        "assets, a page of a kind": "/assets?" + urlencode({"kind": "video"}),
        "assets, search": "/assets?" + urlencode({"q": "Guitar"}),
        "asset": "/assets/one?" + urlencode({"bucket": bucket, "key": key}),
        "dead letters": "/letters",
        "dead letters, 1,000 of a stage": "/letters?" + urlencode({"stage": "labels", "limit": 1000}),
        "dead letter": "/letters/one?" + urlencode({"id": letter_id(record)}),
        "record": "/records?" + urlencode({"at": "/".join(map(str, place))}),
        "replays": "/replays",
        "plan of a redrive": "/replays/redrive?" + urlencode({"stage": "labels", "limit": 100}),
        "plan of a rewind": "/replays/rewind?" + urlencode({"stage": STAGE, "to": "earliest"}),
        "rules": "/rules",
        "test of a pattern": "/rules/test?" + urlencode({"pattern": pattern, "topic": "media.ready"}),
        "cost": "/cost",
        "health": "/health",
        "machines": "/machines",
    }


def first_bytes(url: str, path: str, process: psutil.Process) -> dict[str, float]:
    """Request a page repeatedly: milliseconds until the first byte, and of CPU time in the console."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=120)
    waits, before = list[float](), 0.0
    for number in range(REQUESTS + 2):
        if number == 2:  # the first fill caches
            before = seconds(process)
        began = time.perf_counter()
        connection.request("GET", path)
        response = connection.getresponse()
        waits += [(time.perf_counter() - began) * 1000] if number >= 2 else []
        size = len(response.read())
        assert response.status == 200, (path, response.status)
        if number > 5 and sum(waits) > PAGE_SECONDS * 1000:
            break
    connection.close()
    used = (seconds(process) - before) * 1000 / len(waits)
    p95 = statistics.quantiles(waits, n=20)[-1]
    return {"median_ms": statistics.median(waits), "p95_ms": p95, "cpu_ms": used, "html_bytes": size}


def browser_loads(url: str, paths: dict[str, str]) -> dict[str, dict[str, float]]:
    """Load each page in a browser with empty caches: transferred bytes, and milliseconds until it is loaded."""
    found = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name, path in paths.items():
            context = browser.new_context()
            page = context.new_page()
            sizes: list[float] = []
            session = context.new_cdp_session(page)
            session.send("Network.enable")
            session.on("Network.loadingFinished", lambda event, sizes=sizes: sizes.append(event["encodedDataLength"]))
            page.goto(url + path, wait_until="load")
            entry = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventStart")
            found[name] = {"bytes": sum(sizes), "load_ms": entry}
            context.close()
        browser.close()
    return found


async def live_page(url: str, process: psutil.Process) -> dict[str, Any]:
    """Watch the live page with many viewers while records arrive: CPU, memory, and the time until a record is shown."""
    place = urlsplit(url)
    viewers = [LiveViewer() for _ in range(VIEWERS)]
    tasks = [asyncio.create_task(each.run(place.hostname or "", place.port or 0, LIVE)) for each in viewers]
    first, delays = viewers[0], list[float]()
    await first.seconds_until(lambda each: bool(each.node(STAGE)), SHOWN_WITHIN)
    producer = clients.producer(load(KafkaSettings))
    used, memory, began = seconds(process), process.memory_info().rss, time.perf_counter()
    for number in range(CHANGES):
        text = first.node(STAGE)
        producer.produce(topics.UPLOADED.name, b"{}", f"bench/{number}".encode(), partition=number % 2)
        await asyncio.to_thread(producer.flush, SHOWN_WITHIN)
        delays.append(await first.seconds_until(partial(_differs, text), SHOWN_WITHIN))
        await asyncio.sleep(LIVE_SECONDS / CHANGES)
    took = time.perf_counter() - began
    share = (seconds(process) - used) / took
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {
        "viewers": VIEWERS,
        "core_share": share,
        "growth_mb": (process.memory_info().rss - memory) / 1e6,
        "megabytes_a_viewer": statistics.mean(each.bytes for each in viewers) / 1e6,
        "least_bytes_of_a_viewer": min(each.bytes for each in viewers),
        "change_median_ms": statistics.median(delays) * 1000,
        "change_p95_ms": statistics.quantiles(delays, n=20)[-1] * 1000,
    }


def _differs(before: str, viewer: LiveViewer) -> bool:
    return viewer.node(STAGE) != before


def show(measured: dict[str, Any]) -> None:
    """Print the figures."""
    for name, each in measured["requests"].items():
        loaded = measured["browser"][name]
        first = f"first byte {each['median_ms']:.0f} ms, p95 {each['p95_ms']:.0f} ms, CPU {each['cpu_ms']:.0f} ms"
        print(f"{name}: {first}; loaded in {loaded['load_ms']:.0f} ms, {loaded['bytes'] / 1000:.0f} kB")


def checks(measured: dict[str, Any]) -> dict[str, bool]:
    """Return whether each target is met."""
    live = measured["live"]
    return {
        **{f"first byte of {name}": each["p95_ms"] <= FIRST_BYTE_MS for name, each in measured["requests"].items()},
        **{f"load of {name}": each["load_ms"] <= PAGE_MS for name, each in measured["browser"].items()},
        **{f"size of {name}": each["bytes"] <= PAGE_BYTES for name, each in measured["browser"].items()},
        "CPU of viewers": live["core_share"] <= CORE_SHARE,
        "memory of viewers": live["growth_mb"] <= GROWTH_MB,
        "change on the page": live["change_p95_ms"] <= CHANGE_MS,
    }


if __name__ == "__main__":
    typer.run(main)
