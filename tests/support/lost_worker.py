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
    """Ignore send errors to a dead worker; xdist reports its end next."""
    send = node.sendcommand

    def send_if_alive(name: str, **more: object) -> None:
        with suppress(OSError):
            send(name, **more)

    node.sendcommand = send_if_alive


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Fail the run if a worker died. xdist handles Ctrl-C."""
    if error in (None, "keyboard-interrupt"):
        return
    session = node.config.pluginmanager.getplugin("dsession")
    test = _test_of(session, node)
    if test:
        session.handle_crashitem(test, node)  # reports it as failed
    pytest.exit(f"worker {node.gateway.id} died {f'in {test}' if test else 'outside of any test'}: {error}", FAILED)


def _test_of(session: Any, node: Any) -> str | None:
    """Return the test that the worker ran, without rescheduling it."""
    session.triggershutdown()
    test: str | None = session.sched.remove_node(node) if node in session.sched.nodes else None
    return test
