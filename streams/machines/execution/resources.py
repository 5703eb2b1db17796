"""The resource of a Task state, and the types of its history events."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias

ResourceKind: TypeAlias = Literal["Task", "LambdaFunction", "Activity"]
Pattern: TypeAlias = Literal["", "sync", "waitForTaskToken"]

_ARN_PARTS = 6
_SECOND_SYNC = "2"


class Resource(NamedTuple):
    """A parsed resource. `kind` is the prefix of its event types; `service` and `api` are those of an integration."""

    text: str
    kind: ResourceKind
    service: str
    api: str
    pattern: Pattern

    @property
    def has_token(self) -> bool:
        """Whether the task is answered by its token."""
        return self.kind == "Activity" or self.pattern == "waitForTaskToken"

    @property
    def name(self) -> str:
        """The name in AWS's causes: the service of an integration, otherwise the ARN."""
        return self.service if self.kind == "Task" and self.service else self.text


@lru_cache(1024)
def parse_resource(text: str) -> Resource:
    """Return the parsed resource: an integration, a Lambda function, an activity, or a text of another form."""
    parts = text.split(":")
    if len(parts) <= _ARN_PARTS or parts[0] != "arn":
        return Resource(text, "Task", "", text, "")
    if parts[2] == "lambda":
        return Resource(text, "LambdaFunction", "", text, "")
    if parts[2] == "states" and parts[5] == "activity":
        return Resource(text, "Activity", "", text, "")
    versions = 2 if parts[-1] == _SECOND_SYNC and parts[-2].endswith(".sync") else 1
    api = ":".join(parts[-versions:])
    return Resource(text, "Task", ":".join(parts[_ARN_PARTS - 1 : -versions]), api, _pattern(api))


def _pattern(api: str) -> Pattern:
    suffix = api.partition(".")[2]
    if suffix.startswith("sync"):
        return "sync"
    return "waitForTaskToken" if suffix == "waitForTaskToken" else ""


def region_of(arn: str) -> str:
    """Return the region of an ARN; an empty text without one."""
    parts = arn.split(":")
    return parts[3] if len(parts) > _ARN_PARTS else ""
