"""The difference of two definitions."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.console.machines.map_states import states_of


@dataclass(frozen=True, slots=True)
class DefinitionDiff:
    """States by what happened to them, and the lines of a unified diff."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not self.lines


def diff_definitions(old: Mapping[str, Any], new: Mapping[str, Any], old_name: str, new_name: str) -> DefinitionDiff:
    """Compare two definitions. The order of members counts for nothing."""
    before, after = dict(_own_states(old)), dict(_own_states(new))
    texts = (_text(old).splitlines(), _text(new).splitlines())
    return DefinitionDiff(
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(name for name in after if name in before and before[name] != after[name]),
        lines=tuple(difflib.unified_diff(*texts, old_name, new_name, lineterm="")),
    )


def _own_states(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each state without the states inside it."""
    for name, state in states_of(definition):
        inner = ("Branches", "ItemProcessor", "Iterator")
        yield name, _text({field: value for field, value in state.items() if field not in inner})


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
