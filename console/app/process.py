"""What a command needs from its process: standard streams, and an orderly end by signals."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

from headrace.schemas.runtime.stop_signals import stop_signals

STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def open_closed_streams() -> None:
    """Open `/dev/null` in the place of each standard stream that the caller has closed.

    Otherwise the next file or socket gets its descriptor, and would receive the output or the log.
    """
    for number, (name, mode) in enumerate(STREAMS):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def end_on_signals() -> None:
    """Exit on SIGTERM, SIGHUP and Ctrl-C by an exception, so that resources are released."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # see `headrace.console.__main__`
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in stop_signals():
        if number != signal.SIGINT:
            signal.signal(number, _end)


def flush_output() -> None:
    """Write the rest of the output. Raises `OSError` if it cannot be written, unless its reader has ended."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        discard_output()
    except OSError:
        discard_output()
        raise


def discard_output() -> None:
    """Discard the output that could not be written: Python would try again at its end, and print a second error."""
    discarded = os.open(os.devnull, os.O_WRONLY)
    os.dup2(discarded, sys.stdout.fileno())
    os.close(discarded)


def _end(number: int, frame: object) -> NoReturn:
    sys.exit(128 + number)
