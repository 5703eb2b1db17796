"""`headrace doctor --aws` names each denied permission: a MiniStack that enforces policies, and the AI endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.connectors.aws.client import AwsSession
from headrace.console.aws_account import dry_calls
from headrace.console.aws_account.identity import caller_identity
from headrace.console.aws_account.permission_checks import PermissionChecks, PermissionScope
from headrace.console.aws_account.required_permissions import (
    AwsResources,
    Required,
    RequiredPermission,
    required_permissions,
)
from headrace.console.check_runner import CheckResult, run_checks
from headrace.sandbox.cluster.environment import AI_SERVICES, CLOUD_SERVICES
from headrace.streams import pipeline
from tests.contract.ai import connect, http
from tests.contract.conftest import ministack
from tests.support.stages import get_stages

ACCOUNT = "000000000000"
RESOURCES = AwsResources(
    partition="aws",
    account=ACCOUNT,
    region="us-east-1",
    results_bucket="doctor-results",
    media_bucket="doctor-media",
    queue_urls=(f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/doctor",),
    jobs_topic=f"arn:aws:sns:us-east-1:{ACCOUNT}:AmazonRekognition-doctor",
    jobs_role=f"arn:aws:iam::{ACCOUNT}:role/jobs",
)
BUCKETS = (RESOURCES.media_bucket, RESOURCES.results_bucket)
NAMES = dry_calls.TrialNames(RESOURCES.media_bucket, RESOURCES.jobs_topic, RESOURCES.jobs_role)
STAGES = (*pipeline.all_stages(), *get_stages(["completed"]))
AI = {"bedrock", "comprehend", "mediaconvert", "polly", "rekognition", "textract", "transcribe", "translate"}
SIMULATE = {"Effect": "Allow", "Action": ["iam:SimulatePrincipalPolicy", "iam:GetRole"], "Resource": "*"}


@dataclass
class Account:
    """A MiniStack with enforced policies, and a user whose policy a test replaces."""

    iam: Any
    s3: Any
    ai_url: str

    def allow(self, permissions: Sequence[RequiredPermission], simulation: bool) -> None:
        """Let the user have these permissions, and simulate policies or not."""
        statements = [{"Effect": "Allow", "Action": each.action, "Resource": each.resource} for each in permissions]
        document = {"Version": "2012-10-17", "Statement": [*statements, *([SIMULATE] if simulation else [])]}
        self.iam.put_user_policy(UserName="doctor", PolicyName="all", PolicyDocument=json.dumps(document))

    def calls(self) -> list[dict[str, Any]]:
        """Return the newest calls of the AI endpoint, which other tests share."""
        return list(http(f"{self.ai_url}/ledger?limit=1000")["calls"])

    def deny_ai(self, action: str) -> None:
        """Let the AI endpoint deny an operation, and no other one."""
        http(f"{self.ai_url}/faults", "DELETE")
        for name in ("InvokeModel", "Converse") if action == "bedrock:InvokeModel" else (action.partition(":")[2],):
            http(f"{self.ai_url}/faults", "POST", {"operation": name, "kind": "deny"})


@pytest.fixture(scope="module")
def account(ai_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with (
        ministack(tmp_path_factory.mktemp("enforced") / "log", AUTH="true") as url,
        pytest.MonkeyPatch.context() as patch,
    ):
        s3, sqs, iam = (connect(name, url) for name in ("s3", "sqs", "iam"))
        for bucket in BUCKETS:
            s3.create_bucket(Bucket=bucket)
        sqs.create_queue(QueueName="doctor")
        iam.create_user(UserName="doctor")
        key = iam.create_access_key(UserName="doctor")["AccessKey"]
        variables = {f"AWS_ENDPOINT_URL_{name}": url for name in CLOUD_SERVICES}
        variables |= {f"AWS_ENDPOINT_URL_{name}": ai_url for name in AI_SERVICES}
        variables |= {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        for name, value in {**variables, "AWS_DEFAULT_REGION": "us-east-1"}.items():
            patch.setenv(name, value)
        yield Account(iam, s3, ai_url)
        http(f"{ai_url}/faults", "DELETE")


@pytest.fixture(scope="module")
def aws(account: Account) -> AwsSession:
    """Clients of the user. They have no state that depends on its policy."""
    return AwsSession()


@pytest.fixture(scope="module")
def required() -> Required:
    found = required_permissions(RESOURCES, STAGES, ())
    return {each: components for each, components in found.items() if not each.principal}


def failed(aws: AwsSession, required: Required) -> dict[str, CheckResult]:
    """Check as the user, and return the results that are not `ok` by action."""
    scope = PermissionScope(caller_identity(aws, lambda: datetime.now(UTC)), NAMES, RESOURCES.region)
    results = run_checks(PermissionChecks(aws, required, scope).checks())
    return {each.part.partition(" ")[0]: each for each in results if not each.ok}


def test_simulation_names_each_denied_permission(account: Account, aws: AwsSession, required: Required) -> None:
    account.allow(list(required), simulation=True)
    assert failed(aws, required) == {}
    for action in sorted({each.action for each in required}):
        account.allow([each for each in required if each.action != action], simulation=True)
        others = next(each for each in required if each.action != action)
        checked = {each: names for each, names in required.items() if each.action == action or each == others}
        [found] = failed(aws, checked).items()
        assert (found[0], found[1].ok) == (action, False)


def test_dry_calls_name_each_denied_permission_and_change_nothing(
    account: Account, aws: AwsSession, required: Required
) -> None:
    newest = max((call["id"] for call in account.calls()), default=0)
    account.allow(list(required), simulation=False)
    http(f"{account.ai_url}/faults", "DELETE")
    untried = {each.action for each in required if dry_calls.dry_call(each.action) is None}
    results = failed(aws, required)
    assert results.keys() - {"policy"} == untried
    assert {each.ok for each in results.values()} == {None}, "a permission that no call shows is not a failure"
    assert "iam:SimulatePrincipalPolicy" in results["policy"].message
    for action in sorted({each.action for each in required} - untried):
        if action.partition(":")[0] in AI:
            account.deny_ai(action)
        else:
            account.allow([each for each in required if each.action != action], simulation=False)
        checked = {each: names for each, names in required.items() if each.action == action}
        assert {name for name, result in failed(aws, checked).items() if result.ok is False} == {action}
    assert [call for call in account.calls() if call["took_effect"] and call["id"] > newest] == []
    assert [account.s3.list_objects_v2(Bucket=each)["KeyCount"] for each in BUCKETS] == [0, 0]


def test_untried_permissions_are_those_without_a_harmless_call(required: Required) -> None:
    untried = {each.action for each in required if dry_calls.dry_call(each.action) is None}
    assert untried == {
        "bedrock:GetDataAutomationStatus",
        "bedrock:InvokeDataAutomationAsync",
        "iam:PassRole",
        "mediaconvert:CreateJob",
        "polly:StartSpeechSynthesisTask",
        "rekognition:CreateCollection",
        "rekognition:DescribeProjectVersions",
        "rekognition:DetectCustomLabels",
        "s3:DeleteObject",  # in a bucket with versions, the deletion of no object leaves a marker
        "sns:Publish",
        "sqs:ReceiveMessage",
    }
