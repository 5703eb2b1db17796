"""`streams.people.FaceCollections` over Amazon Rekognition.

Source: Amazon Rekognition Developer Guide, "Searching faces in a collection".
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from headrace.schemas.jobs import JOB_SPECS
from headrace.schemas.records import MatchedFace, SeenFace
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.job_status import result_pages
from headrace.streams.costs.prices import PriceList
from headrace.streams.errors import StageError
from headrace.streams.limits.input_check import check_media
from headrace.streams.media.media_input import MediaInput
from headrace.streams.people import FaceSearch, PeopleResult
from headrace.streams.settings import StreamSettings

SPEC = JOB_SPECS["rekognition", "StartFaceSearch"]
MAX_MATCHES = 5
"""Matches of each face. Faces of one person are linked through any of them."""
MAX_FACES = 100
"""Faces of an image; IndexFaces detects at most 100."""
GAP_SECONDS = 2.0
"""Detections of one person at most this far apart are one appearance."""

Response = dict[str, Any]


class RekognitionFaces:
    """Searches faces with Rekognition."""

    def __init__(self, aws: AwsClient, settings: StreamSettings, prices: PriceList) -> None:
        self._aws = aws
        self._settings = settings
        self._prices = prices

    async def index(self, search: FaceSearch, picture: MediaInput, external_id: str) -> PeopleResult:
        """Call IndexFaces, and SearchFaces for each face that it stored.

        Raises:
            PermanentError: `unsupported_input`: Rekognition does not accept the image.
        """
        check_media("rekognition", "IndexFaces", picture)
        indexed = await self._call(
            search,
            "index_faces",
            Image={"S3Object": picture.s3_object},
            ExternalImageId=external_id,
            MaxFaces=MAX_FACES,
        )
        faces = [record["Face"] for record in indexed["FaceRecords"]]
        searches = [
            await self._call(search, "search_faces", FaceId=face["FaceId"], **_limits(search)) for face in faces
        ]
        charges = [self._prices.charge("rekognition", "IndexFaces", 1)]
        if searches:
            charges.append(self._prices.charge("rekognition", "SearchFaces", len(searches)))
        seen = (_seen(face, found["FaceMatches"]) for face, found in zip(faces, searches, strict=True))
        return PeopleResult(tuple(seen), _json({**indexed, "Searches": searches}), tuple(charges))

    async def search(self, search: FaceSearch, picture: MediaInput) -> PeopleResult:
        """Call SearchFacesByImage.

        Raises:
            PermanentError: `unsupported_input`: Rekognition does not accept the image.
        """
        check_media("rekognition", "SearchFacesByImage", picture)
        charge = self._prices.charge("rekognition", "SearchFacesByImage", 1)
        try:
            found = await self._call(
                search, "search_faces_by_image", Image={"S3Object": picture.s3_object}, **_limits(search)
            )
        except StageError as error:
            if not _is_without_faces(error):
                raise
            return PeopleResult((), _json({"FaceMatches": []}), (charge,))
        face = {"BoundingBox": found["SearchedFaceBoundingBox"], "Confidence": found["SearchedFaceConfidence"]}
        return PeopleResult((_seen(face, found["FaceMatches"]),), _json(found), (charge,))

    async def start(self, search: FaceSearch, video: MediaInput, token: str) -> str:
        """Call StartFaceSearch; the same token returns the same job.

        Raises:
            PermanentError: `unsupported_input`: Rekognition does not accept the video.
        """
        check_media("rekognition", SPEC.operation, video)
        response = await self._call(
            search,
            "start_face_search",
            Video={"S3Object": video.s3_object},
            FaceMatchThreshold=search.threshold,
            ClientRequestToken=token,
            JobTag=token,
            NotificationChannel=self._settings.job_channel,
        )
        job_id: str = response["JobId"]
        return job_id

    async def get_result(self, job_id: str, seconds: float) -> PeopleResult:
        """Return the known people of all pages.

        Raises:
            StageError: The job has no result: `streams.aws.job_status.result_pages`.
        """
        persons: list[Response] = []
        page: Response = {}
        async for page in result_pages(self._aws, SPEC, job_id):
            persons += page["Persons"]
        answer = _json({"JobId": job_id, "VideoMetadata": page.get("VideoMetadata"), "Persons": persons})
        charge = self._prices.charge("rekognition", SPEC.operation, seconds / 60)
        return PeopleResult(_appearances(persons), answer, (charge,))

    async def _call(self, search: FaceSearch, method: str, **parameters: Any) -> Response:
        """Call an operation on the collection; create the collection if it does not exist."""
        arguments = {"CollectionId": search.collection, **parameters}
        try:
            response = await self._aws.call("rekognition", method, **arguments)
        except StageError as error:
            if error.code != "ResourceNotFoundException":
                raise
            await self._create(search.collection)
            response = await self._aws.call("rekognition", method, **arguments)
        response.pop("ResponseMetadata", None)
        return response

    async def _create(self, collection: str) -> None:
        try:
            await self._aws.call("rekognition", "create_collection", CollectionId=collection)
        except StageError as error:
            if error.code != "ResourceAlreadyExistsException":  # another worker has created it
                raise


def _limits(search: FaceSearch) -> Response:
    return {"MaxFaces": MAX_MATCHES, "FaceMatchThreshold": search.threshold}


def _is_without_faces(error: StageError) -> bool:
    """Return whether an image has no face. Source: Amazon Rekognition API Reference, SearchFacesByImage."""
    return error.code == "InvalidParameterException" and "no faces" in error.why


def _seen(face: Mapping[str, Any], matches: Iterable[Response]) -> SeenFace:
    """Return a face of an image; one that is not stored has no id."""
    box = face.get("BoundingBox", {})
    return SeenFace(
        face_id=face.get("FaceId"),
        matches=_matches(matches),
        confidence=round(face["Confidence"], 2) if "Confidence" in face else None,
        **{name: round(box.get(name.capitalize(), 0.0), 4) for name in ("left", "top", "width", "height")},
    )


def _matches(matches: Iterable[Response]) -> tuple[MatchedFace, ...]:
    best = sorted(matches, key=lambda match: (-match["Similarity"], match["Face"]["FaceId"]))[:MAX_MATCHES]
    return tuple(
        MatchedFace(face_id=match["Face"]["FaceId"], similarity=round(match["Similarity"], 2)) for match in best
    )


def _appearances(persons: Iterable[Response]) -> tuple[SeenFace, ...]:
    """Merge the detections of each known person into appearances, in the order of time."""
    groups: defaultdict[str, list[tuple[float, SeenFace]]] = defaultdict(list)
    for each in sorted(persons, key=lambda person: person["Timestamp"]):
        if not each.get("FaceMatches"):
            continue
        detail = each["Person"].get("Face") or each["Person"]
        face = _seen(
            {name: detail[name] for name in ("BoundingBox", "Confidence") if name in detail}, each["FaceMatches"]
        )
        groups[face.matches[0].face_id].append((each["Timestamp"] / 1000, face))
    found = [appearance for group in groups.values() for appearance in _merged(group)]
    return tuple(sorted(found, key=lambda face: (face.at_seconds or 0.0, face.matches[0].face_id)))


def _merged(group: Iterable[tuple[float, SeenFace]]) -> Iterable[SeenFace]:
    start = end = None
    best: SeenFace | None = None
    for at, face in group:
        if best is None or start is None or end is None or at - end > GAP_SECONDS:
            if best is not None:
                yield _timed(best, start, end)
            best, start = face, at
        elif face.matches[0].similarity > best.matches[0].similarity:
            best = face
        end = at
    if best is not None:
        yield _timed(best, start, end)


def _timed(face: SeenFace, start: float | None, end: float | None) -> SeenFace:
    return msgspec.structs.replace(face, at_seconds=start, until_seconds=end)


def _json(response: Response) -> bytes:
    return json.dumps(response, separators=(",", ":"), default=str).encode()
