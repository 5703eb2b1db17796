"""Pictures of faces with the real pipeline: stored, found, shown in the console, and deleted with their person."""

from __future__ import annotations

import io
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from headrace.sandbox.access.control import call_control
from tests.support.aws_clients import new_client
from tests.support.drawn_faces import ADA, BOB, portrait
from tests.support.process import headrace, run, wait_for
from tests.system.conftest import separate_cluster

BUCKET = "headrace-media"
PIPELINE = f"""
[stages.face-search]
on = true
consent = ["s3://{BUCKET}/staff/"]
thumbnails = true
"""
STAGES = ("scan", "probe", "ready", "face-search")


class People:
    """A pipeline that recognises people, and the commands of an operator."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.s3 = new_client("s3")

    def put(self, key: str, *faces: tuple[str, int, int]) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=portrait(*faces))

    def listed(self) -> list[dict[str, Any]]:
        """Return the people, the one with the most assets first."""
        done = run(self.environment, "faces", "list", "--json")
        found: list[dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else []
        return sorted(found, key=lambda each: -each["assets"])

    def pictures(self) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.environment["HEADRACE_RESULTS_BUCKET"])
        keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
        return [key for key in keys if "face-search@" in key and key.endswith(".jpg")]

    def forget(self, person: str, *options: str) -> tuple[int, str]:
        done = run(self.environment, "faces", "forget", person, "--reason", "asked", *options)
        return done.returncode, done.stdout + done.stderr

    def deny(self, operation: str = "") -> None:
        """Let the AI endpoint deny an operation, or none."""
        url = self.environment["AWS_ENDPOINT_URL_REKOGNITION"] + "/faults"
        call_control(url, "DELETE")
        if operation:
            call_control(url, "POST", {"operation": operation, "kind": "deny"})


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    folder = tmp_path_factory.mktemp("people")
    (folder / "pipeline.toml").write_text(PIPELINE, "utf-8")
    with separate_cluster(folder / "cluster") as cluster:
        views = {"HEADRACE_VIEWS": str(folder / "views.db"), "HEADRACE_PIPELINE": str(folder / "pipeline.toml")}
        environment = {**cluster, **views}
        assert run(environment, "topics", "apply").returncode == 0
        with (
            headrace(environment, folder, "bridge") as bridge,
            headrace(environment, folder, "worker", *STAGES) as worker,
            headrace(environment, folder, "views", "run"),
        ):
            bridge.ready()
            worker.ready()
            yield People(environment)


def test_pictures_of_faces_are_shown_and_deleted_with_their_person(people: People, tmp_path: Path) -> None:
    people.put("staff/one.jpg", (ADA, 40, 60))
    wait_for(lambda: len(people.listed()) == 1, "the first person")
    people.put("staff/two.jpg", (ADA, 400, 200), (BOB, 60, 80))
    people.put("elsewhere/three.jpg", (BOB, 60, 80))  # without consent
    wait_for(lambda: [each["assets"] for each in people.listed()] == [2, 1], "both people")
    ada, bob = people.listed()
    assert len(people.pictures()) == 3
    for each in (ada, bob):
        bucket, _, key = each["picture"].removeprefix("s3://").partition("/")
        content = people.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        assert Image.open(io.BytesIO(content)).size == (160, 160)
    with headrace(people.environment, tmp_path, "console", "--port", "0") as console:
        [address] = re.findall(r"console: (http\S+)", console.ready("console: http").log.read_text())
        with urllib.request.urlopen(f"{address.rstrip('/')}/people/picture?face={ada['faces'][0]}") as shown:
            assert Image.open(io.BytesIO(shown.read())).size == (160, 160)

    code, output = people.forget(ada["person"])
    assert (code, "2 pictures of faces" in output) == (0, True)
    assert len(people.pictures()) == 3
    people.deny("DeleteFaces")
    code, output = people.forget(ada["person"], "--execute")
    assert (code, "AWS rejected DeleteFaces: AccessDeniedException" in output) == (1, True), output
    assert {each["person"] for each in people.listed()} == {ada["person"], bob["person"]}
    people.deny()
    code, output = people.forget(ada["person"], "--execute")
    assert (code, "forgotten: 2 faces deleted" in output) == (0, True), output
    wait_for(lambda: [each["person"] for each in people.listed()] == [bob["person"]], "the person to be gone")
    [left] = people.pictures()
    assert bob["picture"].endswith(left)
