"""Explain expected errors in one line."""

from __future__ import annotations

import errno
import sys

from headrace.console.errors import CommandError

NOT_WRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
"""Errors of standard output: other files have a name."""


def describe(error: Exception) -> str | None:
    """Describe an expected error in one line; None for an unexpected one.

    A library's errors are checked only if the library is loaded: otherwise it cannot have raised them.
    """
    if isinstance(error, CommandError):
        return str(error)
    for explain in (_settings, _registry, _kafka, _aws, _worker, _outage, _system, _unicode):
        message = explain(error)
        if message:
            return message
    return None


def _settings(error: Exception) -> str | None:
    if "headrace.schemas.settings" not in sys.modules:
        return None
    from headrace.schemas.settings import SettingsError

    return str(error) if isinstance(error, SettingsError) else None


def _registry(error: Exception) -> str | None:
    if "headrace.schemas.serde.codec" not in sys.modules:
        return None
    from headrace.schemas.serde.codec import RegistryUnavailableError, SchemaNotRegisteredError

    return str(error) if isinstance(error, SchemaNotRegisteredError | RegistryUnavailableError) else None


def _kafka(error: Exception) -> str | None:
    if "confluent_kafka" not in sys.modules:
        return None
    from headrace.console.kafka import log_reader

    return log_reader.describe_error(error)


def _aws(error: Exception) -> str | None:
    if "botocore" not in sys.modules:
        return None
    from headrace.console import aws

    return aws.describe_error(error)


def _worker(error: Exception) -> str | None:
    if "headrace.streams.worker.host" not in sys.modules:
        return None
    from headrace.streams.worker.host import WorkerError

    return str(error) if isinstance(error, WorkerError) else None


def _outage(error: Exception) -> str | None:
    if "headrace.streams.errors" not in sys.modules:
        return None
    from headrace.streams.errors import OutageError

    return str(error) if isinstance(error, OutageError) else None


def _system(error: Exception) -> str | None:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, OSError) and error.errno in NOT_WRITABLE:
        return f"cannot write the output: {error.strerror}"
    return None


def _unicode(error: Exception) -> str | None:
    """Explain bytes of the command line that are not UTF-8: Python turns them into lone surrogates."""
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        return "an argument or a name of a file is not valid UTF-8"
    return None
