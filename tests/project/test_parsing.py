"""Values from outside are parsed in `schemas/parsing.py`, within bounds, and not by `int`, `json.loads` and others."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.project.source import ROOT, modules, tree

FOLDERS = ("connectors", "console", "schemas", "streams")
EXEMPT = (ROOT / "schemas" / "parsing.py", ROOT / "streams" / "machines")
"""The parsers of external values, and of the language of state machines, which has limits of its own."""
NUMBERS = {"int", "float", "Decimal"}
JSON_MODULES = {"json", "orjson"}

LIBRDKAFKA = "librdkafka returns integers"
DATABASE = "a sum of integers, which PostgreSQL returns as a decimal number"
CHECKED = "the type is checked before"
PATTERN = "a regular expression bounds the number of digits"
MESSAGE = "orjson limits the depth, and the size of the message is limited before"
VIEWS = "a row of the views, which was decoded before it was stored"
AWS_RESULT = "a result of an AWS service, which may have many megabytes; an invalid one is dead-lettered"

ALLOWED = {
    "connectors/aws/aws_shapes.py": (
        "a model of botocore",
        "int(shape.get('error', {}).get('httpStatusCode', 500 if shape.get('fault') else 400))",
    ),
    "connectors/aws/signature.py": (CHECKED, "int(expires)"),
    "connectors/aws/sqs_fast_path.py": (
        "an answer of SQS, maybe with half a surrogate pair; `call` handles every error",
        "json.loads(body_received)",
        "msgspec.json.Decoder(type_)",
        "msgspec.json.decode(body_received, type=_Error)",
    ),
    "connectors/events/aws_event.py": (MESSAGE, "orjson.loads(message)"),
    "connectors/events/decoding.py": (MESSAGE, "msgspec.json.Decoder(shape)"),
    "connectors/events/parser.py": (
        MESSAGE,
        "msgspec.json.Decoder(_Message)",
        "msgspec.json.Decoder(dict[str, Raw])",
        "orjson.loads(message)",
    ),
    "connectors/events/version_order.py": (PATTERN, "int(sequencer, 16)"),
    "connectors/sinks/http.py": (CHECKED, "float(seconds)", "int(time.time())"),
    "connectors/sinks/ssrf_guard.py": ("an address of `ipaddress`", "int(address)"),
    "connectors/webhook/sns_signature.py": (MESSAGE, "orjson.loads(body)", "datetime.fromisoformat(text)"),
    "console/commands/json_args.py": ("the operator's own argument", "orjson.loads(text)"),
    "console/kafka/log_reader.py": (LIBRDKAFKA, "int(message.partition() or 0)"),
    "console/kafka/record_times.py": (LIBRDKAFKA, "int(message.partition() or 0)"),
    "console/kafka/topic_reader.py": (LIBRDKAFKA, "int(each.partition)", "int(found[1] or 0)"),
    "console/machines/api/paging.py": (
        "a token of the client; every ValueError is an invalid token",
        "msgspec.json.decode(base64.urlsafe_b64decode(token), type=tuple[str, form])",
    ),
    "console/machines/connect.py": (
        "a pointer that the engine wrote, decoded once",
        "msgspec.json.decode(pointer, type=Pointer)",
    ),
    "console/media/boxes.py": (AWS_RESULT, "msgspec.json.decode(content, type=_Answer)"),
    "console/reconcile/plan.py": ("a temporary file of this process", "msgspec.json.decode(line, type=ListedObject)"),
    "console/replay/rewind/targets.py": (CHECKED, "int(target.at)"),
    "console/replay/trial/recorded_aws.py": (AWS_RESULT, "json.loads(answer)"),
    "console/routing/pattern_test.py": ("the operator's own file", "orjson.loads(line)", "orjson.loads(pattern)"),
    "streams/passages/speech_text.py": (PATTERN, "int(part or 0)"),
    "console/terminal/formatting.py": (CHECKED, "float(number)"),
    "console/terminal/timespec.py": (PATTERN, "datetime.fromisoformat(text)", "int(part or 0)"),
    "console/views/apply_operations.py": (
        VIEWS,
        "msgspec.json.decode(from_stored(disposition[1]), type=Disposition)",
    ),
    "console/views/database.py": (DATABASE, "int(connection.execute(behind).scalar() or 0)"),
    "console/views/locations.py": (PATTERN, "int(file.stem.removeprefix('views-'))"),
    "console/views/log_source.py": (LIBRDKAFKA, "int(message.offset() or 0)", "int(message.partition() or 0)"),
    "console/views/queries/activity.py": (
        DATABASE,
        "int(now)",
        "int(bucket)",
        "int(count)",
        "int(nanos)",
        "int(results)",
        "int(connection.execute(refused).scalar() or 0)",
        "int(connection.execute(spent).scalar() or 0)",
    ),
    "console/views/queries/letter_stats.py": (DATABASE, "int(records)"),
    "console/views/queries/operations.py": (DATABASE, "int(nanos)"),
    "console/views/restore.py": (
        "an object of the results bucket, to which only the pipeline writes",
        "msgspec.json.decode(content or b'', type=StoredResult)",
        "msgspec.json.decode(content, type=StageFailure)",
        "msgspec.json.decode(content, type=StoredResult)",
    ),
    "console/views/rows.py": (VIEWS, "msgspec.json.decode(from_stored(row.letter), type=LetterInfo)"),
    "console/web/access/cookies.py": ("a constant", "int(max_age)"),
    "console/web/access/signing.py": ("the clock", "int(self._clock())"),
    "schemas/ids.py": ("a UUID of this package", "int(id_.replace('-', '')[:15], 16)"),
    "schemas/kafka/reading.py": (LIBRDKAFKA, "int(message.offset() or 0)", "int(message.partition() or 0)"),
    "schemas/kafka/topic_follower.py": (LIBRDKAFKA, "int(message.partition() or 0)"),
    "schemas/serde/catalog.py": (
        "the schemas of the package",
        "int(file.name.removeprefix('v').removesuffix('.avsc'))",
        "json.loads(file.read_text('utf-8'))",
    ),
    "schemas/serde/writer_schema.py": ("the parser of schemas, which has limits of its own", "json.loads(text)"),
    "streams/costs/estimates.py": (CHECKED, "float(characters)"),
    "streams/engine/headers.py": (CHECKED, "int(min(max(seconds * 1000, 0), MAX_TIMESTAMP_MS))"),
    "streams/executions/json_codec.py": (
        "a record with half a surrogate pair, of bounded size",
        "json.loads(data)",
        "msgspec.json.Decoder(kind)",
    ),
    "streams/executions/timers.py": ("a timer of the core", "int(timer.partition('.')[0])"),
    "streams/executions/tasks/stage_task.py": (
        "an event that this process encoded",
        "msgspec.json.decode(msgspec.json.encode(event))",
    ),
    "streams/media/ffmpeg_output.py": (PATTERN, "int(size[1])", "int(size[2])"),
    "streams/media/inspection/container.py": ("a fraction of PyAV", "float(video.average_rate)"),
    "streams/media/inspection/system_calls.py": ("a table of this module", "int(number)"),
    "streams/media/probe.py": (PATTERN, "int(size[1])", "int(size[2])"),
    "streams/media/slots.py": (CHECKED, "int(large_waits)"),
    "streams/media/thumbnails.py": (CHECKED, "int(info.duration_seconds)"),
    "streams/results.py": (
        "a key of S3 has at most 1,024 characters, and only the pipeline writes to the results bucket",
        "int(match[1])",
        "int(match[2] or 0)",
        "msgspec.json.decode(content or b'', type=StageFailure)",
        "msgspec.json.decode(content, type=JobIntent)",
        "msgspec.json.decode(each.data, type=_Charged)",
        "msgspec.json.decode(content, type=StoredResult)",
        "msgspec.json.decode(self.data, type=EVENTS[self.event or ''])",
        "msgspec.json.decode(self.data, type=EVENTS[self.event])",
    ),
    "streams/reuse/claims.py": (
        "only the pipeline writes to the results bucket",
        "msgspec.json.decode(found.content, type=Claim)",
    ),
    "streams/reuse/copies.py": (
        "a stored result of the pipeline",
        "msgspec.json.decode(msgspec.json.encode(fields), type=EVENTS[stored.event])",
        "msgspec.json.decode(stored.data)",
    ),
    "streams/routing/event_path.py": (PATTERN, "int(step['index'])"),
    "streams/routing/rule.py": (CHECKED, "float(values)", "int(attempts)"),
    "streams/rules/conditions.py": (CHECKED, "Decimal(repr(float(value)))", "float(value)"),
    "streams/rules/index/index.py": (
        "an event that the bridge has accepted; what msgspec does not decode is matched without it",
        "msgspec.json.Decoder(self._root.type)",
        "orjson.loads(event)",
    ),
    "streams/passages/vectors.py": (
        "numbers and bits of a vector, no text",
        "float(sum(map(mul, one, other)))",
        "int(packed[1::2].translate(_SIGN), 2)",
    ),
    "streams/rules/operators.py": ("`ipaddress` has accepted the block", "int(mask)"),
    "streams/stages/_frame_answers.py": (
        AWS_RESULT,
        "msgspec.json.decode(answers[frame.at].answer)",
        "msgspec.json.decode(await blobs.read(stored), type=tuple[FrameAnswer, ...])",
    ),
    "streams/stages/_text.py": (AWS_RESULT, "json.loads(await services.blobs.read(record.result))"),
}
"""Other calls: the reason, and the calls of the module."""


def parsing_calls(source: ast.AST) -> Iterator[str]:
    """Yield the calls that parse a value without bounds."""
    for node in ast.walk(source):
        if isinstance(node, ast.Call) and _is_parser(node):
            yield ast.unparse(node)


def _is_parser(call: ast.Call) -> bool:
    match call.func:
        case ast.Name(name) if name in NUMBERS and call.args:
            return not isinstance(call.args[0], ast.Constant | ast.BinOp | ast.Compare)  # no text
        case ast.Attribute(ast.Name(module), "loads"):
            return module in JSON_MODULES
        case ast.Attribute(attr="fromisoformat"):
            return True
        case ast.Attribute(ast.Attribute(ast.Name("msgspec"), "json"), "decode" | "Decoder"):
            return True
    return False


@pytest.mark.parametrize(
    "code",
    [
        "int(x)",
        "float(x[0])",
        "int(x, 16)",
        "Decimal(f())",
        "json.loads(x)",
        "orjson.loads(x)",
        "date.fromisoformat(x)",
        "msgspec.json.decode(x, type=T)",
        "msgspec.json.Decoder(T)",
    ],
)
def test_detects_a_call(code: str) -> None:
    assert list(parsing_calls(ast.parse(f"def f(x):\n    return {code}"))) == [code]


@pytest.mark.parametrize("code", ["float('inf')", "int(seconds * 1000)", "parse_int(x)", "json.dumps(x)"])
def test_accepts_a_call(code: str) -> None:
    assert list(parsing_calls(ast.parse(code))) == []


def test_external_values_are_parsed_within_bounds() -> None:
    modules_with_calls = {
        str(path.relative_to(ROOT)): calls
        for path in modules(*FOLDERS)
        if not any(map(path.is_relative_to, EXEMPT)) and (calls := set(parsing_calls(tree(path))))
    }
    allowed = {name: set(calls) for name, (_reason, *calls) in ALLOWED.items()}
    assert modules_with_calls == allowed, "use headrace.schemas.parsing"
