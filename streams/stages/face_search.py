"""Search the faces of an image or video in a collection of known people.

An image adds its faces to the collection, unless the setting `index` is false; a video adds none. Events have ids of
faces; `headrace faces` gives them names. With the setting `thumbnails`, a picture of each added face is stored beside
the result, as `<result name>.<id of the face>.jpg`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence

import structlog

from headrace.schemas.ids import asset_key
from headrace.schemas.records import Asset, MediaReady, PeopleRecognised, SeenFace
from headrace.schemas.topics import PEOPLE, READY, subject_of
from headrace.streams.errors import PermanentError
from headrace.streams.handlers import AsyncJob, FinishedJob, Transform
from headrace.streams.limits.input_check import accepted_encoding
from headrace.streams.limits.service_inputs import media_rule
from headrace.streams.media.face_pictures import CONTENT_TYPE, FaceShare, face_pictures
from headrace.streams.media.info import MediaInfo
from headrace.streams.people import DEFAULT_COLLECTION, FaceSearch, PeopleResult
from headrace.streams.search_text import SearchText
from headrace.streams.services import Services
from headrace.streams.stage import Stage
from headrace.streams.stages._inputs import Proxied, from_proxy, media_for, picture_for

OPERATION = "StartFaceSearch"
THUMBNAILS = "thumbnails=True"
"""The option of a stage that stores pictures of faces."""
MAX_FACES = 100
VIDEOS = {"$or": [{"kind": ["video"]}, from_proxy("rekognition")]}

log = structlog.get_logger("headrace")


def face_search_stage(
    collection: str = DEFAULT_COLLECTION,
    threshold: float = 95.0,
    index: bool = True,
    thumbnails: bool = False,
    options: tuple[str, ...] = (),
) -> Stage:
    """Build the stage. A match has at least the similarity `threshold`, from 0 to 100.

    Without `index`, no face is added to the collection, and only the largest face of an image is searched. With
    `thumbnails`, a picture of each added face is stored.

    Raises:
        ValueError: a setting is invalid.
    """
    _check(collection, threshold)
    if thumbnails and not index:
        raise ValueError("thumbnails = true: pictures are of faces in the collection, so it needs index = true")
    search = FaceSearch(collection, threshold)

    async def detect(media: MediaReady, services: Services) -> PeopleRecognised:
        picture = await picture_for("rekognition", "IndexFaces", media, services)
        if index:
            found = await services.people.index(search, picture, image_id(media.asset))
            if thumbnails:
                await _store_pictures(stage.result_name, media, found.faces, services)
            return await store(media.asset, found, services)
        return await store(media.asset, await services.people.search(search, picture), services)

    async def start(record: Proxied, token: str, services: Services) -> str:
        return await services.people.start(search, media_for("rekognition", record), token)

    async def finish(finished: FinishedJob, services: Services) -> PeopleRecognised:
        seconds = finished.record.duration_seconds or 0.0
        return await store(finished.asset, await services.people.get_result(finished.job.job_id, seconds), services)

    async def store(asset: Asset, found: PeopleResult, services: Services) -> PeopleRecognised:
        file = f"{stage.result_name}.answer.json"
        return PeopleRecognised(
            asset=asset,
            collection=collection,
            faces=found.faces[:MAX_FACES],
            count=len(found.faces),
            known=sum(bool(face.matches) for face in found.faces),
            result=await services.blobs.put_blob(asset, file, found.answer, "application/json"),
            charges=found.charges,
        )

    image_methods = ("index_faces", "search_faces") if index else ("search_faces_by_image",)
    methods = ("create_collection", *image_methods, "start_face_search", "get_face_search")
    stage = Stage(
        "face-search",
        reads=(READY,),
        writes=PEOPLE,
        when={"kind": ["image", "video"]},
        when_proxied={
            "$or": [
                {"kind": ["image"]},
                {"kind": ["video"], **accepted_encoding(media_rule("rekognition", OPERATION))},
                from_proxy("rekognition"),
            ]
        },
        needs_consent=True,
        handler=AsyncJob("rekognition", OPERATION, start, finish, when=VIDEOS, otherwise=Transform(detect)),
        options=options,
        factory=face_search_stage,
        paid_operations=tuple(f"rekognition.{method}" for method in methods),
        summary=summary,
        search=search_texts,
    )
    return stage


def _check(collection: str, threshold: float) -> None:
    if not re.fullmatch(r"[a-zA-Z0-9_.-]{1,255}", collection):
        raise ValueError(f"collection = {collection!r}: use at most 255 letters, digits, dots, hyphens and underscores")
    if not 0 <= threshold <= 100:
        raise ValueError(f"threshold = {threshold:g}: use a similarity from 0 to 100")


async def _store_pictures(name: str, media: MediaReady, faces: Sequence[SeenFace], services: Services) -> None:
    """Store a picture of each added face beside the result with this name."""
    added = [face for face in faces[:MAX_FACES] if face.face_id]
    if not added:
        return
    info = MediaInfo(kind="image", format=media.format, width=media.width, height=media.height)
    boxes = [FaceShare(face.left, face.top, face.width, face.height) for face in added]
    try:
        async with services.objects.fetched(media.asset) as path:
            pictures = await face_pictures(path, info, boxes, subject_of(media))
    except PermanentError as error:  # the faces are paid for, and their result does not depend on pictures
        log.warning("face_pictures_skipped", asset=subject_of(media), reason=str(error))
        return
    for face, picture in zip(added, pictures, strict=True):
        await services.blobs.put_blob(media.asset, f"{name}.{face.face_id}.jpg", picture, CONTENT_TYPE)


def image_id(asset: Asset) -> str:
    """Return the external id of an image: the same for every attempt, and without the name of the object."""
    return hashlib.sha256(f"{asset_key(asset)}\n{asset.version}".encode()).hexdigest()


def search_texts(event: PeopleRecognised) -> Iterator[SearchText]:
    """Return each face, and its links to faces of the same person. Names of people are not part of a result."""
    for face in event.faces:
        matches = list(face.matches)
        if face.face_id is None and not matches:
            continue
        shown = face.face_id or matches[0].face_id
        confidence = face.confidence if face.face_id else matches[0].similarity
        yield SearchText("person", shown, "", confidence, face.at_seconds, face.until_seconds)
        for match in matches:
            if match.face_id != shown:
                yield SearchText("person", shown, match.face_id, match.similarity, face.at_seconds, face.until_seconds)


def summary(event: PeopleRecognised) -> str:
    """Return the number of faces and of known ones."""
    if not event.count:
        return "no face"
    return f"{event.count} face{'s' * (event.count > 1)}, {event.known or 'none'} known"


STAGE = face_search_stage()
