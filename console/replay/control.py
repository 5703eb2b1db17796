"""Pause, resume and stop a running replay through control messages on `system.audit`."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType

from msgspec.structs import replace

from headrace.console.errors import CommandError
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.kafka.tail import TopicTail
from headrace.console.replay import audit, journal
from headrace.console.replay.audit import AuditEntry, ControlCommand, ControlMessage, ReplayState
from headrace.console.terminal import operator
from headrace.schemas import topics
from headrace.schemas.cloudevents import timestamp

CHECK_SECONDS = 1.0
PAUSE_SECONDS = 0.2
RESPONSE_SECONDS = 10.0

_STATES_AFTER: dict[ControlCommand, tuple[ReplayState, ...]] = {
    "pause": ("paused",),
    "resume": ("begun", "done", "stopped"),
    "stop": ("stopped", "done"),
}


class ReplayStopped(CommandError):
    """A control message stopped the replay."""


class ReplayControl:
    """Control messages for one replay, read from the current end of `system.audit`."""

    def __init__(self, cluster: KafkaAdmin, action: AuditEntry) -> None:
        self._cluster = cluster
        self._action = action
        end = cluster.spans([topics.AUDIT.name])[topics.AUDIT.name, 0].high
        self._tail = TopicTail(cluster.settings, topics.AUDIT.name, end)
        self._next_check = 0.0
        self.sent = 0
        """The number of records sent at the last check."""

    def __enter__(self) -> ReplayControl:
        """Return this control; `__exit__` closes its consumer."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Close the consumer."""
        self._tail.close()

    def check(self, sent: int, while_paused: Callable[[], None] = lambda: None) -> None:
        """Apply new control messages, at most once per second. Blocks while the replay is paused.

        Raises:
            ReplayStopped: an operator stopped the replay.
        """
        self.sent = sent
        if time.monotonic() < self._next_check:
            return
        self._next_check = time.monotonic() + CHECK_SECONDS
        control = self._newest()
        if control is not None and control.command == "pause":
            self._record("paused", control)
            while control.command == "pause":
                while_paused()
                time.sleep(PAUSE_SECONDS)
                control = self._newest() or control
            if control.command == "resume":
                self._record("begun", control)
        if control is not None and control.command == "stop":
            raise ReplayStopped(f"stopped by {control.by} after {sent:,}")

    def _newest(self) -> ControlMessage | None:
        return audit.newest_control_message(self._tail.new(), self._action.id)

    def _record(self, state: ReplayState, control: ControlMessage) -> None:
        note = f"by {control.by}" if state == "paused" else ""
        self._cluster.write([audit.message(replace(self._action, state=state, sent=self.sent, note=note))])


def send_command(cluster: KafkaAdmin, command: ControlCommand, action: AuditEntry) -> AuditEntry:
    """Send a command to a running replay and wait until its audit entry shows the new state.

    Raises:
        CommandError: the replay is not running, or does not respond.
    """
    if action.state not in ("begun", "paused"):
        raise CommandError(f"{action.id} is not running: its state is {action.state}")
    now = timestamp(datetime.now(UTC))
    cluster.write([audit.control_message(ControlMessage(command, action.id, operator.current_operator(), now))])
    deadline = time.monotonic() + RESPONSE_SECONDS
    while time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
        entry = journal.read_entries(cluster)[action.id]
        if entry.state in _STATES_AFTER[command]:
            return entry
    raise CommandError(
        f"{action.id} did not respond within {RESPONSE_SECONDS:g} s: its process has ended."
        " Run the original command again to continue"
    )
