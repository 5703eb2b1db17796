"""Check that each service is available in the region, and that the buckets are in it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from headrace.console import aws as console_aws
from headrace.console.aws_account.account_reader import AccountReader
from headrace.console.aws_account.required_permissions import AwsResources
from headrace.console.check_runner import DoctorCheck, Skipped
from headrace.console.errors import CommandError

READERS_OF_MEDIA = ("rekognition", "textract", "transcribe")
"""Services that read objects only from buckets of their own region."""


def region_checks(reader: AccountReader, resources: AwsResources, services: Iterable[str]) -> list[DoctorCheck]:
    """Return a check for each service, and for the region of each bucket."""
    named = sorted(set(services))
    remedy = f"set AWS_REGION to a region that has it, or disable its stages; now {resources.region}"
    checks = [
        DoctorCheck(f"{each} in {resources.region}", partial(_available, resources, each), remedy) for each in named
    ]
    buckets = {"media": resources.media_bucket, "results": resources.results_bucket}
    readers = [each for each in READERS_OF_MEDIA if each in named]
    for kind, bucket in buckets.items():
        if bucket:
            run = partial(_bucket_region, reader, bucket, readers if kind == "media" else [])
            checks.append(DoctorCheck(f"region of the {kind} bucket", run, "set AWS_REGION to that of the bucket"))
    return checks


def _available(resources: AwsResources, service: str) -> str:
    regions = console_aws.regions_of(service, resources.partition)
    if not regions:
        raise Skipped("botocore lists no regions of this service")
    if resources.region not in regions:
        raise CommandError(f"botocore lists it in {', '.join(sorted(regions))}")
    return "listed by botocore"


def _bucket_region(reader: AccountReader, bucket: str, readers: list[str]) -> str:
    answer = reader.read("s3", "get_bucket_location", Bucket=bucket)
    found = answer.get("LocationConstraint") or "us-east-1"
    found = "eu-west-1" if found == "EU" else found
    if found != reader.region and readers:
        raise CommandError(
            f"{bucket} is in {found}; {', '.join(readers)} read only buckets of their region, {reader.region}"
        )
    return f"{bucket} is in {found}"
