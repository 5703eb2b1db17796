"""Asset states projected from log entries."""

from __future__ import annotations

from itertools import permutations

from headrace.console.assets.projection import AssetProjection, AssetVersion
from headrace.console.kafka.entry import LogEntry
from headrace.schemas.records import MediaCompleted, MediaDeleted, MediaScanned, MediaUploaded
from tests.support import records
from tests.support.records import NOW, job_started
from tests.unit.console.asset_history import (
    NAME,
    after,
    completed,
    deleted,
    entry,
    labelled,
    letter,
    projection_of,
    retry,
    undecodable,
)

UPLOAD = entry(records.uploaded())
SCAN = entry(records.scanned(), 1, UPLOAD, "scan")
OLD, NEW = records.asset(sequencer="0A"), records.asset(sequencer="0B", version="e2", etag="e2")


def only(progress: AssetProjection) -> AssetVersion:
    [version] = progress.versions(NAME)
    return version


def statuses(version: AssetVersion) -> dict[str, str | None]:
    return {stage: fact.status for stage, fact in version.stages.items()}


def test_upload_is_processing_until_completed() -> None:
    progress = projection_of(UPLOAD)
    assert only(progress).state == "processing"
    progress.take(entry(completed(), 2, SCAN, "completed"))
    assert only(progress).state == "completed"


def test_record_updates_its_asset() -> None:
    assert AssetProjection().take(UPLOAD) == NAME


def test_result_marks_its_stage_done() -> None:
    version = only(projection_of(UPLOAD, SCAN))
    assert statuses(version) == {"scan": "done"}
    assert version.stages["scan"].name == MediaScanned.EVENT


def test_upload_and_completion_are_not_stages() -> None:
    token = "labels-1"
    history = (
        UPLOAD,
        entry(job_started(token), 1, UPLOAD, "labels"),
        entry(records.job_finished(token), 2),
        entry(completed(), 3, SCAN, "completed"),
    )
    assert statuses(only(projection_of(*history))) == {"labels": "running"}


def test_repeated_event_is_counted_once() -> None:
    version = only(projection_of(UPLOAD, SCAN, *(entry(records.uploaded(), offset=offset) for offset in (1, 2))))
    assert [fact.name for fact in version.facts] == ["MediaUploaded", "MediaScanned"]
    assert version.facts[0].deliveries == 3
    assert version.facts[0].place == "media.uploaded/0/0"


def test_last_record_of_a_repeated_dead_letter_is_used() -> None:
    version = only(projection_of(UPLOAD, letter(UPLOAD, "scan", 1), letter(UPLOAD, "scan", 9, "infected", offset=1)))
    assert [each.code for each in version.letters] == ["infected"]
    assert version.stages["scan"].deliveries == 2


def test_topic_reading_order_does_not_matter() -> None:
    start = entry(job_started(), 2, UPLOAD, "labels")
    history = [
        UPLOAD,
        SCAN,
        start,
        letter(entry(records.job_finished("labels-1"), 3), "labels", 3),
        entry(records.uploaded(NEW), 5),
    ]
    expected = projection_of(*history).versions(NAME)
    assert all(projection_of(*each).versions(NAME) == expected for each in permutations(history))
    assert [version.state for version in expected] == ["superseded", "processing"]


def test_older_version_is_superseded_even_if_read_last() -> None:
    progress = projection_of(entry(records.uploaded(NEW)), entry(records.uploaded(OLD)))
    old, new = progress.versions(NAME)
    assert (old.asset, old.state, old.successor) == (OLD, "superseded", NEW)
    assert (new.asset, new.state, new.successor) == (NEW, "processing", None)


def test_sequencers_of_different_lengths_follow_s3_order() -> None:
    short, long = records.asset(sequencer="0B"), records.asset(sequencer="0A99")
    progress = projection_of(entry(records.uploaded(short)), entry(records.uploaded(long)))
    assert [version.asset for version in progress.versions(NAME)] == [long, short]


def test_version_is_succeeded_by_the_first_with_a_greater_sequencer() -> None:
    twin = records.asset(sequencer="0A", version="e1b")
    newest = records.asset(sequencer="0C", version="e3")
    uploads = [entry(records.uploaded(each)) for each in (newest, twin, OLD, NEW)]
    versions = projection_of(*uploads).versions(NAME)
    assert [(each.asset, each.successor) for each in versions] == [
        (OLD, NEW),
        (twin, NEW),
        (NEW, newest),
        (newest, None),
    ]


def test_asset_of_a_job_is_known_once_the_job_has_started() -> None:
    progress = AssetProjection()
    assert progress.asset_of_job("labels-1") is None
    progress.take(entry(job_started("labels-1")))
    assert progress.asset_of_job("labels-1") == NAME


def test_completed_version_stays_completed_after_a_newer_upload() -> None:
    progress = projection_of(UPLOAD, entry(completed(), 1, UPLOAD, "completed"), entry(records.uploaded(NEW), 2))
    assert progress.versions(NAME)[0].state == "completed"
    assert progress.versions(NAME)[0].successor == NEW


def test_deletion_hides_earlier_versions_only() -> None:
    gone = records.asset(sequencer="0AB", version="", etag="")
    progress = projection_of(entry(deleted(gone)), entry(records.uploaded(OLD)), entry(records.uploaded(NEW)))
    assert [version.state for version in progress.versions(NAME)] == ["deleted", "deleted", "processing"]


def test_deleting_an_old_version_hides_only_that_version() -> None:
    old = records.asset(sequencer="0A", version="v1", version_id="v1")
    new = records.asset(sequencer="0B", version="v2", version_id="v2")
    removal = entry(deleted(records.asset(sequencer="0C", version="v1", version_id="v1")))
    progress = projection_of(removal, entry(records.uploaded(old)), entry(records.uploaded(new)))
    assert [version.state for version in progress.versions(NAME)] == ["deleted", "processing"]


def test_delete_marker_hides_the_whole_object() -> None:
    marker = records.asset(sequencer="0B", version="m1", version_id="m1")
    progress = projection_of(UPLOAD, entry(deleted(marker, "ObjectRemoved:DeleteMarkerCreated")))
    assert [version.state for version in progress.versions(NAME)] == ["deleted", "deleted"]


def test_dead_letter_has_stage_and_reason() -> None:
    version = only(projection_of(UPLOAD, letter(UPLOAD, "probe")))
    assert statuses(version) == {"probe": "dead-lettered"}
    assert version.stages["probe"].summary == "unreadable: no moov atom"
    [found] = version.letters
    assert (found.stage, found.code, found.reason, found.attempts) == ("probe", "unreadable", "no moov atom", 1)
    assert (found.origin, found.last_failure) == ("media.uploaded/0/0", after(1))


def test_result_after_a_dead_letter_wins_and_keeps_the_letter() -> None:
    version = only(projection_of(UPLOAD, SCAN, letter(UPLOAD, "scan", 5)))
    assert statuses(version) == {"scan": "done"}
    assert [each.stage for each in version.letters] == ["scan"]


def test_stage_is_retrying_until_its_result() -> None:
    waiting = retry(UPLOAD, "scan", 1)
    version = only(projection_of(UPLOAD, waiting))
    assert statuses(version) == {"scan": "retrying"}
    assert version.stages["scan"].summary == "timeout: took too long"
    assert statuses(only(projection_of(UPLOAD, waiting, SCAN))) == {"scan": "done"}


def test_dead_letter_of_a_completion_finds_its_asset_by_the_job_start() -> None:
    start = entry(job_started(), 1, UPLOAD, "labels")
    failed = letter(entry(records.job_finished("labels-1"), 2), "labels", 2, "job_failed")
    for history in ((UPLOAD, start, failed), (failed, UPLOAD, start)):
        version = only(projection_of(*history))
        assert statuses(version) == {"labels": "dead-lettered"}
        assert [each.code for each in version.letters] == ["job_failed"]


def test_completion_of_an_unknown_job_belongs_to_no_asset() -> None:
    progress = AssetProjection()
    assert progress.take(entry(records.job_finished("labels-9"))) is None
    assert progress.assets() == []


def test_unparseable_dead_letter_is_listed_under_its_key() -> None:
    progress = projection_of(undecodable())
    assert [fact.summary for fact in progress.unreadable_letters(NAME)] == ["decode: neither ..."]
    assert progress.find(NAME) == [NAME]
    assert progress.versions(NAME) == []


def test_unparseable_dead_letter_with_several_records_is_listed_once() -> None:
    other = undecodable("probe")
    [probe, once] = projection_of(undecodable(), undecodable(), other).unreadable_letters(NAME)
    assert (once.stage, once.deliveries) == ("scan", 2)
    assert (probe.stage, probe.deliveries) == ("probe", 1)


def test_unparseable_record_outside_a_dlq_is_skipped() -> None:
    assert AssetProjection().take(LogEntry(records.raw(b"junk"))) is None


def test_cost_of_a_repeated_result_is_counted_once() -> None:
    labels = labelled(usd=0.25)
    progress = projection_of(UPLOAD, *(entry(labels, 1, UPLOAD, "labels", offset) for offset in range(3)))
    assert only(progress).usd == 0.25


def test_times_come_from_the_events() -> None:
    version = only(projection_of(UPLOAD, letter(UPLOAD, "scan", 4)))
    assert version.time_of(MediaUploaded) == NOW.timestamp()
    assert version.time_of(MediaCompleted) is None
    assert version.time_of(MediaDeleted) is None


def test_asset_is_found_by_key_and_by_url() -> None:
    progress = projection_of(UPLOAD)
    for name in (NAME, f"s3://{NAME}", "photos/cat.jpg"):
        assert progress.find(name) == [NAME]
    assert progress.find("cat.jpg") == []


def test_key_in_two_buckets_finds_both_assets() -> None:
    progress = projection_of(UPLOAD, entry(records.uploaded(records.asset(bucket="other"))))
    assert progress.find("photos/cat.jpg") == [NAME, "other/photos/cat.jpg"]


def test_newest_version_is_last_in_s3_order() -> None:
    progress = projection_of(entry(records.uploaded(NEW)), entry(records.uploaded(OLD)))
    newest = progress.newest_version(NAME)
    assert newest is not None
    assert newest.asset == NEW
    assert progress.newest_version("media/none") is None
