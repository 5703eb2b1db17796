"""Rebuild an execution from what happened to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from headrace.streams.machines.definition.model import Machine
from headrace.streams.machines.execution.advance import advance
from headrace.streams.machines.execution.record import Execution
from headrace.streams.machines.execution.stimuli import Stimulus

_DECODER: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(Stimulus)


def fold(
    stimuli: Iterable[Stimulus], machine_of: Callable[[Stimulus], Machine], execution: Execution | None = None
) -> Execution | None:
    """Return the execution after a series of stimuli, which begins with `StartExecution` or follows a given execution.

    A transition is a function of its arguments, so this is the execution that the same stimuli led to before.
    `machine_of` returns the definition for a stimulus: a redrive can use a newer one.
    """
    for stimulus in stimuli:
        execution = advance(machine_of(stimulus), execution, stimulus).execution
    return execution


def encode_stimulus(stimulus: Stimulus) -> bytes:
    """Return a stimulus as JSON."""
    return msgspec.json.encode(stimulus)


def decode_stimulus(data: bytes) -> Stimulus:
    """Return a stimulus from its JSON.

    Raises:
        msgspec.DecodeError: The bytes are not a stimulus.
    """
    stimulus: Stimulus = _DECODER.decode(data)
    return stimulus
