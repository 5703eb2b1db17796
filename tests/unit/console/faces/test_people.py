"""Tests of the face directory on SQLite and PostgreSQL: names, merges and forgotten faces, joined at reading."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from sqlalchemy import delete, insert, select

from headrace.console.errors import CommandError
from headrace.console.faces.directory import checked_name, find_person, merge_people, name_person
from headrace.console.faces.forget import Deletions, ForgetPlan, forget
from headrace.console.faces.forget import plan_forget as plan_forget_with
from headrace.console.replay import audit
from headrace.console.search.request import DetectionFilter, InvalidSearchError
from headrace.console.views.batch import Batch
from headrace.console.views.fold_operations import FOLDS, InvalidRecordError
from headrace.console.views.person_facts import PersonFact
from headrace.console.views.queries import people, people_directory
from headrace.console.views.queries.asset_detail import find_version, passages_of, with_people
from headrace.console.views.queries.history import Connect
from headrace.console.views.queries.people import Person
from headrace.console.views.tables import passages
from headrace.console.views.tables import people as people_table
from headrace.schemas import topics
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import Asset, MatchedFace, PeopleRecognised, SeenFace
from tests.unit.console.search.corpus import Corpus, pointer

BOX = {"left": 0.1, "top": 0.1, "width": 0.2, "height": 0.2}


def face(number: int) -> str:
    return str(uuid.UUID(int=number << 96))


ADA1, ADA2, ADA3, BOB = (face(number) for number in (0xA1, 0xA2, 0xA3, 0xB0))


def seen(face_id: str | None, *matches: str, at: float | None = None) -> SeenFace:
    found = tuple(MatchedFace(face_id=match, similarity=97.0) for match in matches)
    return SeenFace(face_id=face_id, matches=found, confidence=99.0, at_seconds=at, until_seconds=at, **BOX)


def add(corpus: Corpus, key: str, *faces: SeenFace, kind: str = "image", at: float = 0.0) -> Asset:
    """Add an asset with the result of face-search."""
    asset = corpus.upload(key, kind, at)
    event = PeopleRecognised(
        asset=asset, collection="headrace", faces=faces, count=len(faces), known=0, result=pointer(b"{}"), charges=()
    )
    corpus.add(event, "face-search")
    corpus.index()
    return asset


@dataclass
class FakeCluster:
    """Kafka with the topic of facts: what is written is folded into the views."""

    corpus: Corpus
    audited: list[audit.AuditEntry] = field(default_factory=list)
    offset: int = 0

    def create(self, wanted: object) -> None:
        assert wanted == [topics.PEOPLE_FACTS]

    def write(self, records: list[ProducerRecord]) -> None:
        for record in records:
            if record.topic == topics.AUDIT.name:
                self.audited.append(msgspec.json.decode(record.value or b"", type=audit.AuditEntry))
            else:
                self._fold(record)

    def _fold(self, record: ProducerRecord) -> None:
        batch = Batch()
        self.offset += 1
        FOLDS[record.topic](batch, ConsumerRecord(record.topic, 0, self.offset, 0.0, record.key, record.value, ()))
        with self.corpus.engine.begin() as connection:
            for key, row in batch.people.items():
                connection.execute(delete(people_table).where(people_table.c.key == key))
                if row is not None:
                    connection.execute(insert(people_table).values((key, *row)))


@pytest.fixture
def cluster(corpus: Corpus) -> Any:
    return FakeCluster(corpus)


def name(cluster: Any, which: str, words: str) -> None:
    person = find_person(cluster.corpus.engine.connect, which)
    name_person(cluster, person, words)


def no_pictures(bucket: str, key: str) -> None:
    raise AssertionError("no person has a picture")


DELETIONS = Deletions(lambda collection, faces: list(faces), no_pictures)


def plan_forget(connect: Connect, person: Person, collection: str) -> ForgetPlan:
    """Plan to forget a person without pictures."""
    return plan_forget_with(connect, person, collection, lambda bucket, prefix: ())


def names_of(corpus: Corpus, key: str) -> str:
    """Return the names that the summary of an asset shows."""
    with corpus.engine.connect() as connection:
        stored = find_version(connection, "media", key)
        assert stored is not None
        return people.describe_people(connection, people.faces_of_versions(connection, [stored.id])[stored.id])


def found(corpus: Corpus, person: str) -> list[str]:
    return sorted(each.key for each in corpus.search(detections=(DetectionFilter("person", person),)).assets)


def fill(corpus: Corpus) -> None:
    """Add Ada in three assets, which are linked one by one, and Bob in two of them."""
    add(corpus, "first.jpg", seen(ADA1))
    add(corpus, "second.jpg", seen(ADA2, ADA1), seen(BOB))
    add(corpus, "third.jpg", seen(ADA3, ADA2))
    add(corpus, "film.mp4", seen(None, BOB, at=3.0), seen(None, ADA3, ADA2, at=7.0), kind="video")


def test_a_name_holds_in_earlier_and_later_assets(corpus: Corpus, cluster: Any) -> None:
    add(corpus, "first.jpg", seen(ADA1))
    add(corpus, "second.jpg", seen(ADA2, ADA1))
    name(cluster, ADA2, "Ada")
    assert names_of(corpus, "first.jpg") == "Ada"
    add(corpus, "later.jpg", seen(ADA3, ADA2))
    assert names_of(corpus, "later.jpg") == "Ada"
    assert found(corpus, "ada") == ["first.jpg", "later.jpg", "second.jpg"]


def test_search_has_the_name_and_the_moment(corpus: Corpus, cluster: Any) -> None:
    fill(corpus)
    name(cluster, ADA1, "Ada Lovelace")
    page = corpus.search(detections=(DetectionFilter("person", "  ADA  lovelace"),))
    [film] = [each for each in page.assets if each.key == "film.mp4"]
    [moment] = film.moments
    assert (moment.kind, moment.excerpt, moment.seconds, moment.stage) == ("person", "Ada Lovelace", 7.0, "face-search")
    assert corpus.search("lovelace").assets == ()


def test_both_people_must_be_in_an_asset(corpus: Corpus, cluster: Any) -> None:
    fill(corpus)
    name(cluster, ADA1, "Ada")
    name(cluster, BOB, "Bob")
    both = corpus.search(detections=(DetectionFilter("person", "Ada"), DetectionFilter("person", "Bob")))
    assert sorted(each.key for each in both.assets) == ["film.mp4", "second.jpg"]
    assert names_of(corpus, "second.jpg") == "Ada, Bob"


def test_search_for_an_unknown_name_is_an_error(corpus: Corpus) -> None:
    with pytest.raises(InvalidSearchError, match="no person has this name; `headrace faces list`"):
        found(corpus, "Unknown")


def test_directory_lists_each_person_once(corpus: Corpus, cluster: Any) -> None:
    fill(corpus)
    name(cluster, BOB, "Bob")
    with corpus.engine.connect() as connection:
        entries = people_directory.directory(connection, 100).people
    assert [(each.person.name, len(each.person.faces), each.assets) for each in entries] == [("Bob", 1, 2), ("", 3, 4)]
    assert entries[1].person.id == ADA1


def test_directory_is_bounded_and_lists_the_people_that_were_found_last(corpus: Corpus, cluster: Any) -> None:
    for number in range(30):
        add(corpus, f"{number}.jpg", seen(face(number)))
    name(cluster, face(3), "Zoë")
    name(cluster, face(4), "Ada")
    with corpus.engine.connect() as connection:
        few, every = people_directory.directory(connection, 5), people_directory.directory(connection, 100)
        unnamed = people_directory.directory(connection, 2, named=False)
    assert [each.person.name for each in few.people] == ["Ada", "Zoë", "", "", ""]
    assert [each.newest for each in few.people[2:]] == ["media/29.jpg", "media/28.jpg", "media/27.jpg"]
    assert [each.newest for each in unnamed.people] == ["media/29.jpg", "media/28.jpg"]
    assert few.has_more
    assert unnamed.has_more
    assert (len(every.people), every.has_more) == (30, False)


def test_directory_says_that_there_are_more_if_one_person_has_all_newest_faces(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_directory, "FACES_OF_EACH", 1)
    add(corpus, "first.jpg", seen(BOB))
    add(corpus, "second.jpg", seen(ADA1))
    add(corpus, "third.jpg", seen(ADA2, ADA1))
    with corpus.engine.connect() as connection:
        found = people_directory.directory(connection, 2)
    assert [each.assets for each in found.people] == [2]
    assert found.has_more


def test_directory_does_not_read_more_with_more_faces(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_directory, "FACES_OF_EACH", 3)
    asked: list[int] = []
    resolve = people.people_of_faces

    def counted(connection: Any, faces: Any) -> Any:
        asked.append(len(faces))
        return resolve(connection, faces)

    monkeypatch.setattr(people_directory, "people_of_faces", counted)
    for number in range(60):
        add(corpus, f"{number}.jpg", seen(face(number)))
    with corpus.engine.connect() as connection:
        found = people_directory.directory(connection, 4)
    assert len(found.people) == 4
    assert found.has_more
    assert sum(asked) <= 12


def test_the_newest_name_counts(corpus: Corpus, cluster: Any) -> None:
    fill(corpus)
    name(cluster, ADA1, "Eva")
    name(cluster, ADA3, "Ada")
    assert names_of(corpus, "first.jpg") == "Ada"
    with pytest.raises(InvalidSearchError):
        found(corpus, "Eva")


def test_merged_people_are_one(corpus: Corpus, cluster: Any) -> None:
    add(corpus, "young.jpg", seen(ADA1))
    add(corpus, "old.jpg", seen(ADA2))
    name(cluster, ADA1, "Ada")
    name(cluster, ADA2, "Unknown lady")
    connect = corpus.engine.connect
    kept, other = find_person(connect, "Ada"), find_person(connect, ADA2[:8])
    merge_people(cluster, kept, other)
    assert found(corpus, "Ada") == ["old.jpg", "young.jpg"]
    add(corpus, "older.jpg", seen(ADA3, ADA2))
    assert names_of(corpus, "older.jpg") == "Ada"


def test_forgotten_person_leaves_collection_names_and_views(corpus: Corpus, cluster: Any) -> None:
    fill(corpus)
    name(cluster, ADA1, "Ada")
    connect = corpus.engine.connect
    plan = plan_forget(connect, find_person(connect, "Ada"), "headrace")
    assert plan.assets == ("media/film.mp4", "media/first.jpg", "media/second.jpg", "media/third.jpg")
    deleted: list[str] = []

    def delete_faces(collection: str, faces: Any) -> list[str]:
        deleted.extend(faces)
        return list(faces)

    assert forget(cluster, Deletions(delete_faces, no_pictures), plan, "asked") == 3
    assert sorted(deleted) == [ADA1, ADA2, ADA3]
    with pytest.raises(CommandError, match="no person"):
        find_person(connect, ADA1)
    with corpus.engine.connect() as connection:
        assert [each.person.faces for each in people_directory.directory(connection, 100).people] == [{BOB}]
        assert connection.scalars(select(people_table.c.name)).all() == ["", "", ""]
        stored = find_version(connection, "media", "second.jpg")
        assert stored is not None
        shown = with_people(connection, passages_of(connection, stored.id))
    assert [each.name for each in shown if each.kind == "person"] == [BOB]
    with pytest.raises(InvalidSearchError):
        found(corpus, "Ada")
    corpus.index()
    with corpus.engine.connect() as connection:
        left = connection.scalars(select(passages.c.name).where(passages.c.kind == "person")).all()
    assert set(left) == {BOB}


def test_forgetting_is_audited_without_the_name(corpus: Corpus, cluster: Any) -> None:
    fill(corpus)
    name(cluster, ADA1, "Ada Lovelace")
    connect = corpus.engine.connect
    plan = plan_forget(connect, find_person(connect, "Ada Lovelace"), "headrace")
    forget(cluster, DELETIONS, plan, "asked by mail")
    assert [(entry.kind, entry.state, entry.sent) for entry in cluster.audited] == [
        ("forget", "begun", 0),
        ("forget", "done", 3),
    ]
    text = msgspec.json.encode(cluster.audited).decode()
    assert ADA1 in text
    assert "asked by mail" in text
    assert "Lovelace" not in text


def test_failed_deletion_keeps_the_person(corpus: Corpus, cluster: Any) -> None:
    fill(corpus)
    name(cluster, ADA1, "Ada")
    connect = corpus.engine.connect
    plan = plan_forget(connect, find_person(connect, "Ada"), "headrace")

    def unavailable(collection: str, faces: Any) -> list[str]:
        raise CommandError("there is no collection headrace")

    with pytest.raises(CommandError):
        forget(cluster, Deletions(unavailable, no_pictures), plan, "")
    assert names_of(corpus, "first.jpg") == "Ada"
    assert [entry.state for entry in cluster.audited] == ["begun", "stopped"]


def test_later_results_of_a_forgotten_face_stay_hidden(corpus: Corpus, cluster: Any) -> None:
    fill(corpus)
    connect = corpus.engine.connect
    plan = plan_forget(connect, find_person(connect, ADA1), "headrace")
    forget(cluster, DELETIONS, plan, "")
    add(corpus, "late.jpg", seen(face(0xC0), ADA2))
    with corpus.engine.connect() as connection:
        assert sorted(len(each.person.faces) for each in people_directory.directory(connection, 100).people) == [1, 1]


def test_asset_page_has_names_instead_of_ids(corpus: Corpus, cluster: Any) -> None:
    fill(corpus)
    name(cluster, ADA1, "Ada")
    with corpus.engine.connect() as connection:
        stored = find_version(connection, "media", "second.jpg")
        assert stored is not None
        shown = with_people(connection, passages_of(connection, stored.id))
    assert [each.text for each in shown] == ["Ada", f"unknown person {BOB[:8]}"]


def test_person_is_found_by_name_id_or_beginning_of_an_id(corpus: Corpus, cluster: Any) -> None:
    fill(corpus)
    name(cluster, BOB, "Bob")
    connect = corpus.engine.connect
    for which in ("Bob", "bob", BOB, BOB[:8], BOB[:8].upper()):
        assert find_person(connect, which).faces == {BOB}
    with pytest.raises(CommandError, match="no person Eve: `headrace faces list`"):
        find_person(connect, "Eve")
    with pytest.raises(CommandError, match="may be 000000a1 or 000000b0"):
        find_person(connect, "000000")
    with pytest.raises(CommandError, match="no person %"):
        find_person(connect, "%%%%")


@pytest.mark.parametrize("bad", ["", "  ", "a\x1b[2J", "x" * 201, ADA1, "a\u202eb"])
def test_invalid_name_is_refused(bad: str) -> None:
    with pytest.raises(CommandError):
        checked_name(bad)


def test_name_with_spaces_and_accents_is_kept() -> None:
    assert checked_name("  Zoë   Ångström ") == "Zoë Ångström"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name/x", b"junk"),
        ("name/x", b'{"kind":"name","face":"x","by":"a","at":"b","name":"n"}'),
        ("other", msgspec.json.encode(PersonFact("name", ADA1, "a", "b", name="n"))),
        (f"name/{ADA1}", msgspec.json.encode(PersonFact("name", ADA1, "a", "b"))),
        (f"link/{ADA1}", msgspec.json.encode(PersonFact("link", ADA1, "a", "b"))),
    ],
)
def test_invalid_facts_are_not_folded(key: str, value: bytes) -> None:
    record = ConsumerRecord(topics.PEOPLE_FACTS.name, 0, 0, 0.0, key.encode(), value, ())
    with pytest.raises(InvalidRecordError):
        FOLDS[topics.PEOPLE_FACTS.name](Batch(), record)
