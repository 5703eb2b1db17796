"""The fuzz targets: each parser of values from outside, with values to parse and the errors that it may raise.

Add a target for each new parser. `make fuzz` runs all of them; `tests/fuzz/test_targets.py` runs a few cases of each.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from headrace.connectors.sinks.base import InvalidTargetError
from headrace.connectors.sinks.http_client import HttpResponse, validate_url
from headrace.connectors.sinks.oauth import parse_token
from headrace.connectors.sinks.ssrf_guard import NO_PRIVATE_TARGETS, is_public
from headrace.connectors.webhook.sns_signature import InvalidSignatureError, parse_sns_message
from headrace.console.dlq.letter import LetterFilter
from headrace.console.kafka.entry import LogEntry, letter_of, seconds_of
from headrace.console.routing.eventbridge_json import imported
from headrace.schemas import parsing
from headrace.schemas.cloudevents import Headers, InvalidEventError, from_headers
from headrace.schemas.delivery import DeliveryError
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.parsing import InvalidValueError
from headrace.schemas.settings import SettingsError
from headrace.streams.engine.dlq import RedriveInfo, dead_letter, redrive_record, retry_record
from headrace.streams.engine.headers import due_at, record_history
from headrace.streams.engine.outcome import Dead, Retry
from headrace.streams.handlers import Transform
from headrace.streams.machines.drawing import machine_svg, machine_text
from headrace.streams.machines.errors import DefinitionError, StatesError
from headrace.streams.machines.validation import validate
from headrace.streams.machines.validation.choices import OPERATORS
from headrace.streams.machines.validation.states import SCHEMAS
from headrace.streams.routing.event_path import InvalidPathError, check_path, values_at
from headrace.streams.routing.input_transformer import (
    InputTransformer,
    InvalidPayloadError,
    InvalidTemplateError,
    RuleContext,
    transform,
)
from headrace.streams.routing.rule import read_text
from headrace.streams.stage import Stage
from tests.fuzz import expression_values as machines
from tests.support.records import NOW, arrived


@dataclass(frozen=True, slots=True)
class FuzzTarget:
    """A parser, values for it, and the errors that it declares."""

    name: str
    values: SearchStrategy[Any]
    parse: Callable[[Any], object]
    declared: tuple[type[Exception], ...] = ()


async def _nothing(_event: object, _services: object) -> None:
    """Do nothing."""


STAGE = Stage("labels", reads=(), handler=Transform(_nothing))
RULE = RuleContext("flagged", "arn", "2026-03-14T15:09:26Z")
REDRIVE = RedriveInfo("r1", "ada@host", "bug is fixed")

digits = st.text("0123456789", max_size=30) | st.integers(1, 6_000).map(lambda count: "9" * count)
number_texts = digits | st.integers().map(str) | st.floats().map(str) | st.text("0123456789+-._eExX²١ \n", max_size=12)
texts = number_texts | st.text(max_size=60) | st.datetimes().map(lambda time: time.isoformat())
http_dates = st.datetimes().flatmap(
    lambda time: st.sampled_from(["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%c"]).map(time.strftime)
)
dates = http_dates | st.text("SunMoJaNvGT ,:-0123456789+", max_size=40)
binaries = st.binary(max_size=60) | texts.map(lambda text: text.encode("utf-8", "replace"))

json_values: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
brackets = st.tuples(st.sampled_from(["[", '{"a":', "[[],", '[{"b":1},']), st.integers(0, 3_000)).map(
    lambda drawn: drawn[0] * drawn[1]
)
json_texts = st.one_of(
    json_values.map(lambda value: as_json(value)),
    st.text('[]{}",:0123456789eE.-\\ "', max_size=60),
    brackets,
    texts,
)

PLACE = ("topic", "partition", "offset", "timestamp", "attempts", "first-failure")
json_bodies = json_texts.map(lambda text: text.encode("utf-8", "replace")) | binaries

HEADER_NAMES = (
    *(f"retry-{name}" for name in (*PLACE, "waits", "after-ms")),
    *(f"dlq-{name}" for name in (*PLACE, "last-failure", "code", "asset")),
    *(f"replay-{name}" for name in ("id", "count", "attempts", "of", "operator")),
    *(f"ce_{name}" for name in ("id", "source", "type", "time", "subject")),
)
headers: SearchStrategy[Headers] = st.lists(
    st.tuples(st.sampled_from(HEADER_NAMES), st.none() | binaries), max_size=12
).map(tuple)
hosts = st.one_of(
    st.text("0123456789.abcdefxX:[]%", max_size=24),
    st.text("①②⑦127。．｡0.:١", max_size=16),
    st.ip_addresses().map(str),
    st.text(max_size=30),
    st.text("a.-", max_size=300),
)
path_texts = st.text("$.['abc']*0123/-_", max_size=40)
VARIABLES = ("<a>", "<b>", "<aws.events.event>", "<aws.events.event.json>", "<aws.events.rule-arn>")
PUNCTUATION = ('"', "\\", "{", "}", "[", "]", ":", ",", "\n")
templates = st.lists(st.sampled_from([*VARIABLES, *PUNCTUATION, '"x"', "1", "null", "text "]), max_size=30).map("".join)
RULE_TEXT = 'reads = ["a"]\npattern = {}\n[target]\nsns = "arn:aws:sns:eu-central-1:111122223333:x"\n'
rule_texts = st.one_of(
    st.text(max_size=80),
    st.text('abcdest=[]{}".,\n0123456789-#', max_size=120),
    st.tuples(st.sampled_from(["a=", "pattern=", ""]), st.sampled_from(["[", "{a=", "a."]), st.integers(0, 3_000)).map(
        lambda drawn: drawn[0] + drawn[1] * drawn[2]
    ),
    st.tuples(st.sampled_from(["rate", "enabled", "retry", "reads", "pattern"]), json_texts).map(
        lambda drawn: f"{drawn[0]} = {drawn[1]}\n{RULE_TEXT}"
    ),
)


def as_json(value: object) -> str:
    """Return a value as JSON, with the NaN and infinity that the standard library writes."""
    return json.dumps(value)


def _record(given: Headers) -> ConsumerRecord:
    return ConsumerRecord("labels.retry", 0, 5, 1.0, b"media/a.jpg", b"v", (("retry-topic", b"media.ready"), *given))


def _history(given: Headers) -> None:
    """A record with any headers is read, retried, dead-lettered and redriven."""
    record = _record(given)
    record_history(record)
    due_at(record)
    again = arrived(retry_record(STAGE, record, Retry(1.5, "timeout", "late"), 1, NOW))
    letter = arrived(dead_letter(STAGE, again, Dead("unreadable", "no moov atom"), 1, NOW))
    redrive_record(letter, REDRIVE)


def _letter(given: Headers) -> None:
    record = ConsumerRecord("labels.dlq", 0, 5, 1.0, b"media/a.jpg", None, given)
    letter_of(LogEntry(record))
    LetterFilter(key="*.jpg", since=1.0, text="x").matches(LogEntry(record))


def _template(drawn: tuple[str, str, Any]) -> None:
    template, path, value = drawn
    transform(InputTransformer({"a": path, "b": "$.detail"}, template), {"detail": value, "time": "t"}, RULE)


def _path(drawn: tuple[str, Any]) -> None:
    check_path(drawn[0])
    values_at(drawn[1], drawn[0])


def _import(document: str) -> None:
    imported(parsing.parse_json(document), ["aws.events"])


rules_json = st.tuples(json_texts, json_texts, json_values).map(
    lambda drawn: as_json(
        {
            "Name": "n",
            "EventPattern": drawn[0],
            "Targets": [
                {
                    "Arn": "arn:aws:sqs:eu-central-1:111122223333:q",
                    "InputTransformer": {"InputTemplate": drawn[1], "InputPathsMap": drawn[2]},
                }
            ],
        }
    )
)

MACHINE_ERRORS = (DefinitionError, StatesError)
STATE_FIELDS = tuple(sorted({field for table in SCHEMAS.values() for field in table.fields} | {"Unknown"}))
EXPRESSIONS = ("$.a", "$$.Task", "States.UUID()", "States.Format('{}', $.a)", "{% $states.input %}", "{% a[ %}", "{%%}")
field_values = json_values | st.sampled_from([*EXPRESSIONS, "A", "B", "JSONata", "FULL"])
RULE_FIELDS = (*sorted(OPERATORS), "Variable", "Next", "Condition")
choice_rules = st.dictionaries(st.sampled_from(RULE_FIELDS), field_values, max_size=4)
states = st.fixed_dictionaries({"Type": st.sampled_from([*SCHEMAS, "Job"])}).flatmap(
    lambda state: st.dictionaries(
        st.sampled_from(STATE_FIELDS), field_values | st.lists(choice_rules, max_size=3), max_size=8
    ).map(lambda fields: {**fields, **state})
)
machine_values = st.dictionaries(st.sampled_from(["A", "B", "C"]), states | json_values, max_size=3).map(
    lambda members: {"StartAt": "A", "QueryLanguage": "JSONPath", "States": members}
)
definitions = (
    json_texts
    | machine_values.map(as_json)
    | machine_values.map(
        lambda inner: as_json({"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": [inner], "End": True}}})
    )
)


def _definition(text: str) -> None:
    """A text is validated, and drawn if it is an object."""
    verdict = validate(text)
    verdict.as_json()
    verdict.describe()
    if verdict.definition is not None:
        machine_svg(verdict.definition)
        machine_text(verdict.definition)


TARGETS: tuple[FuzzTarget, ...] = (
    FuzzTarget("state machines", definitions, _definition),
    FuzzTarget("integers", texts | binaries | st.integers(), parsing.parse_int, (InvalidValueError,)),
    FuzzTarget(
        "decimal numbers", texts | st.floats() | st.integers() | st.none(), parsing.parse_float, (InvalidValueError,)
    ),
    FuzzTarget("times", texts | binaries, parsing.parse_time, (InvalidValueError,)),
    FuzzTarget(
        "Retry-After",
        texts | dates,
        lambda text: parsing.parse_retry_after(text, NOW),
        (InvalidValueError,),
    ),
    FuzzTarget("TOML", rule_texts, parsing.parse_toml, (InvalidValueError,)),
    FuzzTarget("header texts", binaries, lambda value: parsing.parse_text(value, 40), (InvalidValueError,)),
    FuzzTarget("JSON", json_texts | binaries, parsing.parse_json, (InvalidValueError,)),
    FuzzTarget("record history", headers, _history),
    FuzzTarget("CloudEvents headers", headers, from_headers, (InvalidEventError,)),
    FuzzTarget("dead letters", headers, _letter),
    FuzzTarget("failure times", texts, seconds_of),
    FuzzTarget("hosts", hosts, is_public),
    FuzzTarget(
        "URLs",
        hosts.map(lambda host: f"https://{host}/hook") | st.text(max_size=60),
        lambda url: validate_url(url, NO_PRIVATE_TARGETS),
        (InvalidTargetError,),
    ),
    FuzzTarget(
        "OAuth tokens",
        json_bodies,
        lambda body: parse_token(HttpResponse(200, "", body)),
        (DeliveryError,),
    ),
    FuzzTarget("SNS messages", json_bodies, parse_sns_message, (InvalidSignatureError,)),
    FuzzTarget("event paths", st.tuples(path_texts, json_values), _path, (InvalidPathError,)),
    FuzzTarget(
        "input transformers",
        st.tuples(templates, st.just("$.detail[*]") | path_texts, json_values),
        _template,
        (InvalidTemplateError, InvalidPayloadError),
    ),
    FuzzTarget("rules", rule_texts, lambda text: read_text("fuzzed", text, ("sns", "http")), (SettingsError,)),
    FuzzTarget("JSONPath", st.tuples(machines.paths, json_values), machines.read_and_write, MACHINE_ERRORS),
    FuzzTarget("intrinsic functions", st.tuples(machines.calls, json_values), machines.evaluate_call, MACHINE_ERRORS),
    FuzzTarget("templates", st.tuples(machines.templates, json_values), machines.render_template, MACHINE_ERRORS),
    FuzzTarget("Choice rules", st.tuples(machines.rules, json_values), machines.evaluate_rule, MACHINE_ERRORS),
    FuzzTarget("JSONata", st.tuples(machines.jsonata_texts, json_values), machines.evaluate_jsonata, MACHINE_ERRORS),
    FuzzTarget("EventBridge rules", rules_json | json_texts, _import, (ValueError, SettingsError)),
)
