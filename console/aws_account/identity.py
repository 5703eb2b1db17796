"""The identity of the caller, and the clock of AWS beside that of this machine."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from headrace.connectors.aws.client import AwsCallError, AwsSession

MAX_SKEW_SECONDS = 300
"""AWS rejects signatures that are older. Source: IAM User Guide, "AWS Signature Version 4 for API requests"."""

_ASSUMED_ROLE = re.compile(r"arn:([\w-]+):sts::(\d{12}):assumed-role/([\w+=,.@-]+)/.*")


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """The caller's ARN, its parts, and the seconds by which this machine's clock is ahead of AWS."""

    arn: str
    account: str
    partition: str
    skew_seconds: float | None

    @property
    def is_root(self) -> bool:
        """Return whether this is the root user, whose permissions no policy of the account limits."""
        return self.arn.endswith(":root")


def caller_identity(aws: AwsSession, now: Callable[[], datetime]) -> CallerIdentity:
    """Return the identity of the caller. STS answers this call without any permission.

    Raises:
        AwsCallError: there are no credentials, they are invalid, or STS does not answer.
    """
    try:
        answer = aws.call_with_retries("sts", "get_caller_identity")
    except AwsCallError as error:
        response = getattr(error.__cause__, "response", {})
        skew = _skew(response, now())
        if skew is not None and abs(skew) > MAX_SKEW_SECONDS:
            raise AwsCallError(f"{error}; {describe_skew(skew)}", error.code) from error
        raise
    return CallerIdentity(answer["Arn"], answer["Account"], answer["Arn"].split(":")[1], _skew(answer, now()))


def describe_skew(seconds: float) -> str:
    """Describe how far the clock of this machine is from that of AWS."""
    return f"this machine's clock is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} AWS"


def policy_source(aws: AwsSession, identity: CallerIdentity) -> str | None:
    """Return the ARN whose policies apply to the caller; None if policies cannot be simulated for it.

    The ARN of a session has no path, so the path of its role is read from IAM where that is permitted.
    """
    if match := _ASSUMED_ROLE.fullmatch(identity.arn):
        partition, account, name = match.groups()
        try:
            return str(aws.call_with_retries("iam", "get_role", RoleName=name)["Role"]["Arn"])
        except AwsCallError:
            return f"arn:{partition}:iam::{account}:role/{name}"
    return identity.arn if ":user/" in identity.arn else None


def _skew(response: dict[str, Any], now: datetime) -> float | None:
    """Return the seconds by which `now` is ahead of the Date header; None without a valid one."""
    date = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    try:
        return (now - parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError):  # a missing header, or one without a time zone
        return None
