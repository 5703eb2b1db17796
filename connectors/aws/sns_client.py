"""SNS calls of the webhook."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError


class SubscriptionNotConfirmedError(Exception):
    """SNS did not confirm a subscription; the text is the error code, never the token."""


def confirm_subscription(topic_arn: str, token: str) -> None:
    """Confirm a subscription. Unsubscribing then requires AWS credentials, not only the URL.

    Raises `SubscriptionNotConfirmedError`. Source: Amazon SNS API Reference, "ConfirmSubscription".
    """
    config = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1, "mode": "standard"})
    try:
        # A session per call: the default session of boto3 is not thread-safe.
        sns: Any = boto3.Session().client("sns", region_name=topic_arn.split(":")[3], config=config)
        sns.confirm_subscription(TopicArn=topic_arn, Token=token, AuthenticateOnUnsubscribe="true")
    except ClientError as error:
        raise SubscriptionNotConfirmedError(error.response.get("Error", {}).get("Code", "ClientError")) from None
    except (BotoCoreError, ResponseParserError, ValueError) as error:
        raise SubscriptionNotConfirmedError(type(error).__name__) from None
