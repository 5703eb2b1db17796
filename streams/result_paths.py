"""Paths in the results bucket: one folder per asset, one per version, and one key per job."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

from headrace.schemas.ids import sequencer_order
from headrace.schemas.records import Asset

LONGEST_KEY = 480
LONGEST_VERSION = 160
"""Maximum lengths of a quoted key and version; longer ones are hashed, so that a path fits the 1,024 bytes of S3."""

_DIGEST = re.compile(r"sha256-[0-9a-f]{64}")
_NAME = re.compile(r"(?P<stage>[a-z][a-z0-9-]*?)@\d+(?:e\d+)?(?:-[0-9a-f]+)?(?P<kind>\.started|\.failed)?\.json")


class VersionPath(NamedTuple):
    """What the folder of a version names. `order` is the padded sequencer."""

    bucket: str
    key: str
    order: str
    version: str


def asset_folder(asset: Asset) -> str:
    """Return the folder of an object. Its key is one path segment, so no two folders overlap."""
    return f"{_bucket(asset.bucket)}/{_segment(asset.key, LONGEST_KEY)}/"


def version_folder(asset: Asset) -> str:
    """Return the folder of one version. Folders sort in S3's order of versions."""
    order = sequencer_order(asset.sequencer)
    sequencer = order if _is_plain(order) else quote(order, safe="")
    version = asset.version
    if not _is_plain(version) or len(version) > LONGEST_VERSION:
        version = _segment(version, LONGEST_VERSION)
    return f"{asset_folder(asset)}{sequencer}-{version}/"


def read_version_folder(folder: str) -> VersionPath | None:
    """Parse what `version_folder` returned; None for other folders, and where a name was hashed."""
    parts = folder.removesuffix("/").split("/")
    if len(parts) != 3 or folder.startswith("_"):
        return None
    bucket, key, last = parts
    order, _, version = last.partition("-")
    if any(_DIGEST.fullmatch(part) for part in (bucket, key, version)):
        return None
    return VersionPath(unquote(bucket), unquote(key), unquote(order), unquote(version))


def read_result_name(name: str) -> tuple[str, str] | None:
    """Return the stage of an object's name, and `result`, `started` or `failed`; None for other objects."""
    found = _NAME.fullmatch(name)
    return (found["stage"], (found["kind"] or ".result")[1:]) if found else None


def job_key(token: str) -> str:
    """Return the key of a job's intent. No folder of an object begins with an underscore, so keys do not collide."""
    return f"_jobs/{token}.json"


@lru_cache(1024)
def _bucket(name: str) -> str:
    """Encode a bucket name. Buckets created before 2018 may begin with an underscore, as folders of Headrace do.

    Source: Amazon S3 User Guide, "General purpose bucket naming rules".
    """
    segment = _segment(name, LONGEST_KEY)
    return f"%5F{segment[1:]}" if segment.startswith("_") else segment


def _is_plain(name: str) -> bool:
    """Return whether a name consists of ASCII letters and digits, as most versions do: quoting would not change it."""
    return name.isalnum() and name.isascii()


@lru_cache(16_384)
def _segment(name: str, longest: int) -> str:
    """Encode a name as one path segment: quoted, or hashed if it is too long or consists of dots.

    The mapping is injective: a name that looks like a digest has its first letter quoted, which `quote` never does.
    Cached: quoting is slow, and each stage needs each name several times.
    """
    quoted = quote(name, safe="")
    if len(quoted) > longest or not quoted.strip("."):
        return "sha256-" + hashlib.sha256(name.encode()).hexdigest()
    return f"%73{quoted[1:]}" if _DIGEST.fullmatch(quoted) else quoted
