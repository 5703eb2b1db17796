"""The page of rules, and the test of a pattern against recent events."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from headrace.console.errors import CommandError
from headrace.console.routing import eventbridge_json, lint, targets
from headrace.console.routing.pattern_test import describe_verdict
from headrace.console.routing.recent_events import PatternResult, recent_events, try_pattern
from headrace.console.web.request import ConsoleRequest
from headrace.schemas import topics
from headrace.schemas.parsing import InvalidValueError, parse_json
from headrace.streams.routing.rule import Rule
from headrace.streams.rules import InvalidPatternError, Pattern

HOUR = 3600.0
SHOWN = 50
"""Events of each kind on a page."""
EXAMPLE = '{\n  "detail-type": ["MediaTranscribed"],\n  "detail": { "words": [{ "numeric": [">", 0] }] }\n}'
MOST_CHARACTERS = 20_000


def show(request: ConsoleRequest) -> Response:
    """List the rules, with likely mistakes."""
    rules = known_rules(request)
    return request.render("rules.html", rules=rules, warnings=list(lint.warnings(rules)), editable=targets.follows())


def show_test(request: ConsoleRequest) -> Response:
    """Test a pattern against the events of the last hour. Changes nothing."""
    text, names = request.query.get("pattern", ""), [name for name in request.query.getlist("topic") if name]
    known = event_topics(request)
    error, result = "", None
    if text:
        try:
            result = test(request, parse_pattern(text), _known(names, known) or known)
        except CommandError as invalid:
            error = str(invalid)
    return request.render(
        "rule_test.html",
        pattern=text or EXAMPLE,
        topic=names[0] if names else "",
        topics=known,
        result=result,
        error=error,
        describe=describe_verdict,
        shown=SHOWN,
    )


def list_json(request: ConsoleRequest) -> dict[str, Any]:
    """Return rules as `headrace rules export` prints them."""
    return eventbridge_json.exported(known_rules(request))


def known_rules(request: ConsoleRequest) -> Sequence[Rule]:
    """Read the rules. Raises `UnavailableError` if they are on the log and Kafka does not answer."""
    if targets.follows():
        request.services.cluster()
    return targets.rules()


def test(request: ConsoleRequest, pattern: Pattern, names: Sequence[str]) -> PatternResult:
    """Test a pattern against the events of the last hour."""
    events = recent_events(request.services.cluster(), names, request.services.now() - HOUR)
    return try_pattern(pattern, events)


def test_rule(request: ConsoleRequest, rule: Rule) -> PatternResult:
    """Test a rule against the events of the last hour on its topics."""
    return test(request, rule.matcher, rule.reads)


def event_topics(request: ConsoleRequest) -> list[str]:
    """Name the topics with events, in the order of the pipeline."""
    stages = request.services.stages()
    found = [topics.UPLOADED, topics.DELETED, topics.AWS_EVENTS, *(stage.writes for stage in stages if stage.writes)]
    return [*dict.fromkeys(topic.name for topic in found)]


def parse_pattern(text: str) -> Pattern:
    """Parse a pattern in JSON. Raises `CommandError`."""
    if len(text) > MOST_CHARACTERS:
        raise CommandError(f"the pattern has {len(text):,} characters; at most {MOST_CHARACTERS:,} are tested here")
    try:
        document: Mapping[str, Any] = parse_json(text)
        return Pattern(document)
    except InvalidValueError as error:
        raise CommandError(f"the pattern is not JSON: it is {error}") from None
    except InvalidPatternError as error:
        raise CommandError(f"the pattern: {error}") from None


def pattern_text(rule: Rule) -> str:
    """Return the pattern of a rule as JSON in lines."""
    return json.dumps(rule.pattern, indent=2, ensure_ascii=False)


def _known(names: Sequence[str], known: Sequence[str]) -> list[str]:
    if unknown := [name for name in names if name not in known]:
        raise CommandError(f"there is no topic {unknown[0]} with events")
    return list(names)
