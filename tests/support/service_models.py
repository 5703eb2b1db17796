"""Parse each service model of botocore once per process. Each session of boto3 parses 2 MB of JSON by itself."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Any


def parse_once() -> None:
    """Share parsed files between sessions, as botocore does between clients of one. Does nothing without botocore."""
    if "botocore.loaders" not in sys.modules:
        return
    from botocore.loaders import JSONFileLoader

    original = JSONFileLoader.load_file

    @cache
    def parsed(path: str) -> Any:
        return original(JSONFileLoader(), path)

    def load_file(self: JSONFileLoader, file_path: str) -> Any:
        is_changed = f"{os.sep}s3{os.sep}" in file_path  # a client of S3 removes the bucket from the paths of its model
        return original(self, file_path) if is_changed else parsed(file_path)

    JSONFileLoader.load_file = load_file  # type: ignore[method-assign]
