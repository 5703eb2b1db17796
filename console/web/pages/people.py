"""The people that `face-search` found, with their pictures, and their names."""

from __future__ import annotations

from starlette.responses import Response

from headrace.console.faces import directory, pictures
from headrace.console.media.objects import ObjectName
from headrace.console.views.queries import face_places, people, people_directory
from headrace.console.web.access.users import UserRole
from headrace.console.web.failures import NotFoundError
from headrace.console.web.object_response import send_object
from headrace.console.web.page import WebPage, WebRoute
from headrace.console.web.request import ConsoleRequest
from headrace.streams.stages.face_search import THUMBNAILS

SHOWN = 100


def show(request: ConsoleRequest) -> Response:
    """List people: those with a name first, then those found last."""
    with request.services.connect() as connection:
        found = people_directory.directory(connection, SHOWN)
    stage = next((each for each in request.services.stages() if each.name == face_places.STAGE), None)
    return request.render(
        "people.html",
        people=found.people,
        has_more=found.has_more,
        is_on=stage is not None,
        has_pictures=stage is not None and THUMBNAILS in stage.options,
    )


def picture(request: ConsoleRequest) -> Response:
    """Return a picture of the person with a face. It is not cached: a forgotten person has none."""
    person = _person(request)
    for name in pictures.candidates(request.services.connect, person)[: pictures.TRIED]:
        found = _sent(request, name)
        if found is not None:
            found.headers["Cache-Control"] = "no-store"
            return found
    raise NotFoundError(f"there is no picture of {person.id[:8]}")


def name(request: ConsoleRequest) -> Response:
    """Give a person a name."""
    person = _person(request)
    words = directory.checked_name(request.form.get("name", ""))
    directory.name_person(request.services.cluster(), person, words)
    return request.redirect("/people", notice=f"{person.id[:8]} is {words}; the views show it in a moment")


def _person(request: ConsoleRequest) -> people.Person:
    face = request.query.get("face", "") or request.form.get("face", "")
    with request.services.connect() as connection:
        found = people.people_of_faces(connection, [face] if face else []).get(face)
        if found is None or not people.assets_with(connection, found.faces):
            raise NotFoundError(f"there is no person with the face {face}")
    return found


def _sent(request: ConsoleRequest, name: ObjectName) -> Response | None:
    try:
        return send_object(request, name)
    except NotFoundError:
        return None


PAGE = WebPage(
    title="People",
    path="/people",
    routes=(
        WebRoute("/people", show),
        WebRoute("/people/picture", picture),
        WebRoute("/people/name", name, method="POST", role=UserRole.OPERATOR),
    ),
)
