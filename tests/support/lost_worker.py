"""End the test run and name the test when a worker process of pytest-xdist dies.

By default pytest-xdist starts another worker, runs the fatal test again, and may wait endlessly: a worker starts a
test only once it has received the next one, and a new worker receives a single file.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

FAILED = 1


@pytest.hookimpl(optionalhook=True)
def pytest_testnodeready(node: Any) -> None:
    """Let the run go on where it tells a worker something that has just died: its end comes as the next news."""
    send = node.sendcommand

    def send_to_the_living(name: str, **more: object) -> None:
        with suppress(OSError):
            send(name, **more)

    node.sendcommand = send_to_the_living


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Fail the run for a worker that did not end by itself. What it says of Ctrl-C is left to xdist."""
    if error in (None, "keyboard-interrupt"):
        return
    session = node.config.pluginmanager.getplugin("dsession")
    test = _test_of(session, node)
    if test:
        session.handle_crashitem(test, node)  # reports it as failed
    pytest.exit(f"worker {node.gateway.id} died {f'in {test}' if test else 'outside of any test'}: {error}", FAILED)


def _test_of(session: Any, node: Any) -> str | None:
    """Name the test that a worker was at, without giving it to another one."""
    session.triggershutdown()
    found: str | None = session.sched.remove_node(node) if node in session.sched.nodes else None
    return found
