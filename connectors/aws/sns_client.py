"""Calls to SNS."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError


class SubscriptionNotConfirmedError(Exception):
    """SNS did not confirm a subscription; the text names its reason, and never the token."""


def confirm_subscription(topic_arn: str, token: str) -> None:
    """Begin to receive what a topic publishes. From then on only who is signed in can end it, not who knows an address.

    Raises `NotConfirmed`. Source: Amazon SNS API Reference, "ConfirmSubscription".
    """
    config = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 1, "mode": "standard"})
    try:
        # A session of its own, because the one that boto3 keeps is not for several threads.
        sns: Any = boto3.Session().client("sns", region_name=topic_arn.split(":")[3], config=config)
        sns.confirm_subscription(TopicArn=topic_arn, Token=token, AuthenticateOnUnsubscribe="true")
    except ClientError as error:
        raise SubscriptionNotConfirmedError(error.response.get("Error", {}).get("Code", "ClientError")) from None
    except (BotoCoreError, ResponseParserError, ValueError) as error:
        raise SubscriptionNotConfirmedError(type(error).__name__) from None
