"""Answer vectors from standard input, one JSON object per line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

Answer = Callable[[Any], dict[str, Any]]
"""Returns the output for the input of a vector."""


class UnsupportedVectorError(Exception):
    """The implementation lacks what a vector needs; the text says what."""


def serve(answers: Mapping[str, Answer]) -> None:
    """Answer each line until the end of the input. `answers` has a function per kind; other kinds are unsupported."""
    for line in sys.stdin:
        question = json.loads(line)
        sys.stdout.write(json.dumps({"id": question["id"], **_answered(answers, question)}, default=str) + "\n")
        sys.stdout.flush()


def _answered(answers: Mapping[str, Answer], question: dict[str, Any]) -> dict[str, Any]:
    answer = answers.get(question["kind"])
    if answer is None:
        return {"unsupported": "the kind"}
    try:
        return {"output": answer(question["input"])}
    except UnsupportedVectorError as error:
        return {"unsupported": str(error)}
    except Exception as error:
        return {"output": {"error": f"{type(error).__name__}: {error}"}}
