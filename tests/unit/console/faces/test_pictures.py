"""Tests of the pictures of faces on SQLite and PostgreSQL: found beside results, and deleted with their person."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select

from headrace.console.errors import CommandError
from headrace.console.faces.directory import find_person
from headrace.console.faces.forget import Deletions, forget, plan_forget
from headrace.console.faces.pictures import find_picture
from headrace.console.views.tables import assets, stage_states, versions
from tests.unit.console.faces.test_people import ADA1, ADA2, ADA3, BOB, cluster, fill
from tests.unit.console.search.corpus import Corpus

__all__ = ["cluster"]
BUCKET = "results"
STEM = "face-search@1-ab"


class FakeBucket:
    """S3 with some objects. `deleted` lists what was deleted, with vectors."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)
        self.deleted: list[str] = []

    def list_keys(self, bucket: str, prefix: str) -> list[str]:
        return [key for key in self.keys if bucket == BUCKET and key.startswith(prefix)]

    def delete_object(self, bucket: str, key: str) -> None:
        assert bucket == BUCKET
        self.keys.remove(key)
        self.deleted.append(key)


def fill_with_results(corpus: Corpus) -> None:
    """Add the assets of people, each with the location of its result."""
    fill(corpus)
    row = {"stage": "face-search", "status": "done", "at": 0.0, "event_id": "e", "cause": "", "summary": ""}
    row |= {"usd_nanos": 0, "topic": "media.people-recognised", "partition": 0, "offset": 0}
    with corpus.engine.begin() as connection:
        joined = versions.join(assets, assets.c.id == versions.c.asset_id)
        for version, key in connection.execute(select(versions.c.id, assets.c.key).select_from(joined)).all():
            location = f"s3://{BUCKET}/{key}/{STEM}.answer.json"
            connection.execute(insert(stage_states).values({**row, "version_id": version, "location": location}))


def test_pictures_of_a_forgotten_person_are_deleted(corpus: Corpus, cluster: Any) -> None:
    fill_with_results(corpus)
    connect = corpus.engine.connect
    mine = [f"first.jpg/{STEM}.{ADA1}.jpg", f"third.jpg/face-search@1e2.{ADA3}.jpg"]
    others = [f"second.jpg/{STEM}.{BOB}.jpg", f"first.jpg/{STEM}.answer.json", f"first.jpg/x@1.{ADA1}.jpg"]
    bucket = FakeBucket(*mine, *others)
    plan = plan_forget(connect, find_person(connect, ADA1), "headrace", bucket.list_keys)
    assert [each.url for each in plan.pictures] == [f"s3://{BUCKET}/{key}" for key in mine]
    forget(cluster, Deletions(lambda collection, faces: list(faces), bucket.delete_object), plan, "asked")
    assert (bucket.deleted, bucket.keys) == (mine, others)
    assert "2 pictures" in cluster.audited[-1].request


def test_failed_deletion_of_a_picture_keeps_the_person(corpus: Corpus, cluster: Any) -> None:
    fill_with_results(corpus)
    connect = corpus.engine.connect
    bucket, vectors = FakeBucket(f"first.jpg/{STEM}.{ADA1}.jpg"), list[str]()
    plan = plan_forget(connect, find_person(connect, ADA1), "headrace", bucket.list_keys)

    def unavailable(name: str, key: str) -> None:
        raise CommandError("S3 does not answer")

    def delete_faces(collection: str, faces: Any) -> list[str]:
        vectors.extend(faces)
        return list(faces)

    with pytest.raises(CommandError, match="S3"):
        forget(cluster, Deletions(delete_faces, unavailable), plan, "")
    assert vectors == []
    assert find_person(connect, ADA1).faces == {ADA1, ADA2, ADA3}


def test_a_picture_of_a_person_is_found_beside_a_result(corpus: Corpus, cluster: Any) -> None:
    fill_with_results(corpus)
    connect = corpus.engine.connect
    bucket = FakeBucket(f"second.jpg/{STEM}.{ADA2}.jpg")
    found = find_picture(connect, find_person(connect, ADA1), bucket.list_keys)
    assert found is not None
    assert found.url == f"s3://{BUCKET}/second.jpg/{STEM}.{ADA2}.jpg"
    assert find_picture(connect, find_person(connect, BOB), bucket.list_keys) is None
