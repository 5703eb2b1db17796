"""The page of one asset: what was found in it, its life, and each of its versions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from headrace.console.assets import serialize
from headrace.console.assets.projection import AssetVersion
from headrace.console.assets.timeline import TimelineStep, timeline
from headrace.console.views.queries import asset_detail, execution_states
from headrace.console.views.queries.asset_detail import FoundPassage, JobRun, StoredVersion
from headrace.console.views.queries.execution_states import StateVisit
from headrace.console.views.queries.executions import StoredExecution
from headrace.console.views.queries.history import ViewAssets
from headrace.console.web.failures import NotFoundError
from headrace.console.web.pages.assets.found import Findings, findings
from headrace.console.web.pages.assets.life import AssetLife, asset_life
from headrace.console.web.request import ConsoleRequest
from headrace.schemas.parsing import InvalidValueError, parse_float

DRAWN_STAGES = ("labels", "faces", "celebrities", "text-in-video")
"""Stages whose results have boxes."""
PEOPLE_STAGE = "face-search"
SHOTS_STAGE = "segments"
PROXY_STAGE = "transcode"
VOICE_STAGE = "voice"


@dataclass(frozen=True, slots=True)
class AssetExecution:
    """An execution of a state machine whose input names the asset, with the states that it visited."""

    execution: StoredExecution
    visits: Sequence[StateVisit]


@dataclass(frozen=True, slots=True)
class AssetView:
    """One version of an asset, with what the page shows of it."""

    stored: StoredVersion
    version: AssetVersion
    versions: tuple[AssetVersion, ...]
    jobs: Sequence[JobRun]
    steps: Sequence[TimelineStep]
    life: AssetLife
    found: Findings
    thumbnails: tuple[FoundPassage, ...]
    executions: Sequence[AssetExecution]

    @property
    def results(self) -> frozenset[str]:
        """The stages that have stored a result."""
        return frozenset(name for name, fact in self.version.stages.items() if fact.status == "done" and fact.location)

    @property
    def has_shots(self) -> bool:
        """Whether shots were detected."""
        return SHOTS_STAGE in self.results

    @property
    def has_boxes(self) -> bool:
        """Whether results may have boxes."""
        return bool(self.results.intersection((*DRAWN_STAGES, PEOPLE_STAGE)))


def show(request: ConsoleRequest) -> Response:
    """Show a version of an asset, by default the newest."""
    view = _read(request)
    here = {"bucket": view.stored.bucket, "key": view.stored.key, "version": view.stored.version}
    return request.render("asset.html", view=view, here=here, start=_start(request.query.get("t", "")))


def asset_json(request: ConsoleRequest) -> dict[str, Any]:
    """Return an asset as `headrace trace --json` prints it."""
    name = f"{request.query.get('bucket', '')}/{request.query.get('key', '')}"
    history = ViewAssets(request.services.connect)
    if not history.versions(name) and not history.unreadable_letters(name):
        raise _not_found(name)
    with request.services.connect() as connection:
        found = execution_states.of_asset(connection, name)
    executions = execution_states.as_json(found)
    return {**serialize.asset(name, history), **({"executions": executions} if executions else {})}


def named_version(request: ConsoleRequest) -> StoredVersion:
    """Return the version that the query of an address names.

    Raises:
        NotFoundError: the views do not have it.
    """
    bucket, key = request.query.get("bucket", ""), request.query.get("key", "")
    with request.services.connect() as connection:
        stored = asset_detail.find_version(connection, bucket, key, request.query.get("version", ""))
    if stored is None:
        raise _not_found(f"{bucket}/{key}")
    return stored


def _read(request: ConsoleRequest) -> AssetView:
    stored = named_version(request)
    versions = ViewAssets(request.services.connect).versions(f"{stored.bucket}/{stored.key}")
    version = next((each for each in reversed(versions) if each.asset.version == stored.version), None)
    if version is None:
        raise _not_found(f"{stored.bucket}/{stored.key}")
    with request.services.connect() as connection:
        passages = asset_detail.with_people(connection, asset_detail.passages_of(connection, stored.id))
        jobs = asset_detail.jobs_of(connection, stored.id)
        executions = execution_states.of_asset(connection, f"{stored.bucket}/{stored.key}")
    return AssetView(
        stored=stored,
        version=version,
        versions=tuple(reversed(versions)),
        jobs=jobs,
        steps=timeline(version),
        life=asset_life(version),
        found=findings(passages),
        thumbnails=tuple(each for each in passages if each.kind == "thumbnail"),
        executions=[AssetExecution(*each) for each in executions],
    )


def _start(text: str) -> str:
    """Return the moment at which the player starts, in seconds; empty for the beginning."""
    try:
        return f"{parse_float(text):g}" if text else ""
    except InvalidValueError:
        return ""


def _not_found(name: str) -> NotFoundError:
    return NotFoundError(f"the views have no asset {name}, or not this version of it")
