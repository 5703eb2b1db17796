"""The signals that ask a process to stop."""

from __future__ import annotations

import signal


def stop_signals() -> tuple[signal.Signals, ...]:
    """Return SIGTERM, SIGINT, and SIGHUP unless it is ignored: `nohup` does that for a process that has to go on.

    The kernel sends SIGHUP when the terminal closes. Its default action would end the process without a drain.
    """
    numbers = [signal.SIGTERM, signal.SIGINT]
    hang_up = getattr(signal, "SIGHUP", None)  # not on Windows
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:
        numbers.append(hang_up)
    return tuple(numbers)
