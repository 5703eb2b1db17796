"""Quotas of the account beside the configured slots and rates, and regions."""

from __future__ import annotations

from typing import Any

from headrace.connectors.aws.client import AwsCallError
from headrace.console.aws_account.account_reader import AccountReader
from headrace.console.aws_account.quotas import quota_checks
from headrace.console.aws_account.regions import region_checks
from headrace.console.check_runner import CheckResult, run_checks
from headrace.streams.settings import StreamSettings
from tests.support.stages import get_stages
from tests.unit.console.aws_account.fake_account import RESOURCES, FakeAccount, denied

JOBS = "Maximum number of concurrent stored video jobs per account"
RATE = "Transactions per second per account for the Amazon Rekognition Image data plane operation: DetectLabels"


def checked(default: dict[str, float], applied: dict[str, float], **settings: Any) -> dict[str, CheckResult]:
    def page(quotas: dict[str, float]) -> dict[str, Any]:
        return {"Quotas": [{"QuotaName": name, "Value": value} for name, value in quotas.items()]}

    aws = FakeAccount(
        {
            "service-quotas.list_aws_default_service_quotas": page(default),
            "service-quotas.list_service_quotas": page(applied),
        }
    )
    stages = get_stages(["labels", "moderation"])
    checks = quota_checks(AccountReader(aws, "eu-central-1"), stages, StreamSettings(results_bucket="r", **settings))
    return {each.part: each for each in run_checks(checks)}


def test_quota_below_the_configured_jobs_fails() -> None:
    found = checked({JOBS: 20.0}, {JOBS: 5.0})["quota of rekognition jobs"]
    assert (found.ok, found.message) == (False, "configured: 20 concurrent jobs; quota: 5")
    assert "HEADRACE_SLOTS" in found.remedy


def test_raised_quota_allows_more_slots() -> None:
    assert checked({JOBS: 20.0}, {JOBS: 60.0}, slots="labels=40")["quota of rekognition jobs"].ok
    assert checked({JOBS: 20.0}, {}, slots="labels=40")["quota of rekognition jobs"].ok is False


def test_rate_above_the_quota_of_its_operation_fails() -> None:
    other = RATE.replace("DetectLabels", "DetectModerationLabels")
    found = checked({RATE: 50.0, other: 5.0, JOBS: 20.0}, {}, rates="rekognition.detect_labels=60")
    assert found["quota of rekognition.detect_labels"].message == "configured: 60 calls/s; quota: 50"
    assert found["quota of rekognition.detect_labels"].ok is False


def test_quota_of_another_name_is_skipped() -> None:
    found = checked({"Something else": 1.0}, {}, rates="rekognition.detect_labels=60")
    assert [each.ok for each in found.values()] == [None, None]


def test_denied_listing_is_no_failure() -> None:
    name = "service-quotas.list_aws_default_service_quotas"
    aws = FakeAccount({name: denied("servicequotas:ListAWSDefaultServiceQuotas")})
    checks = quota_checks(
        AccountReader(aws, "eu-central-1"), get_stages(["labels"]), StreamSettings(results_bucket="results")
    )
    [found] = run_checks(checks)
    assert found.ok is None
    assert "ListAWSDefaultServiceQuotas" in found.message


def regions(location: str | None, services: list[str], region: str = "eu-central-1") -> dict[str, CheckResult]:
    aws = FakeAccount({"s3.get_bucket_location": {"LocationConstraint": location}})
    resources = type(RESOURCES)("aws", RESOURCES.account, region, "results", "media")
    return {each.part: each for each in run_checks(region_checks(AccountReader(aws, region), resources, services))}


def test_service_outside_of_the_region_fails() -> None:
    found = regions("af-south-1", ["rekognition", "s3"], "af-south-1")
    assert found["s3 in af-south-1"].ok
    assert found["rekognition in af-south-1"].ok is False
    assert "eu-central-1" in found["rekognition in af-south-1"].message


def test_media_bucket_of_another_region_fails_for_services_that_read_it() -> None:
    found = regions(None, ["rekognition"])
    assert found["region of the media bucket"].ok is False
    assert "media is in us-east-1; rekognition read only" in found["region of the media bucket"].message
    assert found["region of the results bucket"].ok
    assert regions(None, ["comprehend"])["region of the media bucket"].ok


def test_missing_bucket_is_a_failure() -> None:
    aws = FakeAccount({"s3.get_bucket_location": AwsCallError("no such bucket", "NoSuchBucket")})
    checks = region_checks(AccountReader(aws, "eu-central-1"), RESOURCES, [])
    assert [each.ok for each in run_checks(checks)] == [False, False]
