"""Paths in the results bucket: one folder per asset, one per version, and one key per job."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from urllib.parse import quote

from headrace.schemas.ids import sequencer_order
from headrace.schemas.records import Asset

LONGEST_KEY = 480
LONGEST_VERSION = 160
"""Maximum lengths of a quoted key and version; longer ones are hashed, so that a path fits the 1,024 bytes of S3."""

_DIGEST = re.compile(r"sha256-[0-9a-f]{64}")


def asset_folder(asset: Asset) -> str:
    """Return the folder of an object. Its key is one path segment, so no two folders overlap."""
    return f"{_bucket(asset.bucket)}/{_segment(asset.key, LONGEST_KEY)}/"


def version_folder(asset: Asset) -> str:
    """Return the folder of one version. Folders sort in S3's order of versions."""
    sequencer = quote(sequencer_order(asset.sequencer), safe="")
    return f"{asset_folder(asset)}{sequencer}-{_segment(asset.version, LONGEST_VERSION)}/"


def job_key(token: str) -> str:
    """Return the key of a job's intent. No folder of an object begins with an underscore, so keys do not collide."""
    return f"_jobs/{token}.json"


def _bucket(name: str) -> str:
    """Encode a bucket name. Buckets created before 2018 may begin with an underscore, as folders of Headrace do.

    Source: Amazon S3 User Guide, "General purpose bucket naming rules".
    """
    segment = _segment(name, LONGEST_KEY)
    return f"%5F{segment[1:]}" if segment.startswith("_") else segment


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
