"""The error of a file, by the signal that ended the program that read it."""

from __future__ import annotations

import signal

from headrace.streams.errors import PermanentError, TransientError
from headrace.streams.media.inspection.messages import Limits

_FROM_OUTSIDE = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


def signal_error(number: int, program: str, limits: Limits) -> PermanentError | TransientError:
    """Return the error of a file whose program was ended by a signal. Transient only for a signal from outside."""
    name = signal.Signals(number).name
    if number in _FROM_OUTSIDE:
        return TransientError(f"{program} was stopped by {name}", "stopped")
    if number == signal.SIGXCPU:
        why = f"reading it takes more than {limits.cpu_seconds} s of CPU time, the limit"
        return PermanentError("unsupported_input", why)
    if number == signal.SIGALRM:
        return too_slow(limits)
    if number == signal.SIGKILL:
        why = (
            f"the system ended {program}, usually for its use of memory: to try again, give the worker more and redrive"
        )
        return PermanentError("unsupported_input", why)
    return PermanentError("unreadable", f"not a readable media file: {program} crashes on it ({name})")


def too_slow(limits: Limits) -> PermanentError:
    """Return the error of a file that takes longer than the wall time."""
    return PermanentError("unsupported_input", f"reading it takes longer than {limits.wall_seconds:g} s, the limit")
