"""Minimal IAM policies. Source: IAM User Guide, "The confused deputy problem"."""

from __future__ import annotations

from typing import Any

from headrace.connectors.bridge_sources.config import QueueSource, SourcesConfig
from headrace.connectors.bridge_sources.requirements import AllowedSender, allowed_senders

PolicyDocument = dict[str, Any]

VERSION = "2012-10-17"
QUEUE_ACTIONS = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes")

_SIDS = {"s3.amazonaws.com": "FromS3", "sns.amazonaws.com": "FromSNS", "events.amazonaws.com": "FromEventBridge"}


def policies(sources: SourcesConfig) -> PolicyDocument:
    """Return all policies: `bridge` for the role of the bridge, `queues` by URL for the queues."""
    return {
        "bridge": bridge_policy(sources),
        "queues": {each.url: queue_policy(sources, each) for each in sources.queue},
    }


def bridge_policy(sources: SourcesConfig) -> PolicyDocument:
    """Allow receiving and deleting from the queues of the file, and nothing else."""
    statements: list[PolicyDocument] = [
        {
            "Sid": "EmptyQueues",
            "Effect": "Allow",
            "Action": list(QUEUE_ACTIONS),
            "Resource": [sources.queue_arn(each) for each in sources.queue],
        }
    ]
    keys = sorted({each.kms for each in sources.queue if each.kms})
    if keys:
        statements.append({"Sid": "ReadEncrypted", "Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": keys})
    return {"Version": VERSION, "Statement": statements}


def queue_policy(sources: SourcesConfig, queue: QueueSource) -> PolicyDocument:
    """Allow the services that send to the queue to do so, for the named resources only."""
    arn = sources.queue_arn(queue)
    return {
        "Version": VERSION,
        "Statement": [_may_send(each, arn, sources.account) for each in allowed_senders(sources, queue)],
    }


def _may_send(sender: AllowedSender, queue_arn: str, account: str) -> PolicyDocument:
    return {
        "Sid": _SIDS[sender.principal],
        "Effect": "Allow",
        "Principal": {"Service": sender.principal},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": list(sender.arns)}, **_owner(sender, account)},
    }


def _owner(sender: AllowedSender, account: str) -> PolicyDocument:
    """Restrict the account that owns the sending resource.

    A bucket ARN has no account, and another account can reuse the name of a deleted bucket. Other ARNs name the
    account, so a service that sends no `aws:SourceAccount` stays allowed.
    """
    if sender.principal == "s3.amazonaws.com":
        return {"StringEquals": {"aws:SourceAccount": account}}
    accounts = sorted({arn.split(":")[4] for arn in sender.arns})
    return {"StringEqualsIfExists": {"aws:SourceAccount": accounts}}
