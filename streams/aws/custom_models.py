"""The state of models of Amazon Rekognition Custom Labels. A running model is billed by the hour: none is started here.

Source: Amazon Rekognition API Reference, DescribeProjectVersions and ProjectVersionDescription.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from headrace.streams.aws.client import AwsClient
from headrace.streams.errors import PermanentError, RetryAt

CHECK_SECONDS = 60.0
"""How long a model that runs is not asked about again. A call to one that was stopped meanwhile is tried again."""
STARTING_SECONDS = 60.0


class CustomModels:
    """Finds running models, and remembers them for a minute."""

    def __init__(self, aws: AwsClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._aws = aws
        self._clock = clock
        self._running: dict[tuple[str, str], tuple[str, float]] = {}

    async def running(self, project: str, version: str) -> str:
        """Return the ARN of a version of a project, if it is running.

        Raises:
            RetryAt: It is being started.
            PermanentError: `model_not_running`: It is in another state, or does not exist.
        """
        arn, checked_at = self._running.get((project, version), ("", 0.0))
        if arn and self._clock() < checked_at + CHECK_SECONDS:
            return arn
        arn = await self._ask(project, version)
        self._running[project, version] = arn, self._clock()
        return arn

    async def _ask(self, project: str, version: str) -> str:
        response = await self._aws.call(
            "rekognition", "describe_project_versions", ProjectArn=project, VersionNames=[version]
        )
        found = response["ProjectVersionDescriptions"]
        if not found:
            raise PermanentError("model_not_running", f"{project} has no version {version}")
        arn, status = str(found[0]["ProjectVersionArn"]), str(found[0]["Status"])
        if status == "STARTING":
            raise RetryAt(f"the model {arn} is being started", STARTING_SECONDS, "model_starting")
        if status != "RUNNING":
            command = f"aws rekognition start-project-version --min-inference-units 1 --project-version-arn {arn}"
            why = f"the model is {status}, and is billed by the hour while it runs. Start it with: {command}"
            raise PermanentError("model_not_running", f"{why}; then redrive this record")
        return arn
