"""Private attributes of Faust and aiokafka that this folder reads, sets or overrides.

A test fails when one disappears or when another is used.
"""

from __future__ import annotations

from typing import NamedTuple

CHECKED = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0"}
"""The versions at which the table was checked."""


class PrivateAttribute(NamedTuple):
    """An attribute, the class that defines it, and how it is used here."""

    owner: str
    name: str
    use: str


_CONSUMER = "faust.transport.consumer:Consumer"
_DRIVER = "faust.transport.drivers.aiokafka:Consumer"
_THREAD_DELEGATE = "faust.transport.consumer:ThreadDelegateConsumer"
_THREAD = "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread"
_CLIENT = "aiokafka.consumer.consumer:AIOKafkaConsumer"
_FETCHER = "aiokafka.consumer.fetcher:Fetcher"

PRIVATE_ATTRIBUTES = (
    PrivateAttribute("faust.app.base:App", "_create_directories", "overridden: a stage stores nothing on disk"),
    PrivateAttribute(_CONSUMER, "_acked", "cleared: offsets come from the offset tracker"),
    PrivateAttribute(_CONSUMER, "_acked_index", "cleared: offsets come from the offset tracker"),
    PrivateAttribute(_CONSUMER, "_add_gap", "overridden: gaps need no bookkeeping"),
    PrivateAttribute(_CONSUMER, "_committed_offset", "read: where an assignment begins"),
    PrivateAttribute(_CONSUMER, "_filter_tps_with_pending_acks", "overridden: every assigned partition is committed"),
    PrivateAttribute(_CONSUMER, "_get_active_partitions", "called: partitions that are not paused"),
    PrivateAttribute(_CONSUMER, "_new_offset", "overridden: the offset tracker decides"),
    PrivateAttribute(_CONSUMER, "_seek", "overridden: seek in the consumer thread"),
    PrivateAttribute(_CONSUMER, "_wait_next_records", "overridden: backpressure per partition"),
    PrivateAttribute(_THREAD_DELEGATE, "_getmany", "called: fetch in the consumer thread"),
    PrivateAttribute(_THREAD_DELEGATE, "_thread", "read: the consumer thread"),
    PrivateAttribute(_DRIVER, "_new_consumer_thread", "overridden: creates `ConsumerThread`"),
    PrivateAttribute(_THREAD, "_consumer", "read: aiokafka's client"),
    PrivateAttribute(_THREAD, "_create_worker_consumer", "overridden: options that Faust does not offer"),
    PrivateAttribute(_THREAD, "_ensure_consumer", "called: aiokafka's client"),
    PrivateAttribute(_THREAD, "_fetch_records", "called: fetch in the consumer thread"),
    PrivateAttribute("mode.threads:ServiceThread", "_close_thread_loop_on_stop", "set: the thread closes its own loop"),
    PrivateAttribute(_CLIENT, "_client", "read: its metadata refresh is throttled"),
    PrivateAttribute(_CLIENT, "_coordinator", "read: committed offsets with their metadata"),
    PrivateAttribute(_CLIENT, "_fetcher", "read: its records are decoded once"),
    PrivateAttribute(_CLIENT, "_max_poll_records", "read: the size of a batch"),
    PrivateAttribute(_CLIENT, "_partition_assignment_strategy", "set: range assignor for ordered stages"),
    PrivateAttribute(_CLIENT, "_subscription", "read: the position of each partition"),
    PrivateAttribute(
        "aiokafka.consumer.group_coordinator:GroupCoordinator",
        "_do_commit_offsets",
        "replaced: a commit for a deleted topic fails",
    ),
    PrivateAttribute("aiokafka.client:AIOKafkaClient", "_metadata_update", "replaced: throttled during an outage"),
    PrivateAttribute(_FETCHER, "_fetch_max_wait_ms", "set: shorter than Faust's, and longer while idle"),
    PrivateAttribute(_FETCHER, "_proc_fetch_request", "replaced: sets `_consumer_record` and the wait"),
    PrivateAttribute(_FETCHER, "_records", "read: the fetched batches"),
    PrivateAttribute("aiokafka.consumer.fetcher:FetchResult", "_partition_records", "read: the records of a batch"),
    PrivateAttribute("aiokafka.consumer.fetcher:PartitionRecords", "_consumer_record", "replaced: builds our records"),
)
