"""A rule: a pattern over some topics, and a target for matching records. One TOML file per rule.

    reads = ["media.moderated"]

    [pattern]
    detail = { flag_count = [{ numeric = [">", 0] }] }

    [target]
    sns = "arn:aws:sns:eu-central-1:111122223333:flagged"

A rule has one target and its own consumer group. Delivery to two targets takes two rules, so that an unavailable target
does not delay other targets.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from headrace.schemas import topics
from headrace.schemas.parsing import parse_toml, read_text_file
from headrace.schemas.settings import SettingsError
from headrace.streams.retry_policy import DEFAULT_RETRY
from headrace.streams.routing.input_transformer import WHOLE, InputTransformer, InvalidTemplateError
from headrace.streams.rules import InvalidPatternError, Pattern

PREFIX = "rule-"
NAME = re.compile(r"[a-z][a-z0-9-]{0,17}")
RETRIES = topics.retry("").name
TOPIC = "topic"
MACHINE = "machine"
"""The target kinds that need no sink. The other kinds are the names of sinks, which callers pass in."""

SHADOW = "shadow"
RuleState = Literal["enabled", "shadow", "disabled"]

KEYS = {"reads", "pattern", "target", "description", "enabled", "ordered", "retry", "rate"}
LONGEST_RETRY_SECONDS = 86_400
MAX_ATTEMPTS = 185
MAX_TEXT_LENGTH = 65_536
"""Characters of a rule."""
MAX_KEY_PARTS = 32
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![\w-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{MAX_KEY_PARTS}}}")
"""A dotted key of many parts. The time of tomllib grows with the square of their number."""


class InvalidRuleError(SettingsError):
    """An invalid rule; the message names the file, the key and the correction."""


@dataclass(frozen=True, slots=True)
class RuleTarget:
    """The target of a rule: its kind, address, settings, and the transformation of the event."""

    kind: str
    address: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    input: InputTransformer = WHOLE


@dataclass(frozen=True, slots=True)
class RuleRetryPolicy:
    """Maximum delivery attempts, and maximum event age in seconds (0: unlimited).

    Source of the bounds: Amazon EventBridge API Reference, RetryPolicy.
    """

    attempts: int = DEFAULT_RETRY.max_attempts
    within_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Rule:
    """A parsed rule. `pattern` is the JSON pattern, `matcher` the compiled one.

    `version` is a digest of the rule's text. `rate` is deliveries per second and worker, 0 for unlimited. An enabled
    rule that is a `shadow` counts the records that it matches, and delivers nothing.
    """

    name: str
    reads: tuple[str, ...]
    pattern: Mapping[str, Any]
    matcher: Pattern
    target: RuleTarget
    description: str = ""
    enabled: bool = True
    shadow: bool = False
    ordered: bool = False
    retry: RuleRetryPolicy = RuleRetryPolicy()
    rate: float = 0.0
    version: str = ""

    @property
    def stage_name(self) -> str:
        """The name of the rule's stage: `rule-NAME`."""
        return PREFIX + self.name

    @property
    def state(self) -> RuleState:
        """Whether the rule delivers (`enabled`), only counts (`shadow`), or neither."""
        return "disabled" if not self.enabled else "shadow" if self.shadow else "enabled"


def read_folder(folder: str, sinks: Collection[str]) -> tuple[Rule, ...]:
    """Read every rule of a folder, sorted by name.

    Raises:
        InvalidRuleError: The folder is missing or a rule is invalid.
    """
    path = Path(folder)
    if not path.is_dir():
        raise InvalidRuleError(f"{folder}: folder not found; correct HEADRACE_RULES")
    return tuple(read_file(file, sinks) for file in sorted(path.glob("*.toml")))


def read_file(file: Path, sinks: Collection[str]) -> Rule:
    """Read a rule from a file named after it.

    Raises:
        InvalidRuleError: The file cannot be read or the rule is invalid.
    """
    try:
        return read_text(file.stem, read_text_file(file), sinks)
    except OSError as error:
        raise InvalidRuleError(f"{file}: {error.strerror}") from error
    except ValueError as error:  # not UTF-8
        raise InvalidRuleError(f"{file.name}: {error}") from error


def read_text(name: str, text: str, sinks: Collection[str]) -> Rule:
    """Read a rule from TOML text.

    Raises:
        InvalidRuleError: The text is not TOML or the rule is invalid.
    """
    if len(text) > MAX_TEXT_LENGTH:
        raise InvalidRuleError(f"{name}.toml: {len(text)} characters; a rule has at most {MAX_TEXT_LENGTH}")
    if _LONG_KEY.search(text):
        raise InvalidRuleError(f"{name}.toml: a key has more than {MAX_KEY_PARTS} parts")
    try:
        version = hashlib.sha256(text.encode()).hexdigest()[:8]
        return replace(parse(name, parse_toml(text), sinks), version=version)
    except (InvalidRuleError, ValueError) as error:
        raise InvalidRuleError(f"{name}.toml: {error}") from error
    except RecursionError as error:
        raise InvalidRuleError(f"{name}.toml: too many nested values") from error


def parse(name: str, values: Mapping[str, Any], sinks: Collection[str]) -> Rule:
    """Build a rule from the parsed TOML. `sinks` are the names of the sink kinds.

    Raises:
        InvalidRuleError: The rule is invalid.
    """
    if not NAME.fullmatch(name):
        raise InvalidRuleError(f"a rule name has at most 18 lower-case letters, digits and hyphens, not {name!r}")
    if unknown := sorted(values.keys() - KEYS):
        raise InvalidRuleError(f"{unknown[0]}: unknown key; there are {', '.join(sorted(KEYS))}")
    reads = values.get("reads")
    if not isinstance(reads, list) or not reads or not all(isinstance(each, str) for each in reads):
        raise InvalidRuleError("reads: name at least one topic, such as ['media.completed']")
    if retries := [topic for topic in reads if topic.endswith(RETRIES)]:
        raise InvalidRuleError(f"reads: {retries[0]} is a retry topic, which only its own stage reads")
    enabled, ordered = values.get("enabled", True), values.get("ordered", False)
    if not isinstance(enabled, bool) and enabled != SHADOW:
        raise InvalidRuleError(f'enabled = true, false or "{SHADOW}", not {enabled!r}')
    if not isinstance(ordered, bool):
        raise InvalidRuleError(f"ordered = true or false, not {ordered!r}")
    return Rule(
        name=name,
        reads=tuple(reads),
        pattern=values.get("pattern", {}),
        matcher=_matcher(values.get("pattern", {})),
        target=_target(values.get("target"), (TOPIC, MACHINE, *sinks)),
        description=_text("description", values.get("description", "")),
        enabled=bool(enabled),
        shadow=enabled == SHADOW,
        ordered=ordered,
        retry=_retry(values.get("retry", {})),
        rate=_number("rate", values.get("rate", 0), 0, 100_000),
    )


def _retry(values: Any) -> RuleRetryPolicy:
    if not isinstance(values, Mapping) or values.keys() - {"attempts", "within_seconds"}:
        raise InvalidRuleError("[retry] has attempts = 8 and within_seconds = 3600")
    attempts = _number("[retry] attempts", values.get("attempts", DEFAULT_RETRY.max_attempts), 1, MAX_ATTEMPTS)
    if attempts != int(attempts):
        raise InvalidRuleError(f"[retry] attempts: a whole number, not {attempts:g}")
    within = _number("[retry] within_seconds", values.get("within_seconds", 0), 0, LONGEST_RETRY_SECONDS)
    return RuleRetryPolicy(int(attempts), within)


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidRuleError(f"{key}: a string, not {value!r}")
    return value


def _number(key: str, values: Any, least: float, most: float) -> float:
    if isinstance(values, bool) or not isinstance(values, int | float) or not least <= values <= most:
        raise InvalidRuleError(f"{key}: a number from {least:,} to {most:,}, not {values!r}")
    return float(values)


def _matcher(pattern: Any) -> Pattern:
    try:
        return Pattern(pattern or {"detail-type": [{"exists": True}]})
    except InvalidPatternError as error:
        raise InvalidRuleError(f"pattern: {error}") from error


def _target(values: Any, known: Collection[str]) -> RuleTarget:
    if not isinstance(values, Mapping):
        raise InvalidRuleError(f"[target] is missing: name one of {', '.join(known)}")
    kinds = [kind for kind in known if kind in values]
    if len(kinds) != 1:
        many = f"not {' and '.join(kinds)}: write a rule for each" if kinds else "and this one has none"
        raise InvalidRuleError(f"[target] has one of {', '.join(known)}, {many}")
    [kind] = kinds
    address = values[kind]
    if not isinstance(address, str) or not address:
        raise InvalidRuleError(f"[target] {kind}: the address must be a string")
    settings = {key: value for key, value in values.items() if key not in (kind, "input")}
    return RuleTarget(kind, address, settings, _input(values.get("input", {})))


def _input(values: Any) -> InputTransformer:
    if not isinstance(values, Mapping) or values.keys() - {"paths", "template"}:
        raise InvalidRuleError("[target.input] has paths = { NAME = '$.detail...' } and template = '...'")
    try:
        return InputTransformer(dict(values.get("paths", {})), values.get("template", ""))
    except InvalidTemplateError as error:
        raise InvalidRuleError(f"[target.input] {error}") from error
