"""The least that must be allowed, as IAM writes it. Source: IAM User Guide, "The confused deputy problem"."""

from __future__ import annotations

from typing import Any

from headrace.connectors.bridge_sources.config import QueueSource, SourcesConfig
from headrace.connectors.bridge_sources.requirements import AllowedSender, allowed_senders

PolicyDocument = dict[str, Any]

VERSION = "2012-10-17"
EMPTIES = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes")

_SIDS = {"s3.amazonaws.com": "FromS3", "sns.amazonaws.com": "FromSNS", "events.amazonaws.com": "FromEventBridge"}


def policies(sources: SourcesConfig) -> PolicyDocument:
    """Give all of them: `bridge` is for the bridge's role, `queues` has by URL what each queue needs itself."""
    return {
        "bridge": bridge_policy(sources),
        "queues": {each.url: queue_policy(sources, each) for each in sources.queue},
    }


def bridge_policy(sources: SourcesConfig) -> PolicyDocument:
    """Allow to empty the queues of the file, and nothing else."""
    statements: list[PolicyDocument] = [
        {
            "Sid": "EmptyQueues",
            "Effect": "Allow",
            "Action": list(EMPTIES),
            "Resource": [sources.queue_arn(each) for each in sources.queue],
        }
    ]
    keys = sorted({each.kms for each in sources.queue if each.kms})
    if keys:
        statements.append({"Sid": "ReadEncrypted", "Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": keys})
    return {"Version": VERSION, "Statement": statements}


def queue_policy(sources: SourcesConfig, queue: QueueSource) -> PolicyDocument:
    """Allow the services that the queue carries events of to send to it, for the named resources alone."""
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
    """Name who must own the resource. Only the ARN of a bucket leaves that open, and a name can change hands.

    Where the ARN says it, a service that does not send the key must not be locked out.
    """
    if sender.principal == "s3.amazonaws.com":
        return {"StringEquals": {"aws:SourceAccount": account}}
    accounts = sorted({arn.split(":")[4] for arn in sender.arns})
    return {"StringEqualsIfExists": {"aws:SourceAccount": accounts}}
