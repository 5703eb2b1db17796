"""A rule: one pattern over some topics, and one target for what matches. Read from TOML, a file a rule.

    reads = ["media.moderated"]

    [pattern]
    detail = { flag_count = [{ numeric = [">", 0] }] }

    [target]
    sns = "arn:aws:sns:eu-central-1:111122223333:flagged"

One rule has one target, and is a consumer group of its own: what goes to two places are two rules, and a target that is
down holds up nobody else's.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from headrace.schemas.settings import SettingsError
from headrace.streams.routing.input_transformer import WHOLE, InputTransformer, InvalidTemplateError
from headrace.streams.rules import InvalidPatternError, Pattern
from headrace.streams.stage import MAX_ATTEMPTS

PREFIX = "rule-"
NAME = re.compile(r"[a-z][a-z0-9-]{0,17}")
KINDS = ("topic", "sns", "sqs", "eventbridge", "lambda", "http")
KEYS = {"reads", "pattern", "target", "description", "enabled", "ordered", "retry", "rate"}
LONGEST_RETRY_SECONDS = 86_400
MOST_ATTEMPTS = 185


class InvalidRuleError(SettingsError):
    """A rule that cannot be used; the message names the file, the place and what to do."""


@dataclass(frozen=True, slots=True)
class RuleTarget:
    """Where a rule sends: a kind, the address that the kind needs, settings of the kind, and what is sent."""

    kind: str
    address: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    input: InputTransformer = WHOLE


@dataclass(frozen=True, slots=True)
class RuleRetryPolicy:
    """How often a delivery is tried, and for how many seconds after the event was written; 0 for no bound of time.

    Source of the bounds: Amazon EventBridge API Reference, RetryPolicy.
    """

    attempts: int = MAX_ATTEMPTS
    within_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it was read. `pattern` is what it says, `matcher` what that means.

    `version` is a digest of the text that it was read from; `rate` is deliveries a second of each worker, 0 for any.
    """

    name: str
    reads: tuple[str, ...]
    pattern: Mapping[str, Any]
    matcher: Pattern
    target: RuleTarget
    description: str = ""
    enabled: bool = True
    ordered: bool = False
    retry: RuleRetryPolicy = RuleRetryPolicy()
    rate: float = 0.0
    version: str = ""

    @property
    def stage_name(self) -> str:
        """What the rule is called among the stages, whose commands know it by that: `rule-NAME`."""
        return PREFIX + self.name


def read_folder(folder: str) -> tuple[Rule, ...]:
    """Read every rule of a folder, in the order of their names. Raises `BadRule`."""
    path = Path(folder)
    if not path.is_dir():
        raise InvalidRuleError(f"{folder}: no folder (HEADRACE_RULES)")
    return tuple(read_file(file) for file in sorted(path.glob("*.toml")))


def read_file(file: Path) -> Rule:
    """Read a rule; its name is the file's. Raises `BadRule`."""
    try:
        return read_text(file.stem, file.read_text("utf-8"))
    except OSError as error:
        raise InvalidRuleError(f"{file}: {error.strerror}") from error
    except ValueError as error:  # no UTF-8
        raise InvalidRuleError(f"{file.name}: {error}") from error


def read_text(name: str, text: str) -> Rule:
    """Read a rule from its text. Raises `BadRule`."""
    try:
        version = hashlib.sha256(text.encode()).hexdigest()[:8]
        return replace(parse(name, tomllib.loads(text)), version=version)
    except (InvalidRuleError, ValueError) as error:
        raise InvalidRuleError(f"{name}.toml: {error}") from error


def parse(name: str, said: Mapping[str, Any]) -> Rule:
    """Make a rule of what a file says. Raises `BadRule`."""
    if not NAME.fullmatch(name):
        raise InvalidRuleError(f"a rule's name has lower-case letters, digits and hyphens, at most 18, not {name!r}")
    if unknown := sorted(said.keys() - KEYS):
        raise InvalidRuleError(f"{unknown[0]}: there is no such key; there are {', '.join(sorted(KEYS))}")
    reads = said.get("reads")
    if not isinstance(reads, list) or not reads or not all(isinstance(each, str) for each in reads):
        raise InvalidRuleError("reads: name at least one topic, such as ['media.completed']")
    for key in ("enabled", "ordered"):
        if not isinstance(said.get(key, False), bool):
            raise InvalidRuleError(f"{key} = true or false, not {said[key]!r}")
    return Rule(
        name=name,
        reads=tuple(reads),
        pattern=said.get("pattern", {}),
        matcher=_matcher(said.get("pattern", {})),
        target=_target(said.get("target")),
        description=str(said.get("description", "")),
        enabled=said.get("enabled", True),
        ordered=said.get("ordered", False),
        retry=_retry(said.get("retry", {})),
        rate=_number("rate", said.get("rate", 0), 0, 100_000),
    )


def _retry(said: Any) -> RuleRetryPolicy:
    if not isinstance(said, Mapping) or said.keys() - {"attempts", "within_seconds"}:
        raise InvalidRuleError("[retry] has attempts = 8 and within_seconds = 3600")
    attempts = _number("[retry] attempts", said.get("attempts", MAX_ATTEMPTS), 1, MOST_ATTEMPTS)
    within = _number("[retry] within_seconds", said.get("within_seconds", 0), 0, LONGEST_RETRY_SECONDS)
    return RuleRetryPolicy(int(attempts), within)


def _number(key: str, said: Any, least: float, most: float) -> float:
    if isinstance(said, bool) or not isinstance(said, int | float) or not least <= said <= most:
        raise InvalidRuleError(f"{key}: a number from {least:,} to {most:,}, not {said!r}")
    return float(said)


def _matcher(pattern: Any) -> Pattern:
    try:
        return Pattern(pattern or {"detail-type": [{"exists": True}]})
    except InvalidPatternError as error:
        raise InvalidRuleError(f"pattern: {error}") from error


def _target(said: Any) -> RuleTarget:
    if not isinstance(said, Mapping):
        raise InvalidRuleError(f"[target] is missing: name one of {', '.join(KINDS)}")
    kinds = [kind for kind in KINDS if kind in said]
    if len(kinds) != 1:
        many = f"not {' and '.join(kinds)}: write a rule for each" if kinds else "and this one has none"
        raise InvalidRuleError(f"[target] has one of {', '.join(KINDS)}, {many}")
    [kind] = kinds
    address = said[kind]
    if not isinstance(address, str) or not address:
        raise InvalidRuleError(f"[target] {kind}: give an address as text")
    settings = {key: value for key, value in said.items() if key not in (kind, "input")}
    return RuleTarget(kind, address, settings, _input(said.get("input", {})))


def _input(said: Any) -> InputTransformer:
    if not isinstance(said, Mapping) or said.keys() - {"paths", "template"}:
        raise InvalidRuleError("[target.input] has paths = { NAME = '$.detail...' } and template = '...'")
    try:
        return InputTransformer(dict(said.get("paths", {})), said.get("template", ""))
    except InvalidTemplateError as error:
        raise InvalidRuleError(f"[target.input] {error}") from error
