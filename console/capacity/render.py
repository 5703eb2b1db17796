"""Forecasts as text in 80 columns, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from headrace.console.capacity.assumptions import Assumptions, reasons, values
from headrace.console.capacity.kafka_plan import peak_bytes_per_second
from headrace.console.capacity.measured import SOURCES, Measured
from headrace.console.capacity.numbers import short, usd
from headrace.console.capacity.plan import CapacityPlan
from headrace.console.capacity.quota_plan import JOBS, QuotaPlan
from headrace.console.terminal.screen import Console, Table

SHOWN_QUOTAS = 5
"""Quotas that are shown though the peak hour does not exceed them."""
NEAR = 0.5


def plan_json(plan: CapacityPlan, assumed: Assumptions) -> dict[str, Any]:
    """Return a forecast as JSON data."""
    document = asdict(plan)
    document["quotas"] = [
        {
            **asdict(each),
            "days_of_work_per_day": each.days_of_work_per_day,
            "backlog_days_per_day": each.backlog_days_per_day,
        }
        for each in plan.quotas
    ]
    document["assumptions"] = dict(values(assumed))
    document["first_limit"] = document["quotas"][0] if plan.exceeded else None
    return document


def print_plan(plan: CapacityPlan, console: Console) -> None:
    """Print a forecast: workload, workers, topics, S3, quotas, and the limit that comes first."""
    for line in _workload(plan):
        console.print(line)
    _heading("Workers in the peak hour, if each hosts one stage", console)
    console.print(_workers(plan))
    _heading(f"Kafka topics with {plan.policy.replicas} replicas, on average", console)
    console.print(_topics(plan))
    _heading("Traffic, S3 and AI services", console)
    for line in _services(plan):
        console.print(line)
    _heading("Quotas of AI services in the peak hour: jobs at a time, or calls per second", console)
    console.print(_quotas(plan))
    console.print()
    for line in _limits(plan):
        console.print(line)


def print_sources(assumed: Assumptions, measured: Measured, console: Console) -> None:
    """Print each assumption with its reason, and each measured coefficient with the file that it is from."""
    _heading("Assumptions; --assume NAME=NUMBER replaces one", console)
    table = _table("name", "value", "why")
    why = reasons()
    for name, value in values(assumed).items():
        table.add_row(name, f"{value:g}", why[name])
    console.print(table)
    _heading(f"Measured on {measured.date}, {measured.machine}", console)
    table = _table("coefficient", "value", "source")
    for name, source in SOURCES.items():
        value = getattr(measured, name)
        table.add_row(name.replace("_", " "), f"{value:g}" if isinstance(value, float) else "by stage", source)
    console.print(table)
    console.print("Prices: streams/costs/prices.toml, or HEADRACE_PRICES.")
    console.print("Quotas: AWS's defaults, or HEADRACE_SLOTS and HEADRACE_RATES.")


def _heading(text: str, console: Console) -> None:
    console.print()
    console.print(text, style="bold")


def _workload(plan: CapacityPlan) -> Iterator[str]:
    work = plan.workload
    mix = ", ".join(f"{share:.3g} {kind}" for kind, share in ((k, 100 * s) for k, s in work.mix.items()))
    yield f"{work.assets_per_day:,.0f} files a day: {short(work.assets_per_second)}/s, in the peak hour " + (
        f"{short(work.assets_per_second * work.peak)}/s"
    )
    yield f"{work.size_mb:g} MB each, {work.minutes:g} min of video or sound"
    yield f"in percent: {mix}"


def _workers(plan: CapacityPlan) -> Table:
    table = _table("stage", "records/s", "cores", "workers", "memory", "disk", "bound by")
    for each in plan.workers:
        disk = short(each.disk_mb * 1e6, "B") if each.disk_mb else "-"
        memory = short(each.memory_mb * 1e6, "B")
        row = (short(each.records_per_second), short(each.cores), short(each.workers), memory, disk, each.bound_by)
        table.add_row(each.stage, *row)
    cores, workers = sum(each.cores for each in plan.workers), sum(each.workers for each in plan.workers)
    memory = short(sum(each.memory_mb for each in plan.workers) * 1e6, "B")
    disk = short(sum(each.disk_mb for each in plan.workers) * 1e6, "B")
    table.add_row("all", "", short(cores), short(workers), memory, disk, "", style="bold")
    return table


def _topics(plan: CapacityPlan) -> Table:
    table = _table("topic", "parts", "records/s", "B/rec", "in/s", "out/s", "days", "stored")
    for each in plan.topics:
        table.add_row(
            each.topic,
            short(each.partitions),
            short(each.records_per_second),
            f"{each.record_bytes:.0f}",
            short(each.written_bytes_per_second, "B"),
            short(each.read_bytes_per_second, "B"),
            "-" if each.retention_days is None else f"{each.retention_days:g}",
            short(each.stored_bytes, "B"),
        )
    sums = (
        short(sum(each.partitions for each in plan.topics)),
        short(sum(each.records_per_second for each in plan.topics)),
        "",
        short(sum(each.written_bytes_per_second for each in plan.topics), "B"),
        short(sum(each.read_bytes_per_second for each in plan.topics), "B"),
        "",
        short(sum(each.stored_bytes for each in plan.topics), "B"),
    )
    table.add_row("all", *sums, style="bold")
    return table


def _services(plan: CapacityPlan) -> Iterator[str]:
    s3 = plan.s3
    written, read = peak_bytes_per_second(plan.topics, plan.workload)
    yield f"Kafka in the peak hour: {short(written, 'B')}/s in, {short(read, 'B')}/s out"
    counts = ", ".join(f"{short(number)} {name}" for name, number in s3.requests.items())
    yield f"S3 requests a day: {counts}"
    views = f"{short(s3.views_requests)} GetObject for the search of the views"
    yield f"  for {usd(s3.requests_usd)}; of them at most {views}"
    stored = f"{short(s3.stored_gb * 1e9, 'B')} a day"
    yield f"S3 results: {stored}; to keep those of 30 days costs {usd(s3.storage_usd_per_month)} a month"
    unknown = f", and {short(plan.unpriced)} results of unknown price" if plan.unpriced else ""
    yield f"AI services: {usd(plan.ai_usd)} a day{unknown}"


def _quotas(plan: CapacityPlan) -> Table:
    shown = [each for number, each in enumerate(plan.quotas) if each.share >= NEAR or number < SHOWN_QUOTAS]
    table = _table("service or operation", "peak", "today", "request", "backlog")
    for each in shown:
        today = "?" if each.quota is None else short(each.quota)
        request = "-" if each.request is None else f"{each.request:,}"
        table.add_row(_name(each), short(each.peak), today, request, _backlog(each))
    return table


def _name(of: QuotaPlan) -> str:
    return f"{of.name} jobs" if of.unit == JOBS else of.name


def _backlog(of: QuotaPlan) -> str:
    if of.backlog_days_per_day:
        return f"+{short(of.backlog_days_per_day)} d/day"
    return f"{short(of.hours_to_catch_up)} h" if of.hours_to_catch_up else "-"


def _limits(plan: CapacityPlan) -> Iterator[str]:
    if not plan.exceeded:
        yield "No known quota is exceeded in the peak hour."
    else:
        first = plan.exceeded[0]
        yield f"First limit: {_name(first)}, {short(first.share)} times today's {short(first.quota or 0)}."
        if first.backlog_days_per_day:
            days = first.days_of_work_per_day or 0.0
            yield f"At today's quota, the files of a day take {short(days)} days: the backlog grows."
        yield "Request the quotas above, use more Regions, or lower the need (docs/scale.md)."
    unknown = [each.name for each in plan.quotas if each.quota is None]
    if unknown:
        yield f"Not compared: {len(unknown)} operations without a known default; --json lists them."


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    texts = {"why", "source", "bound by"}
    for number, name in enumerate(columns):
        table.add_column(name, justify="left" if number < 1 or name in texts else "right", overflow="fold")
    return table
