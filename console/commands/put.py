"""`headrace put`: upload files to the media bucket."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headrace.console.errors import CommandError
from headrace.console.terminal.output import print_line


def put(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files to upload.", show_default=False)],
    bucket: Annotated[str, typer.Option(help="Bucket; default: HEADRACE_MEDIA_BUCKET.")] = "",
    prefix: Annotated[str, typer.Option(help="Folder of the keys.")] = "",
) -> None:
    """Upload files to S3, and print the asset and version of each."""
    from headrace.connectors.aws.client import AwsSession
    from headrace.console import aws
    from headrace.console.settings import ConsoleSettings
    from headrace.schemas.settings import load

    keys = keys_of(files, prefix)
    bucket = bucket or load(ConsoleSettings).media_bucket
    if not bucket:
        raise CommandError("no bucket: give --bucket, or set HEADRACE_MEDIA_BUCKET")
    session = AwsSession()
    for path, key in zip(files, keys, strict=True):
        version = aws.upload(session, path, bucket, key)
        print_line(f"{bucket}/{key}  {version}")


def keys_of(files: list[Path], prefix: str) -> list[str]:
    """Return the key of each file.

    Raises:
        CommandError: a file is missing, or two files have the same key.
    """
    for path in files:
        if not path.is_file():
            raise CommandError(f"no file {path}: nothing was stored")
    folder = prefix.rstrip("/") + "/" if prefix else ""
    keys = [folder + path.name for path in files]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise CommandError(f"several files would become {', '.join(twice)}: nothing was stored")
    return keys
