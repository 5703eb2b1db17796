"""With the permissions of the Terraform module, a worker tells a removed object from a forbidden one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.error_codes import to_stage_error
from headrace.streams.aws.s3 import S3Objects
from headrace.streams.errors import ObjectGone, StageError
from tests.support.records import asset

ROLES = Path(__file__).parents[4] / "deploy" / "terraform" / "roles.tf"
ACTIONS = {"get_object": "s3:GetObject", "get_object_tagging": "s3:GetObjectTagging"}


def granted(resource: str) -> frozenset[str]:
    """Return the actions that the module allows on a resource, such as `local.media`."""
    statements = re.findall(r"actions\s*=\s*(\S.*\S)\s*resources\s*=\s*\[([^]]*)\]", ROLES.read_text("utf-8"))
    found = [actions for actions, resources in statements if resource in resources.split(", ")]
    return frozenset(action for actions in found for action in _listed(actions))


def _listed(actions: str) -> list[str]:
    """Return the actions of a list, or of a name in wanted.json such as `local.wanted.objects.read_media`."""
    named = actions.removeprefix("local.wanted.objects.")
    wanted: dict[str, list[str]] = json.loads((ROLES.parent / "wanted.json").read_text("utf-8"))["objects"]
    return re.findall(r'"([^"]+)"', actions) if named == actions else wanted[named]


class AuthorisingS3:
    """S3 without any object: it answers as the permissions of the caller make it.

    Source: Amazon S3 API Reference, GetObject, "Permissions": without s3:ListBucket, a missing object is forbidden.
    """

    def __init__(self, on_bucket: frozenset[str], on_objects: frozenset[str]) -> None:
        self._on_bucket = on_bucket
        self._on_objects = on_objects

    async def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        is_listable = "s3:ListBucket" in self._on_bucket
        code = "NoSuchKey" if ACTIONS[operation] in self._on_objects and is_listable else "AccessDenied"
        raise to_stage_error(ClientError({"Error": {"Code": code, "Message": "m"}}, operation))


async def failure(on_bucket: frozenset[str]) -> Exception:
    s3 = S3Objects(cast(AwsClient, AuthorisingS3(on_bucket, granted('"${local.media}/*"'))), 1000)
    with pytest.raises((StageError, ObjectGone)) as raised:
        async with s3.fetched(asset()):
            pytest.fail("the object does not exist")
    return raised.value


async def test_removed_object_is_gone_with_the_permissions_of_the_module() -> None:
    assert isinstance(await failure(granted("local.media")), ObjectGone)


async def test_removed_object_looks_forbidden_without_the_permission_to_list() -> None:
    assert not isinstance(await failure(frozenset()), ObjectGone)
