"""The identity of the caller, the ARN whose policies are simulated, and the clock."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from headrace.connectors.aws.client import AwsCallError
from headrace.console.aws_account.identity import CallerIdentity, caller_identity, describe_skew, policy_source
from tests.unit.console.aws_account.fake_account import ACCOUNT, FakeAccount, denied

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
USER = f"arn:aws:iam::{ACCOUNT}:user/ann"
SESSION = f"arn:aws-cn:sts::{ACCOUNT}:assumed-role/worker/session"


def answered(arn: str, date: str = "Mon, 01 Jun 2026 12:00:00 GMT") -> FakeAccount:
    metadata = {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}
    return FakeAccount({"sts.get_caller_identity": {"Arn": arn, "Account": ACCOUNT, **metadata}})


def identity(arn: str) -> CallerIdentity:
    return CallerIdentity(arn, ACCOUNT, "aws", 0.0)


def test_identity_has_partition_and_skew() -> None:
    found = caller_identity(answered(SESSION, "Mon, 01 Jun 2026 11:59:30 GMT"), lambda: NOW)
    assert (found.partition, found.account, found.skew_seconds) == ("aws-cn", ACCOUNT, 30.0)
    assert describe_skew(30.0) == "this machine's clock is 30 s ahead of AWS"
    assert describe_skew(-4.2) == "this machine's clock is 4 s behind AWS"


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 01 Jun 2026 12:00:00"])
def test_skew_is_unknown_without_a_valid_date(date: str) -> None:
    assert caller_identity(answered(USER, date), lambda: NOW).skew_seconds is None


def test_rejected_signature_names_the_wrong_clock() -> None:
    response = {
        "Error": {"Code": "SignatureDoesNotMatch", "Message": "expired"},
        "ResponseMetadata": {"HTTPHeaders": {"date": "Mon, 01 Jun 2026 10:00:00 GMT"}},
    }
    error = AwsCallError("Signature expired", "SignatureDoesNotMatch")
    error.__cause__ = ClientError(response, "GetCallerIdentity")  # type: ignore[arg-type]
    with pytest.raises(AwsCallError, match=r"Signature expired; this machine's clock is 7200 s ahead of AWS"):
        caller_identity(FakeAccount({"sts.get_caller_identity": error}), lambda: NOW)


@pytest.mark.parametrize(
    ("arn", "source"),
    [
        (USER, USER),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/s", f"arn:aws:iam::{ACCOUNT}:role/worker"),
        (f"arn:aws:iam::{ACCOUNT}:root", None),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/ann", None),
    ],
)
def test_policies_of_users_and_roles_are_simulated(arn: str, source: str | None) -> None:
    assert policy_source(FakeAccount({"iam.get_role": denied("iam:GetRole")}), identity(arn)) == source


def test_path_of_a_role_is_read_from_iam() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/apps/worker"
    aws = FakeAccount({"iam.get_role": {"Role": {"Arn": arn}}})
    assert policy_source(aws, identity(f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/s")) == arn
