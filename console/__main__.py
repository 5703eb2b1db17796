"""The entry point of `headrace`, which is also `python -m headrace.console`."""

from __future__ import annotations

import signal


def main() -> None:
    """Import the command line and run it. Until then Ctrl-C ends the process at once, without a stack."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from headrace.console.app.main import main as run

    run()


if __name__ == "__main__":
    main()
