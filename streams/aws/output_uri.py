"""The URIs of output files in S3, as Transcribe and Polly return them."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from headrace.streams.aws.error_codes import unreadable_answer


def key_in(uri: str, bucket: str) -> str:
    """Return the key of a URL of a bucket, whose name is in the path or in the host; empty for an empty URL.

    Raises:
        StageError: It is no URL.
    """
    try:
        path = unquote(urlsplit(uri).path)
    except ValueError as error:
        raise unreadable_answer(f"an output file at {uri!r:.200}: {error}") from error
    return path.partition(f"/{bucket}/")[2] or path.lstrip("/")
