"""What to do about a dead letter, by its code. `docs/dead-letters.md` has the same table. Pure."""

from __future__ import annotations

_UPLOAD = "Upload a valid file under the same key: the new version is processed, and this letter is then superseded."
_AGAIN = "Upload the object again: its new version starts a new job."
_MESSAGE = "See the reason. If the cause is outside of the file, fix it and redrive."

_SUGGESTIONS = {
    "unreadable": _UPLOAD,
    "empty": _UPLOAD,
    "type_mismatch": _UPLOAD,
    "too_large": "The reason names the limit. Upload a smaller file, or raise the limit and redrive.",
    "archive_bomb": "The reason names the limit. Upload a smaller file, or raise the limit and redrive.",
    "infected": "Delete the object. For a false positive, fix the scanner and redrive.",
    "decode": "Find the producer of the record, or set HEADRACE_SCHEMA_REGISTRY and redrive.",
    "schema": "Start the producer, which publishes its schemas first, or correct the registry; then redrive.",
    "job_failed": _AGAIN,
    "timeout": _AGAIN,
    "unknown_job": "Another system uses the same SNS topic. Resolve the letter.",
    "budget": "Raise the budget, then redrive.",
    "internal_error": "A bug of Headrace or of a stage of yours: fix it, restart the workers, then redrive.",
}


def suggestion(code: str) -> str:
    """Return what to do about dead letters with a code."""
    return _SUGGESTIONS.get(code, _MESSAGE)
