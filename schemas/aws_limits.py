"""Limits of AWS that Headrace relies on, each with the page that states it. Update them here when AWS raises one."""

from __future__ import annotations

MIB = 2**20

SQS_MESSAGE_BYTES = MIB
"""Also the total of a batch.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""
SNS_MESSAGE_BYTES = MIB
"""Also the total of a batch. Source: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""
EVENTBRIDGE_ENTRY_BYTES = MIB
"""Also the total of a call.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
"""
LAMBDA_ASYNC_BYTES = MIB
"""Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
LAMBDA_SYNC_BYTES = 6 * MIB
"""Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
BATCH_ENTRIES = 10
"""Entries in a batch of SQS, SNS and EventBridge, and messages of a receive call.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""
SQS_VISIBILITY_SECONDS = 43_200
"""Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"""
FIFO_GROUP_CHARACTERS = 128
"""Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"""
S3_OBJECT_BYTES = 50 * 2**40
"""Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html"""
