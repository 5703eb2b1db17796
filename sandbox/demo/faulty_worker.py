"""Run a worker with a bug in one stage: `python -m headrace.sandbox.demo.faulty_worker STAGE`.

`headrace demo --break` starts it, and `headrace sandbox restore-worker` replaces it.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from headrace.console.app.main import apply_default_environment
from headrace.console.commands.worker import host_stages
from headrace.console.routing.stages import load_stages_and_rules
from headrace.schemas.runtime import logging
from headrace.streams.handlers import Transform
from headrace.streams.stage import Stage

STAGES = ("thumbnails", "labels", "moderation", "transcript")
"""Stages without dependent stages, so that the bug does not affect other stages."""


def broken(stage: Stage) -> Stage:
    """Return a stage that fails with a programming error on every attempt."""
    job = stage.job
    if job is None:
        return replace(stage, handler=Transform(_bug))
    return replace(stage, handler=replace(job, start=_bug, otherwise=Transform(_bug) if job.otherwise else None))


async def _bug(*_: Any) -> Any:
    answer: dict[str, Any] = {"labels": []}
    return answer["Labels"]


def main(name: str) -> None:
    """Run the worker of all stages with a bug in one."""
    logging.configure(json=False)
    apply_default_environment()
    loaded = load_stages_and_rules()
    stages = tuple(broken(stage) if stage.name == name else stage for stage in loaded.deployment.stages)
    deployment = replace(loaded.deployment, stages=stages)
    host_stages(stages, replace(loaded, deployment=deployment), host_new_rules=True)


if __name__ == "__main__":
    main(sys.argv[1])
