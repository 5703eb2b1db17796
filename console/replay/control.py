"""A replay at work can be told to pause, to go on, and to stop. What it is told lies on `system.audit`, as it does."""

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

LOOK_SECONDS = 1.0
PAUSE_SECONDS = 0.2
ANSWER_SECONDS = 10.0

_OBEYED: dict[ControlCommand, tuple[ReplayState, ...]] = {
    "pause": ("paused",),
    "resume": ("begun", "done", "stopped"),
    "stop": ("stopped", "done"),
}


class ReplayStopped(CommandError):
    """Somebody has told the replay to stop."""


class ReplayControl:
    """What one replay is told, from now on."""

    def __init__(self, cluster: KafkaAdmin, action: AuditEntry) -> None:
        self._cluster = cluster
        self._action = action
        end = cluster.spans([topics.AUDIT.name])[topics.AUDIT.name, 0].high
        self._tail = TopicTail(cluster.settings, topics.AUDIT.name, end)
        self._look_at = 0.0
        self.sent = 0
        """How far the replay was when it last asked."""

    def __enter__(self) -> ReplayControl:
        """Begin to listen."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Listen no more."""
        self._tail.close()

    def check(self, sent: int, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Do what was told since: return, at once or after a pause, to go on. Raises `Stopped`."""
        self.sent = sent
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_SECONDS
        told = self._told()
        if told is not None and told.order == "pause":
            self._say("paused", told)
            while told.order == "pause":
                meanwhile()
                time.sleep(PAUSE_SECONDS)
                told = self._told() or told
            if told.order == "resume":
                self._say("begun", told)
        if told is not None and told.order == "stop":
            raise ReplayStopped(f"stopped by {told.by} after {sent:,}")

    def _told(self) -> ControlMessage | None:
        return audit.newest_control_message(self._tail.new(), self._action.id)

    def _say(self, state: ReplayState, told: ControlMessage) -> None:
        note = f"by {told.by}" if state == "paused" else ""
        self._cluster.write([audit.message(replace(self._action, state=state, sent=self.sent, note=note))])


def send_command(cluster: KafkaAdmin, command: ControlCommand, action: AuditEntry) -> AuditEntry:
    """Tell a replay what to do and wait until it does. Raises `Refused` when it is not at work, or does not answer."""
    if action.state not in ("begun", "paused"):
        raise CommandError(f"{action.id} is {action.state}, and not at work")
    now = timestamp(datetime.now(UTC))
    cluster.write([audit.control_message(ControlMessage(command, action.id, operator.current_operator(), now))])
    deadline = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
        now_is = journal.read_entries(cluster)[action.id]
        if now_is.state in _OBEYED[command]:
            return now_is
    raise CommandError(
        f"{action.id} does not answer in {ANSWER_SECONDS:g} s: whoever ran it is gone. Run the same command again: it"
        " goes on from where it was"
    )
