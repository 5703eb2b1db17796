"""All checks of an account in order, and the command that prints them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from headrace.connectors.aws.client import AwsCallError
from headrace.console import aws as console_aws
from headrace.console.app.main import app
from headrace.console.aws_account import checks
from headrace.console.aws_account.checks import AccountPlan, run_account_checks
from headrace.console.check_runner import CheckResult
from tests.support.stages import get_stages
from tests.unit.console.aws_account.fake_account import ACCOUNT, QUEUE, FakeAccount, denied
from tests.unit.console.aws_account.test_delivery import ADMITS, REDRIVE

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
PLAN = AccountPlan(get_stages(["thumbnails"]), ())


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "RESULTS_BUCKET": "results",
        "MEDIA_BUCKET": "media",
        "QUEUE_URLS": f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/events",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"HEADRACE_{name}", value)
    monkeypatch.setattr(console_aws, "region", lambda _: "eu-central-1")


def evaluated(parameters: dict[str, Any]) -> dict[str, Any]:
    results = [{"EvalActionName": each, "EvalDecision": "allowed"} for each in parameters["ActionNames"]]
    return {"EvaluationResults": results}


def account(date: str = "Mon, 01 Jun 2026 12:00:00 GMT") -> FakeAccount:
    attributes = {"Policy": json.dumps({"Statement": ADMITS}), "RedrivePolicy": REDRIVE}
    queue = {"QueueArn": QUEUE, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
    return FakeAccount(
        {
            "sts.get_caller_identity": {
                "Arn": f"arn:aws:iam::{ACCOUNT}:user/ann",
                "Account": ACCOUNT,
                "ResponseMetadata": {"HTTPHeaders": {"date": date}},
            },
            "s3.get_bucket_location": {"LocationConstraint": "eu-central-1"},
            "iam.simulate_principal_policy": evaluated,
            "sqs.get_queue_attributes": {"Attributes": attributes},
            "s3.get_bucket_notification_configuration": {"QueueConfigurations": [queue]},
        }
    )


def results(aws: FakeAccount, plan: AccountPlan = PLAN) -> dict[str, CheckResult]:
    return {each.part: each for each in run_account_checks(aws, plan, lambda: NOW)}


def test_complete_account_passes() -> None:
    found = results(account())
    assert {part for part, each in found.items() if not each.ok} == set()
    expected = {"identity", "clock", "policy simulation", "queue events", "bucket notification"}
    assert expected | {"s3:PutObject on arn:aws:s3:::results/*", "sqs in eu-central-1"} <= found.keys()


def test_only_the_identity_is_checked_without_credentials() -> None:
    aws = FakeAccount({"sts.get_caller_identity": AwsCallError("Unable to locate credentials")})
    assert [(part, each.ok) for part, each in results(aws).items()] == [("identity", False)]


def test_wrong_clock_fails() -> None:
    assert results(account("Mon, 01 Jun 2026 11:54:00 GMT"))["clock"].ok is False
    assert results(account("Mon, 01 Jun 2026 11:56:00 GMT"))["clock"].ok


def test_permissions_are_restricted_to_components() -> None:
    found = results(account(), AccountPlan(PLAN.stages, (), components=["bridge"]))
    permissions = [part for part in found if " on arn:" in part]
    assert len(permissions) == 4
    assert all(part.startswith("sqs:") for part in permissions)


def test_named_role_is_simulated_and_never_tried() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/worker"
    aws = account()
    results(aws, AccountPlan(PLAN.stages, (), role=role))
    assert {sent["PolicySourceArn"] for name, sent in aws.calls if "simulate" in name} == {role}
    aws = account()
    aws.answers["iam.simulate_principal_policy"] = denied("iam:SimulatePrincipalPolicy")
    found = results(aws, AccountPlan(PLAN.stages, (), role=role))
    assert found["s3:PutObject on arn:aws:s3:::results/*"].ok is None
    assert "s3.put_object" not in dict(aws.calls)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[CheckResult]:
    listed = [CheckResult("identity", True, "arn"), CheckResult("s3:GetObject", False, "no policy", "allow it")]
    monkeypatch.setattr(checks, "run_account_checks", lambda *_: iter(listed))
    return listed


def test_command_prints_a_line_per_check_and_the_remedy_of_a_failure(served: list[CheckResult]) -> None:
    result = CliRunner().invoke(app, ["doctor", "--aws"])
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "ok     identity: arn",
        "failed s3:GetObject: no policy",
        "       -> allow it",
    ]


def test_command_prints_one_json_object(served: list[CheckResult]) -> None:
    result = CliRunner().invoke(app, ["doctor", "--aws", "--json"])
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["failures"] == 1
    assert found["checks"][1] == {"part": "s3:GetObject", "ok": False, "message": "no policy", "remedy": "allow it"}
    served.pop()
    assert CliRunner().invoke(app, ["doctor", "--aws", "--json"]).exit_code == 0


def test_command_rejects_unknown_components_and_options_without_aws(served: list[CheckResult]) -> None:
    result = CliRunner().invoke(app, ["doctor", "--aws", "--component", "nothing"])
    assert "no component nothing; there are bridge, thumbnails" in result.output
    result = CliRunner().invoke(app, ["doctor", "--role", "arn:aws:iam::1:role/r"])
    assert "--component, --machine and --role need --aws" in result.output
