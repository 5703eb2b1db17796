"""Scenarios of SQS: batches and their errors, messages and their attributes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.contract.fidelity.local_aws import LocalAws, error_of
from tests.contract.fidelity.scenario import Answers, Scenario

MIB = 2**20


def refused(call: str, fifo: bool = False, **parameters: Any) -> Callable[[LocalAws], Any]:
    """Return a function that calls an operation on a new queue and returns the error."""

    def run(aws: LocalAws) -> Any:
        queue = aws.queue(**({"FifoQueue": "true"} if fifo else {}))
        return error_of(getattr(aws.client("sqs"), call), QueueUrl=queue.url, **parameters)

    return run


def rejection(test: str, operation: str, answer: str, run: Callable[[LocalAws], Any]) -> Scenario:
    """Return a scenario of one rejected call."""
    return Scenario("sqs", test, (f"sqs:{operation}",), (answer,), lambda aws: {answer: run(aws)})


def entries(count: int, body: str = "message", **members: Any) -> list[dict[str, Any]]:
    """Return the entries of a SendMessageBatch call."""
    return [{"Id": str(number), "MessageBody": body, **members} for number in range(count)]


def handles(count: int, **members: Any) -> list[dict[str, Any]]:
    """Return entries with receipt handles."""
    return [{"Id": str(number), "ReceiptHandle": "AQEB", **members} for number in range(count)]


def partly_sent(aws: LocalAws) -> Answers:
    """Send a batch of which one message is too large for the queue."""
    queue = aws.queue(MaximumMessageSize="1024")
    batch = [*entries(1, "a" * 1025), {"Id": "ok", "MessageBody": "short"}]
    return {"send-message-batch-result": aws.client("sqs").send_message_batch(QueueUrl=queue.url, Entries=batch)}


def empty(aws: LocalAws) -> Answers:
    """Receive from an empty queue."""
    sqs, queue = aws.client("sqs"), aws.queue()
    return {
        "empty_short_poll_resp": sqs.receive_message(QueueUrl=queue.url, WaitTimeSeconds=0),
        "empty_long_poll_resp": sqs.receive_message(QueueUrl=queue.url, WaitTimeSeconds=1),
    }


def with_attributes(aws: LocalAws) -> Answers:
    """Receive a message with all its attributes, and with one."""
    sqs, queue = aws.client("sqs"), aws.queue()
    marked = {"Foo": {"DataType": "String", "StringValue": "Bar"}}
    sqs.send_message(QueueUrl=queue.url, MessageBody="msg", MessageAttributes=marked)
    receive = partial(sqs.receive_message, QueueUrl=queue.url, VisibilityTimeout=0)
    return {
        "all_attributes": receive(AttributeNames=["All"]),
        "all_system_and_message_attributes": receive(AttributeNames=["All"], MessageAttributeNames=["All"]),
        "single_attribute": receive(AttributeNames=["SenderId"]),
    }


def ordered(aws: LocalAws) -> Answers:
    """Send to a FIFO queue and receive twice."""
    sqs, queue = aws.client("sqs"), aws.queue(FifoQueue="true", VisibilityTimeout="0")
    named = {"MessageGroupId": "group-1", "MessageDeduplicationId": "dedup-1"}
    sent = sqs.send_message(QueueUrl=queue.url, MessageBody="message-body-1", **named)
    receive = partial(sqs.receive_message, QueueUrl=queue.url, AttributeNames=["All"])
    return {"send_message": sent, "receive_message_0": receive(), "receive_message_1": receive()}


def missing_queue(aws: LocalAws) -> Answers:
    """Ask for the URL of a queue that does not exist, and for its attributes."""
    sqs, queue = aws.client("sqs"), aws.queue()
    url = f"{queue.url}-missing"
    return {
        "queue-does-not-exist": error_of(sqs.get_queue_url, QueueName="no-such-queue"),
        "queue-does-not-exist-url": error_of(sqs.get_queue_attributes, QueueUrl=url),
    }


def described(aws: LocalAws) -> Answers:
    """Read the attributes of a queue."""
    queue = aws.queue(MessageRetentionPeriod="604800", ReceiveMessageWaitTimeSeconds="10", VisibilityTimeout="20")
    return {"get_queue_attributes": aws.client("sqs").get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])}


SCENARIOS = (
    rejection(
        "test_too_many_entries_in_batch_request[sqs]",
        "SendMessageBatch",
        "test_too_many_entries_in_batch_request",
        refused("send_message_batch", Entries=entries(20)),
    ),
    rejection(
        "test_invalid_batch_id[sqs]",
        "SendMessageBatch",
        "test_invalid_batch_id",
        refused("send_message_batch", Entries=[{"Id": "invalid:id", "MessageBody": "message"}]),
    ),
    rejection(
        "test_send_message_batch_with_oversized_contents[sqs]",
        "SendMessageBatch",
        "send_oversized_message_batch",
        refused("send_message_batch", Entries=[*entries(1, "a" * MIB), {"Id": "last", "MessageBody": "b"}]),
    ),
    rejection(
        "test_send_oversized_message[sqs]",
        "SendMessage",
        "send_oversized_message",
        refused("send_message", MessageBody="a" * (MIB + 1)),
    ),
    rejection(
        "test_send_empty_message[sqs]",
        "SendMessage",
        "send_empty_message",
        refused("send_message", MessageBody=""),
    ),
    rejection(
        "test_send_batch_missing_deduplication_id_for_fifo_queue[sqs]",
        "SendMessageBatch",
        "test_missing_deduplication_id_for_fifo_queue",
        refused("send_message_batch", fifo=True, Entries=entries(2, MessageGroupId="g")),
    ),
    rejection(
        "test_send_batch_missing_message_group_id_for_fifo_queue[sqs]",
        "SendMessageBatch",
        "test_missing_message_group_id_for_fifo_queue",
        refused("send_message_batch", fifo=True, Entries=entries(2, MessageDeduplicationId="d")),
    ),
    rejection(
        "test_message_deduplication_id_invalid[spaces]",
        "SendMessage",
        "error-response",
        refused(
            "send_message",
            fifo=True,
            MessageBody="message",
            MessageGroupId="g",
            MessageDeduplicationId="group 123",
        ),
    ),
    rejection(
        "test_delete_message_batch_invalid_msg_id[sqs-invalid:id]",
        "DeleteMessageBatch",
        "error_response",
        refused("delete_message_batch", Entries=[{"Id": "invalid:id", "ReceiptHandle": "AQEB"}]),
    ),
    rejection(
        "test_delete_message_batch_with_too_large_batch[sqs]",
        "DeleteMessageBatch",
        "error_response",
        refused("delete_message_batch", Entries=handles(20)),
    ),
    rejection(
        "test_change_message_visibility_batch_with_too_large_batch[sqs]",
        "ChangeMessageVisibilityBatch",
        "error_response",
        refused("change_message_visibility_batch", Entries=handles(20, VisibilityTimeout=0)),
    ),
    rejection(
        "test_send_receive_max_number_of_messages[sqs]",
        "ReceiveMessage",
        "send_max_number_of_messages",
        refused("receive_message", MaxNumberOfMessages=11),
    ),
    rejection(
        "test_send_receive_wait_time_seconds[sqs]",
        "ReceiveMessage",
        "recieve_message_error_too_small",
        refused("receive_message", WaitTimeSeconds=-1),
    ),
    Scenario(
        "sqs",
        "test_send_batch_message_size",
        ("sqs:SendMessageBatch",),
        ("send-message-batch-result",),
        partly_sent,
    ),
    Scenario(
        "sqs",
        "test_receive_empty_queue[sqs]",
        ("sqs:ReceiveMessage",),
        ("empty_short_poll_resp", "empty_long_poll_resp"),
        empty,
    ),
    Scenario(
        "sqs",
        "test_receive_message_attribute_names_filters[sqs]",
        ("sqs:ReceiveMessage",),
        ("all_attributes", "all_system_and_message_attributes", "single_attribute"),
        with_attributes,
    ),
    Scenario(
        "sqs",
        "test_fifo_message_attributes[sqs]",
        ("sqs:ReceiveMessage", "sqs:SendMessage"),
        ("send_message", "receive_message_0", "receive_message_1"),
        ordered,
    ),
    Scenario(
        "sqs",
        "test_non_existent_queue",
        ("sqs:GetQueueUrl", "sqs:GetQueueAttributes"),
        ("queue-does-not-exist", "queue-does-not-exist-url"),
        missing_queue,
    ),
    Scenario(
        "sqs",
        "test_create_and_update_queue_attributes[sqs]",
        ("sqs:GetQueueAttributes",),
        ("get_queue_attributes",),
        described,
    ),
)
