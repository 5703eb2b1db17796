"""Check the names in HEADRACE_SLOTS and HEADRACE_RATES: a misspelt name would be a limit that is not applied."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from headrace.schemas.jobs import CONCURRENT_JOBS
from headrace.schemas.settings import SettingsError
from headrace.streams.aws.operation_names import unknown_operations
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage


def check_limit_names(settings: StreamSettings, stages: Sequence[Stage]) -> None:
    """Check that each limit has the name of a stage with jobs, or of an SDK operation. `stages` may be disabled.

    Raises:
        SettingsError: a name is unknown. The message has the closest known one.
    """
    with_jobs = [stage.name for stage in stages if stage.job is not None and stage.job.service in CONCURRENT_JOBS]
    for name in settings.slots:
        if name not in with_jobs:
            closest = next(iter(get_close_matches(name, with_jobs, 1)), "")
            hint = f"did you mean {closest}?" if closest else f"there are {', '.join(with_jobs)}"
            raise SettingsError(f"HEADRACE_SLOTS: {name[:100]!r} is not a stage with jobs; {hint}")
    for name, closest in unknown_operations(settings.rates):
        hint = f"did you mean {closest}?" if closest else "an example is rekognition.detect_labels"
        raise SettingsError(f"HEADRACE_RATES: {name[:100]!r} is not an SDK operation; {hint}")
