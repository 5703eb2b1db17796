"""A backfill's records, checkpoints and resume position."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from headrace.connectors.aws.client import AwsCallError, AwsSession
from headrace.connectors.backfill.backfill import BackfillClock, BackfillPlan, run
from headrace.connectors.backfill.checkpoint import BackfillCounts, Checkpoint, record
from headrace.connectors.backfill.events import sequencer, to_event
from headrace.connectors.backfill.filters import ObjectFilters, name_of
from headrace.connectors.backfill.listing import (
    BucketPrefix,
    ListedObject,
    ListingError,
    ListingPage,
    from_objects,
    from_versions,
    objects,
    open_prefix,
    parse,
)
from headrace.connectors.events.results import EventWithMetadata
from headrace.schemas.ids import sequencer_order
from headrace.schemas.records import MediaUploaded
from headrace.schemas.serde import codec
from headrace.schemas.serde.codec import to_producer_record
from headrace.streams.result_paths import version_folder

MOMENT = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
PLACE = BucketPrefix("media", "in/", "eu-west-1")
ANY = ObjectFilters()
ALL = BackfillPlan(PLACE, ANY)
BEGIN = Checkpoint("b")

moments = st.integers(0, 3_000_000_000_000).map(
    lambda ms: datetime(2006, 3, 14, tzinfo=UTC) + timedelta(milliseconds=ms)
)
listings = st.builds(
    ListedObject,
    key=st.text(min_size=1, max_size=5),
    size=st.integers(0, 100),
    etag=st.just("e1"),
    modified=moments,
    storage_class=st.sampled_from(["STANDARD", "GLACIER", "DEEP_ARCHIVE", "GLACIER_IR"]),
)
suffixes = st.lists(st.sampled_from([".mp4", ".JPG", "4", "ü", " "]), max_size=3).map(tuple)
bounds = st.none() | st.integers(0, 100)
filters = st.builds(
    ObjectFilters, suffixes, min_size=bounds, max_size=bounds, since=st.none() | moments, until=st.none() | moments
)


def listed(key: str = "in/a.jpg", **changes: Any) -> ListedObject:
    return ListedObject(**{"key": key, "size": 10, "etag": "e1", "modified": MOMENT, **changes})


def uploaded(each: ListedObject) -> MediaUploaded:
    event, _ = to_event(PLACE, each)
    assert isinstance(event, MediaUploaded)
    return event


class Memory:
    """A stub producer that records its calls, and a clock that advances on every read."""

    def __init__(self, seconds_a_look: float = 0.0) -> None:
        self.sent: list[EventWithMetadata] = []
        self.saved: list[tuple[int, Checkpoint]] = []
        self.slept = 0.0
        self._step = seconds_a_look
        self._now = 0.0

    def send(self, fact: EventWithMetadata) -> None:
        self.sent.append(fact)

    def save(self, cursor: Checkpoint) -> None:
        self.saved.append((len(self.sent), cursor))

    def now(self) -> float:
        self._now += self._step
        return self._now

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self._now += seconds

    def carry(self, found: list[ListedObject], cursor: Checkpoint = BEGIN, work: BackfillPlan = ALL) -> Checkpoint:
        *_, end = run(work, found, cursor, self, BackfillClock(self.now, self.sleep))
        return end

    def keys(self) -> list[str]:
        return [event.asset.key for event, _ in self.sent if isinstance(event, MediaUploaded)]


def test_object_equals_the_upload_event_of_s3() -> None:
    event, envelope = to_event(PLACE, listed(version_id="v1"))

    assert isinstance(event, MediaUploaded)
    assert (event.asset.key, event.asset.version, event.asset.version_id) == ("in/a.jpg", "v1", "v1")
    assert (event.origin, event.region, event.uploaded_at) == ("backfill", "eu-west-1", MOMENT)
    assert (envelope.source, envelope.time, envelope.subject) == (
        "aws.s3",
        "2026-03-14T15:09:26.000Z",
        "media/in/a.jpg",
    )


def test_etag_is_the_version_without_a_version_id() -> None:
    asset = uploaded(listed()).asset

    assert (asset.version, asset.version_id) == ("e1", None)


def test_id_depends_on_the_version() -> None:
    same = to_event(PLACE, listed())[1].id

    assert to_event(PLACE, listed())[1].id == same
    assert to_event(PLACE, listed(etag="e2"))[1].id != same
    assert to_event(PLACE, listed(modified=MOMENT + timedelta(seconds=1)))[1].id != same


@given(moments, st.from_regex(r"[0-9A-F]{1,20}", fullmatch=True).filter(lambda found: found.strip("0")))
def test_s3_notification_is_newer_than_a_listed_object(modified: datetime, of_s3: str) -> None:
    assert sequencer_order(sequencer(modified)) < sequencer_order(of_s3)


@given(moments, moments)
def test_listed_versions_are_ordered_by_time(one: datetime, other: datetime) -> None:
    older, newer = sorted((one, other))

    assert (sequencer_order(sequencer(older)) < sequencer_order(sequencer(newer))) is (older < newer)


def test_store_orders_older_listed_then_listed_then_notified_version() -> None:
    older = uploaded(listed(etag="z", modified=MOMENT - timedelta(days=1))).asset
    newer = uploaded(listed(etag="a")).asset
    notified = structs.replace(newer, version="0", sequencer="0055AED6DCD90281E5")

    assert version_folder(older) < version_folder(newer) < version_folder(notified)


def test_every_record_can_be_encoded() -> None:
    sent = to_producer_record(*to_event(PLACE, listed("in/zażółć 日本語\U0001f3ac.mp4", size=2**43)), codec.load())

    assert sent.key == "media/in/zażółć 日本語\U0001f3ac.mp4".encode()


@given(st.lists(listings, max_size=20), filters)
def test_every_listed_object_is_sent_or_filtered(found: list[ListedObject], wanted: ObjectFilters) -> None:
    memory = Memory()
    end = memory.carry(found, work=BackfillPlan(PLACE, wanted))

    assert end.done
    assert end.counts.listed == len(found) == len(memory.sent) + sum(end.counts.filtered.values())
    assert end.counts.sent == len(memory.sent)
    assert memory.keys() == [each.key for each in found if not wanted.skip_reason(each)]


@given(listings, filters)
def test_object_is_accepted_if_every_filter_passes(each: ListedObject, wanted: ObjectFilters) -> None:
    name = each.key.lower()
    passes = (
        each.storage_class not in ("GLACIER", "DEEP_ARCHIVE")
        and not (each.key[-1] == "/" and each.size == 0)
        and (not wanted.suffixes or any(name.endswith(suffix.lower()) for suffix in wanted.suffixes))
        and (wanted.min_size is None or wanted.min_size <= each.size)
        and (wanted.max_size is None or each.size <= wanted.max_size)
        and (wanted.since is None or wanted.since <= each.modified)
        and (wanted.until is None or each.modified < wanted.until)
    )

    assert (wanted.skip_reason(each) == "") is passes


@pytest.mark.parametrize(
    ("each", "wanted", "why"),
    [
        (listed("in/"), ANY, ""),
        (listed("in/", size=0), ANY, "folder"),
        (listed("in/a.jpg", size=0), ANY, ""),
        (listed(storage_class="DEEP_ARCHIVE"), ANY, "archived"),
        (listed(storage_class="GLACIER_IR"), ANY, ""),
        (listed("A.JPG"), ObjectFilters((".jpg",)), ""),
        (listed("a.jpg.txt"), ObjectFilters((".jpg", ".mp4")), "suffix"),
        (listed(size=10), ObjectFilters(min_size=10, max_size=10), ""),
        (listed(size=10), ObjectFilters(min_size=11), "size"),
        (listed(size=10), ObjectFilters(max_size=0), "size"),
        (listed(), ObjectFilters(since=MOMENT), ""),
        (listed(), ObjectFilters(until=MOMENT), "time"),
    ],
)
def test_filter_names_the_reason(each: ListedObject, wanted: ObjectFilters, why: str) -> None:
    assert wanted.skip_reason(each) == why


@given(st.integers(0, 30), st.integers(0, 30))
def test_resumes_after_a_kill_without_gaps(number: int, killed_after: int) -> None:
    found = [listed(f"{each:02}") for each in range(number)]
    first = Memory(seconds_a_look=0.3)
    cursors = run(ALL, found, BEGIN, first, BackfillClock(first.now, first.sleep))
    for _ in zip(range(killed_after), cursors, strict=False):
        pass

    noted = first.saved[-1][1] if first.saved else BEGIN
    second = Memory()
    if not noted.done:
        end = second.carry([each for each in found if each.key > noted.after], noted)
        assert end.counts.listed == number

    assert set(first.keys() + second.keys()) == {each.key for each in found}


def test_checkpoint_is_saved_after_its_records() -> None:
    memory = Memory(seconds_a_look=0.4)
    memory.carry([listed(f"{each:02}") for each in range(20)])

    assert len(memory.saved) > 3
    assert all(sent == cursor.counts.sent for sent, cursor in memory.saved)
    assert all(cursor.after == f"{sent - 1:02}" for sent, cursor in memory.saved)


def test_rate_allows_a_burst_of_one_second() -> None:
    memory = Memory()
    memory.carry([listed(str(each)) for each in range(100)], work=BackfillPlan(PLACE, ANY, rate=10))

    assert memory.slept == pytest.approx(9.0, abs=0.2)


def test_filtered_objects_do_not_count_toward_the_rate() -> None:
    memory = Memory()
    memory.carry([listed(str(each)) for each in range(100)], work=BackfillPlan(PLACE, ObjectFilters((".mp4",)), rate=1))

    assert memory.slept == 0


def test_checkpoint_is_keyed_by_the_backfill_name() -> None:
    sent = record(Checkpoint("s3://media/in/", "in/é", counts=BackfillCounts(3, 30, {"size": 1})))

    assert (sent.topic, sent.key) == ("system.backfills", b"s3://media/in/")
    assert (sent.value or b"").decode() == (
        '{"backfill":"s3://media/in/","after":"in/é","done":false,"counts":{"sent":3,"size":30,"filtered":{"size":1}}}'
    )


def test_equivalent_filters_have_the_same_name() -> None:
    one, other = (name_of(PLACE, ObjectFilters(given)) for given in ((".jpg", ".MP4"), (".mp4", ".JPG", ".jpg")))

    assert one == other == "s3://media/in/ --suffix .jpg --suffix .mp4"


def test_backfill_name_is_unambiguous() -> None:
    places = [PLACE, BucketPrefix("media", "in/ --suffix .jpg"), BucketPrefix("media")]
    given = [
        ANY,
        ObjectFilters((".jpg",)),
        ObjectFilters(min_size=1),
        ObjectFilters(max_size=1),
        ObjectFilters(since=MOMENT),
        ObjectFilters(until=MOMENT),
    ]

    assert len({name_of(place, filters) for place in places for filters in given}) == len(places) * len(given)
    assert name_of(BucketPrefix("media", "in/", "us-east-1", versioned=True), ANY) == name_of(PLACE, ANY)


@pytest.mark.parametrize(
    ("address", "bucket", "prefix"),
    [
        ("s3://media", "media", ""),
        ("s3://media/", "media", ""),
        ("s3://media/in", "media", "in"),
        ("s3://my.media-2/a b/+%2B?x=1#y\n", "my.media-2", "a b/+%2B?x=1#y\n"),
    ],
)
def test_url_is_a_bucket_and_a_literal_prefix(address: str, bucket: str, prefix: str) -> None:
    assert parse(address) == BucketPrefix(bucket, prefix)


@pytest.mark.parametrize("address", ["", "media", "s3://", "s3:///a", "S3://media", "s3://Media", "s3://media/\udcff"])
def test_invalid_url_is_rejected(address: str) -> None:
    with pytest.raises(ListingError, match="no address of a bucket: write s3://bucket"):
        parse(address)


def test_directory_bucket_is_rejected_because_listings_are_unordered() -> None:
    with pytest.raises(ListingError, match="directory bucket"):
        parse("s3://media--use1-az4--x-s3/in")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("404", "there is no bucket media"),
        ("403", "no access to media: s3:ListBucket, s3:GetBucketVersioning and"),
        ("AccessDenied", "no access to media: s3:ListBucket, s3:GetBucketVersioning and"),
        ("", "media cannot be listed: no response"),
    ],
)
def test_listing_error_names_the_fix(code: str, said: str) -> None:
    class RefusingAws(AwsSession):
        def call_with_retries(self, *_: object, **__: object) -> dict[str, Any]:
            raise AwsCallError("no response", code)

    aws = RefusingAws()
    for use in (lambda: open_prefix(aws, "s3://media/in/"), lambda: list(objects(aws, PLACE))):
        with pytest.raises(ListingError, match=f"^{re.escape(said)}"):
            use()


def answered(*keys: str, **changes: Any) -> Iterator[dict[str, Any]]:
    for key in keys:
        yield {"Key": key, "Size": 10, "ETag": '"e1"', "LastModified": MOMENT, **changes}


def test_page_of_objects_ends_with_its_last_key_unless_it_is_the_last() -> None:
    contents = list(answered("in/a.jpg", "in/b.jpg"))

    assert from_objects({"Contents": contents, "IsTruncated": True}).last == "in/b.jpg"
    page = from_objects({"Contents": contents, "IsTruncated": False})
    assert page == ListingPage((listed("in/a.jpg"), listed("in/b.jpg")))
    assert from_objects({}) == ListingPage(())


def test_page_of_versions_has_current_versions_and_may_end_with_a_deleted_key() -> None:
    versions = [
        *answered("a", VersionId="a2", IsLatest=True),
        *answered("a", VersionId="a1", IsLatest=False),
        *answered("b", VersionId="null", IsLatest=True),
        *answered("c", VersionId="c1", IsLatest=False),
    ]
    markers = [{"Key": "c", "VersionId": "c2", "IsLatest": True}, {"Key": "d", "VersionId": "d1", "IsLatest": True}]
    page = from_versions({"Versions": versions, "DeleteMarkers": markers, "IsTruncated": True})

    assert [(each.key, each.version_id) for each in page.objects] == [("a", "a2"), ("b", "")]
    assert page.last == "d"


@pytest.mark.parametrize("versioned", [False, True])
def test_listing_that_repeats_a_page_is_an_error(versioned: bool) -> None:
    found = {"Key": "in/a", "Size": 1, "ETag": '"e"', "LastModified": MOMENT, "IsLatest": True}

    class RepeatingAws(AwsSession):
        def call_with_retries(self, *_: object, **__: object) -> dict[str, Any]:
            return {"Contents": [found], "Versions": [found], "IsTruncated": True}

    listed = objects(RepeatingAws(), BucketPrefix("media", "in/", "eu-west-1", versioned))
    with pytest.raises(ListingError, match="the listing of s3://media/in/ repeats the key 'in/a'"):
        list(listed)
