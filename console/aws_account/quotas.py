"""Compare the configured concurrent jobs and call rates with the quotas of the account.

Quotas are found by words of their names, which are those of the page "endpoints and quotas" of each service in the AWS
General Reference. A service whose quotas have other names is skipped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial

from headrace.console.aws_account.account_reader import AccountReader
from headrace.console.aws_account.component_permissions import iam_action
from headrace.console.check_runner import DoctorCheck, Skipped
from headrace.console.errors import CommandError
from headrace.schemas.jobs import DATA_AUTOMATION
from headrace.streams.limits.job_quotas import quotas
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage

CONCURRENT_NAMES: Mapping[str, str] = {
    "rekognition": "concurrent stored video jobs",
    "transcribe": "concurrent batch transcription jobs",
    "textract": "asynchronous jobs per account that can simultaneously exist",
    "mediaconvert": "concurrent jobs",
    DATA_AUTOMATION: "invokedataautomationasync - video - max number of concurrent jobs",
}
"""Words in the name of each service's quota of jobs that run at the same time. Polly has none in Service Quotas."""

_PER_SECOND = re.compile(r"\btransactions per second\b|\btps\b|\bper second\b", re.IGNORECASE)
_SERVICES = {"bedrock-runtime": "bedrock", DATA_AUTOMATION: "bedrock"}


def quota_checks(reader: AccountReader, stages: Sequence[Stage], settings: StreamSettings) -> list[DoctorCheck]:
    """Return a check for each service with jobs, and for each configured rate."""
    configured = quotas(stages, settings.slots, reader.region)
    jobs: dict[str, int] = {}
    for pool, limit in configured.limits.items():
        services = {each.job.service for each in stages if each.job and configured.pools.get(each.name) == pool}
        jobs |= {service: jobs.get(service, 0) + limit for service in services}
    listed: dict[str, Mapping[str, float]] = {}
    remedy = "request a higher quota in Service Quotas, or lower {}"
    of_jobs = (
        (f"{service} jobs", partial(_jobs, reader, listed, service, number), remedy.format("HEADRACE_SLOTS"))
        for service, number in sorted(jobs.items())
    )
    of_rates = (
        (name, partial(_rate, reader, listed, name, rate), remedy.format("HEADRACE_RATES"))
        for name, rate in sorted(settings.rates.items())
    )
    return [DoctorCheck(f"quota of {part}", run, fix) for part, run, fix in (*of_jobs, *of_rates)]


def _jobs(reader: AccountReader, listed: dict[str, Mapping[str, float]], service: str, configured: int) -> str:
    words = CONCURRENT_NAMES.get(service)
    found = [value for name, value in _quotas(reader, listed, service).items() if words and words in name.lower()]
    if not found:
        raise Skipped(f"Service Quotas has no quota of concurrent {service} jobs; the configuration has {configured}")
    return _compared(configured, max(found), "concurrent jobs")


def _rate(reader: AccountReader, listed: dict[str, Mapping[str, float]], name: str, configured: float) -> str:
    service, _, method = name.partition(".")
    operation = re.compile(rf"\b{iam_action(service, method).partition(':')[2]}\b")
    known = _quotas(reader, listed, service).items()
    found = [value for quota, value in known if operation.search(quota) and _PER_SECOND.search(quota)]
    if not found:
        raise Skipped(f"Service Quotas has no rate of {name}; HEADRACE_RATES has {configured:g} calls/s")
    return _compared(configured, max(found), "calls/s")


def _compared(configured: float, quota: float, unit: str) -> str:
    text = f"configured: {configured:g} {unit}; quota: {quota:g}"
    if configured > quota:
        raise CommandError(text)
    return text


def _quotas(reader: AccountReader, listed: dict[str, Mapping[str, float]], service: str) -> Mapping[str, float]:
    """Return the quotas of a service by name. The account's own values replace AWS's defaults."""
    if service not in listed:
        code = _SERVICES.get(service, service)
        operations = ("list_aws_default_service_quotas", "list_service_quotas")
        answers = [
            page for name in operations for page in reader.pages("service-quotas", name, "NextToken", ServiceCode=code)
        ]
        listed[service] = {each["QuotaName"]: each["Value"] for page in answers for each in page.get("Quotas", ())}
    return listed[service]
