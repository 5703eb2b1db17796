"""Files that a user names: read within bounds, because a device has no end, and written with mode 0600."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from headrace.console.errors import CommandError
from headrace.schemas.parsing import MAX_JSON_BYTES

STANDARD_INPUT = "-"
MAX_DOCUMENT_BYTES = MAX_JSON_BYTES
MAX_LINE_BYTES = 16 * 2**20
"""Bytes of a line: a dead letter or a message body of the largest size, in JSON."""


def read_document(file: str) -> str:
    """Read a file of at most `MAX_DOCUMENT_BYTES` of UTF-8, or standard input, without its byte order mark.

    Raises:
        CommandError: It cannot be read, is larger, or is not UTF-8.
    """
    try:
        if file == STANDARD_INPUT:
            content = sys.stdin.buffer.read(MAX_DOCUMENT_BYTES + 1)
        else:
            with open(file, "rb") as opened:
                content = opened.read(MAX_DOCUMENT_BYTES + 1)
        if len(content) > MAX_DOCUMENT_BYTES:
            raise CommandError(f"{file} is larger than {MAX_DOCUMENT_BYTES:,} bytes")
        return content.decode("utf-8-sig")
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{file} is not UTF-8: byte {error.start}") from error


def read_lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file, without a byte order mark. It may have any number of lines.

    Raises:
        CommandError: A line is longer than `MAX_LINE_BYTES`, or the file cannot be read further.
    """
    name = getattr(stream, "name", "standard input")
    number = 0
    while True:
        number += 1
        try:
            line = stream.readline(MAX_LINE_BYTES + 1)
        except OSError as error:
            raise CommandError(f"cannot read {name}: {error.strerror}") from error
        if not line:
            return
        if len(line) > MAX_LINE_BYTES:
            raise CommandError(f"{name}: line {number} is longer than {MAX_LINE_BYTES:,} bytes")
        yield line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line


@contextmanager
def private_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing with mode 0600, whatever mode it had: it holds unredacted data or hashes."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):  # not a device or a pipe
            os.fchmod(file.fileno(), 0o600)
        yield file
