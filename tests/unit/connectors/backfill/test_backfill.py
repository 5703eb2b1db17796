"""What a backfill sends, what it notes, and where it goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from headrace.connectors.aws.client import AwsCallError
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
from headrace.streams.results import version_folder

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
    """A log that remembers in which order what was done, and a clock that moves when it is looked at."""

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


def test_an_object_is_the_upload_that_s3_would_have_told_of() -> None:
    event, envelope = to_event(PLACE, listed(version_id="v1"))

    assert isinstance(event, MediaUploaded)
    assert (event.asset.key, event.asset.version, event.asset.version_id) == ("in/a.jpg", "v1", "v1")
    assert (event.origin, event.region, event.uploaded_at) == ("backfill", "eu-west-1", MOMENT)
    assert (envelope.source, envelope.time, envelope.subject) == (
        "aws.s3",
        "2026-03-14T15:09:26.000Z",
        "media/in/a.jpg",
    )


def test_without_a_version_id_the_etag_is_the_version() -> None:
    asset = uploaded(listed()).asset

    assert (asset.version, asset.version_id) == ("e1", None)


def test_the_same_version_has_the_same_id_and_another_one_another() -> None:
    same = to_event(PLACE, listed())[1].id

    assert to_event(PLACE, listed())[1].id == same
    assert to_event(PLACE, listed(etag="e2"))[1].id != same
    assert to_event(PLACE, listed(modified=MOMENT + timedelta(seconds=1)))[1].id != same


@given(moments, st.from_regex(r"[0-9A-F]{1,20}", fullmatch=True).filter(lambda found: found.strip("0")))
def test_what_s3_told_of_is_newer_than_anything_listed(modified: datetime, of_s3: str) -> None:
    assert sequencer_order(sequencer(modified)) < sequencer_order(of_s3)


@given(moments, moments)
def test_listed_versions_are_in_the_order_of_their_times(one: datetime, other: datetime) -> None:
    older, newer = sorted((one, other))

    assert (sequencer_order(sequencer(older)) < sequencer_order(sequencer(newer))) is (older < newer)


def test_in_the_store_a_listed_version_lies_before_one_that_s3_told_of_and_behind_an_older_listed_one() -> None:
    older = uploaded(listed(etag="z", modified=MOMENT - timedelta(days=1))).asset
    newer = uploaded(listed(etag="a")).asset
    told = structs.replace(newer, version="0", sequencer="0055AED6DCD90281E5")

    assert version_folder(older) < version_folder(newer) < version_folder(told)


def test_every_record_can_be_written() -> None:
    sent = to_producer_record(*to_event(PLACE, listed("in/zażółć 日本語\U0001f3ac.mp4", size=2**43)), codec.load())

    assert sent.key == "media/in/zażółć 日本語\U0001f3ac.mp4".encode()


@given(st.lists(listings, max_size=20), filters)
def test_what_was_listed_was_sent_or_filtered(found: list[ListedObject], wanted: ObjectFilters) -> None:
    memory = Memory()
    end = memory.carry(found, work=BackfillPlan(PLACE, wanted))

    assert end.done
    assert end.counts.listed == len(found) == len(memory.sent) + sum(end.counts.filtered.values())
    assert end.counts.sent == len(memory.sent)
    assert memory.keys() == [each.key for each in found if not wanted.skip_reason(each)]


@given(listings, filters)
def test_an_object_is_wanted_when_every_filter_lets_it_pass(each: ListedObject, wanted: ObjectFilters) -> None:
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
def test_a_filter_says_what_keeps_an_object_out(each: ListedObject, wanted: ObjectFilters, why: str) -> None:
    assert wanted.skip_reason(each) == why


@given(st.integers(0, 30), st.integers(0, 30))
def test_killed_anywhere_it_goes_on_and_leaves_nothing_out(number: int, killed_after: int) -> None:
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


def test_a_cursor_is_noted_behind_the_records_that_it_stands_for() -> None:
    memory = Memory(seconds_a_look=0.4)
    memory.carry([listed(f"{each:02}") for each in range(20)])

    assert len(memory.saved) > 3
    assert all(sent == cursor.counts.sent for sent, cursor in memory.saved)
    assert all(cursor.after == f"{sent - 1:02}" for sent, cursor in memory.saved)


def test_a_rate_lets_a_second_of_records_go_at_once_and_the_others_at_its_pace() -> None:
    memory = Memory()
    memory.carry([listed(str(each)) for each in range(100)], work=BackfillPlan(PLACE, ANY, rate=10))

    assert memory.slept == pytest.approx(9.0, abs=0.2)


def test_what_is_filtered_takes_nothing_of_the_rate() -> None:
    memory = Memory()
    memory.carry([listed(str(each)) for each in range(100)], work=BackfillPlan(PLACE, ObjectFilters((".mp4",)), rate=1))

    assert memory.slept == 0


def test_a_cursor_lies_on_its_topic_by_the_name_of_its_backfill() -> None:
    sent = record(Checkpoint("s3://media/in/", "in/é", counts=BackfillCounts(3, 30, {"size": 1})))

    assert (sent.topic, sent.key) == ("system.backfills", b"s3://media/in/")
    assert (sent.value or b"").decode() == (
        '{"backfill":"s3://media/in/","after":"in/é","done":false,"counts":{"sent":3,"size":30,"filtered":{"size":1}}}'
    )


def test_filters_that_mean_the_same_name_the_same_backfill() -> None:
    one, other = (name_of(PLACE, ObjectFilters(given)) for given in ((".jpg", ".MP4"), (".mp4", ".JPG", ".jpg")))

    assert one == other == "s3://media/in/ --suffix .jpg --suffix .mp4"


def test_what_is_carried_names_a_backfill_and_nothing_else_can_look_like_it() -> None:
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
def test_an_address_is_a_bucket_and_the_prefix_as_it_is(address: str, bucket: str, prefix: str) -> None:
    assert parse(address) == BucketPrefix(bucket, prefix)


@pytest.mark.parametrize("address", ["", "media", "s3://", "s3:///a", "S3://media", "s3://Media", "s3://media/\udcff"])
def test_anything_else_is_no_address(address: str) -> None:
    with pytest.raises(ListingError, match="no address of a bucket: write s3://bucket"):
        parse(address)


def test_a_directory_bucket_is_refused_because_it_has_no_order() -> None:
    with pytest.raises(ListingError, match="directory bucket"):
        parse("s3://media--use1-az4--x-s3/in")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("404", "there is no bucket media"),
        ("403", "no access to media: s3:ListBucket, s3:GetBucketVersioning and"),
        ("AccessDenied", "no access to media: s3:ListBucket, s3:GetBucketVersioning and"),
        ("", "media cannot be listed: nobody answers"),
    ],
)
def test_a_bucket_that_cannot_be_listed_says_what_to_do(monkeypatch: pytest.MonkeyPatch, code: str, said: str) -> None:
    def refuses(*_: object, **__: object) -> dict[str, Any]:
        raise AwsCallError("nobody answers", code)

    monkeypatch.setattr("headrace.connectors.backfill.listing.call_with_retries", refuses)
    for use in (lambda: open_prefix("s3://media/in/"), lambda: list(objects(PLACE))):
        with pytest.raises(ListingError, match=f"^{re.escape(said)}"):
            use()


def answered(*keys: str, **changes: Any) -> Iterator[dict[str, Any]]:
    for key in keys:
        yield {"Key": key, "Size": 10, "ETag": '"e1"', "LastModified": MOMENT, **changes}


def test_a_page_of_objects_ends_with_its_last_key_unless_it_is_the_last() -> None:
    contents = list(answered("in/a.jpg", "in/b.jpg"))

    assert from_objects({"Contents": contents, "IsTruncated": True}).last == "in/b.jpg"
    page = from_objects({"Contents": contents, "IsTruncated": False})
    assert page == ListingPage((listed("in/a.jpg"), listed("in/b.jpg")))
    assert from_objects({}) == ListingPage(())


def test_a_page_of_versions_has_the_current_ones_alone_and_ends_with_a_deleted_key_too() -> None:
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
