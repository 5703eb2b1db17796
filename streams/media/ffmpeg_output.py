"""Explain why ffmpeg cannot decode a picture. Its messages give a reason to read; no fact is taken from them."""

from __future__ import annotations

import re

from headrace.streams.errors import PermanentError
from headrace.streams.media.info import too_large, unreadable

_NOISE = re.compile(
    "Opening '|Error opening input file|Error (submitting|processing) packet|Decod(e|ing) error|EXIF|"
    "Task finished|Terminating thread|Nothing was written|Could not open encoder|Cannot determine format|"
    "Last message repeated|Consider increasing"
)
_SIZE = re.compile(r"Picture size (\d{1,10})x(\d{1,10}) is invalid")
LOST = re.compile("partial file|File ended prematurely|LZW decode failed")


def explain(kind: str, errors: str) -> PermanentError:
    """Return the error for a file, with the first significant line of ffmpeg's output as its reason."""
    if size := _SIZE.search(errors):
        return too_large(int(size[1]), int(size[2]))
    if "Cannot allocate memory" in errors:
        return PermanentError("unsupported_input", "decoding needs more memory than the limit of one run")
    lines = [re.sub(r"^(\[[^\]]*\] ?)*(Error opening input: )?", "", line).strip() for line in errors.split("\n")]
    return unreadable(kind, next((line for line in lines if line and not _NOISE.search(line)), "it cannot be decoded"))
