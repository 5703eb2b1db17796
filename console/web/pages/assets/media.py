"""Media of assets: objects of S3 through the console, with ranges. Only what the views name is read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
from starlette.responses import JSONResponse, PlainTextResponse, Response

from headrace.console.media import boxes
from headrace.console.media.boxes import PictureBox
from headrace.console.media.objects import ObjectGoneError, ObjectName, parse_location
from headrace.console.media.webvtt import captions
from headrace.console.views.queries import asset_detail, people
from headrace.console.web.failures import NotFoundError
from headrace.console.web.object_response import HEADERS, send_object
from headrace.console.web.pages.assets.detail import DRAWN_STAGES, PEOPLE_STAGE, SHOTS_STAGE, named_version
from headrace.console.web.request import ConsoleRequest
from headrace.schemas.parsing import InvalidValueError, parse_int

MOST_PICTURES = 9_999


def media(request: ConsoleRequest) -> Response:
    """Return the object of an asset's version."""
    stored = named_version(request)
    return send_object(request, ObjectName(stored.bucket, stored.key, stored.version_id, stored.etag))


def result(request: ConsoleRequest) -> Response:
    """Return the stored result of a stage, such as the proxy of a video."""
    stored, stage = named_version(request), request.query.get("stage", "")
    with request.services.connect() as connection:
        location = asset_detail.result_location(connection, stored.id, stage)
    if location is None:
        raise NotFoundError(f"{stored.bucket}/{stored.key} has no result of {stage}")
    return send_object(request, parse_location(location))


def thumbnail(request: ConsoleRequest) -> Response:
    """Return the picture of an asset's version: the first, or the one with a number."""
    stored, number = named_version(request), request.query.get("n", "0")
    with request.services.connect() as connection:
        pictures = asset_detail.passages_of(connection, stored.id, ("thumbnail",))
    try:
        location = pictures[parse_int(number, 0, MOST_PICTURES)].text
    except (InvalidValueError, IndexError):
        raise NotFoundError(f"{stored.bucket}/{stored.key} has no such picture") from None
    return send_object(request, parse_location(location))


def subtitles(request: ConsoleRequest) -> Response:
    """Return what was spoken as WebVTT, for a player."""
    stored = named_version(request)
    with request.services.connect() as connection:
        spoken = asset_detail.passages_of(connection, stored.id, ("transcript",))
    return PlainTextResponse(captions(spoken), media_type="text/vtt", headers=HEADERS)


def seen(request: ConsoleRequest) -> Response:
    """Return the boxes and shots of stored results as JSON, for a player."""
    stored = named_version(request)
    drawn = [each for stage in DRAWN_STAGES for each in _read(request, stored.id, stage, boxes.read_boxes)]
    drawn += _people(request, stored.id)
    shots = _read(request, stored.id, SHOTS_STAGE, boxes.read_shots)
    return JSONResponse(msgspec.to_builtins({"boxes": drawn, "shots": shots}), headers=HEADERS)


def _people(request: ConsoleRequest, version: int) -> list[PictureBox]:
    """Return the boxes of people with their names; those of forgotten faces are left out."""
    found = _read(request, version, PEOPLE_STAGE, boxes.read_people)
    with request.services.connect() as connection:
        known = people.people_of_faces(connection, {each.text for each in found})
    return [replace(each, text=people.display_name(each.text, known)) for each in found if each.text in known]


def _read(request: ConsoleRequest, version: int, stage: str, parse: Any) -> list[Any]:
    """Return what a stored result contains; nothing if it is gone, or not an answer of Rekognition."""
    with request.services.connect() as connection:
        location = asset_detail.result_location(connection, version, stage)
    if location is None:
        return []
    try:
        found: list[Any] = parse(request.services.objects.read(location))
    except (ObjectGoneError, msgspec.DecodeError):
        return []
    return found
