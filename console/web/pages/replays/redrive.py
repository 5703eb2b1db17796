"""The plan of a redrive, and its execution."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from headrace.console.dlq.letter import LetterFilter, may_hold
from headrace.console.errors import CommandError
from headrace.console.replay import journal
from headrace.console.replay.forecast.render import LABELS
from headrace.console.replay.redrive import plan as redrive_plan
from headrace.console.replay.redrive import selection, send
from headrace.console.replay.redrive.plan import RedrivePlan
from headrace.console.replay.redrive.render import WORDS
from headrace.console.replay.redrive.selection import CandidateLetter, SelectionCriteria
from headrace.console.replay.redrive.send import RedriveOptions
from headrace.console.terminal.timespec import parse_time
from headrace.console.views.queries import letter_stats
from headrace.console.web.pages.replays.forms import integer, number, stage_named
from headrace.console.web.request import ConsoleRequest, FormData
from headrace.schemas import topics
from headrace.streams.stage import Stage

FIELDS = ("stage", "code", "key", "since", "until", "text", "limit", "max_replays")
"""The criteria, as `headrace replay redrive` has them."""
OPTIONS = ("rate", "canary", "max_failures", "wait")
SHOWN = 100
"""Dead letters of a plan that the page lists."""
MOST_RATE = 100_000.0
MOST_WAIT = 3_600.0


@dataclass(frozen=True, slots=True)
class StagePlan:
    """The plan of one stage. `digest` identifies the selected letters: execution refuses others."""

    plan: RedrivePlan
    selected: Sequence[CandidateLetter]
    digest: str

    @property
    def skipped(self) -> list[tuple[str, int]]:
        """The numbers of letters that are not sent, with the reason."""
        counts = Counter(letter.verdict for letter in self.plan.letters)
        return [(words, counts[verdict]) for verdict, words in WORDS.items() if counts[verdict]]

    @property
    def effects(self) -> list[tuple[str, float]]:
        """What the stage would do with the letters, with numbers."""
        forecast = self.plan.forecast
        if forecast is None:
            return []
        return [
            (text, forecast.of_all(forecast.counts[kind])) for kind, text in LABELS.items() if kind in forecast.counts
        ]


def show(request: ConsoleRequest) -> Response:
    """Show the form, and the plan of each stage with matching letters. Changes nothing."""
    criteria = _criteria(request, request.query)
    options = _options(request.query)
    cluster = request.services.cluster()
    wanted = _stages(request, request.query.get("stage", ""), criteria.ids)
    plans = [redrive_plan.plan_redrive(cluster, stage, criteria) for stage in wanted]
    return request.render(
        "redrive.html",
        form={name: request.query.get(name, "") for name in (*FIELDS, *OPTIONS)},
        ids=criteria.ids,
        plans=[_stage_plan(each) for each in plans if each.has_matches()],
        options=options,
        stages=[stage.name for stage in request.services.stages()],
        shown=SHOWN,
    )


def execute(request: ConsoleRequest) -> Response:
    """Execute the plan of one stage in the background, if it is still the one that was reviewed."""
    criteria, options = _criteria(request, request.form), _options(request.form)
    stage, cluster = stage_named(request, request.form.get("stage", "")), request.services.cluster()
    plan = redrive_plan.plan_redrive(cluster, stage, criteria)
    found = _stage_plan(plan)
    if not found.selected:
        raise CommandError("no dead letter is left to redrive: nothing was sent")
    if found.digest != request.form.get("digest", ""):
        raise CommandError("the dead letters changed after the plan was made: nothing was sent. Review the plan again")
    redrive_plan.refuse_not_retryable([plan])
    redrive_plan.refuse_idle([plan], waits=options.wait > 0)
    target = journal.StageGroup(stage.name, plan.group)
    what = selection.describe_criteria(criteria)
    action = journal.start_entry("redrive", target, what, request.form.get("reason", ""), len(found.selected))
    request.services.runs.start(action.id, lambda: send.execute(cluster, plan, action, options))
    return request.redirect(f"/replays/one?id={action.id}")


def _stage_plan(plan: RedrivePlan) -> StagePlan:
    letters = plan.selected()
    places = "\n".join(sorted(plan.place(letter) for letter in letters))
    return StagePlan(plan, letters, hashlib.sha256(places.encode()).hexdigest()[:32])


def _criteria(request: ConsoleRequest, parameters: FormData) -> SelectionCriteria:
    now = request.services.now()
    code, key, text = (parameters.get(name, "").strip() or None for name in ("code", "key", "text"))
    times = (parameters.get(name, "").strip() for name in ("since", "until"))
    since, until = (parse_time(each, now) if each else None for each in times)
    limit = integer(parameters, "limit", None, 1)
    ids = tuple(filter(None, parameters.getlist("id")))
    most = integer(parameters, "max_replays", 3, 1) or 3
    return SelectionCriteria(LetterFilter(None, code, key, since, until, text, limit), ids, most)


def _options(parameters: FormData) -> RedriveOptions:
    usual = RedriveOptions()
    return RedriveOptions(
        rate=number(parameters, "rate", usual.rate, MOST_RATE),
        canary=integer(parameters, "canary", usual.canary) or 0,
        max_failure_share=number(parameters, "max_failures", usual.max_failure_share, 1.0),
        wait=number(parameters, "wait", usual.wait, MOST_WAIT),
    )


def _stages(request: ConsoleRequest, name: str, ids: Sequence[str]) -> Sequence[Stage]:
    """Return the named stage, or every stage with open letters whose dead-letter topic can hold one of `ids`."""
    if name:
        return [stage_named(request, name)]
    stages = request.services.stages()
    with request.services.connect() as connection:
        failed = letter_stats.stats(connection, [topics.dead_letters(each.name).name for each in stages]).by("stage")
    found = [each for each in stages if each.name in failed]
    return [each for each in found if not ids or any(may_hold(topics.dead_letters(each.name).name, id_) for id_ in ids)]
