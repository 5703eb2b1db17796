"""Whatever AWS answers, an adapter returns a result or raises a `StageError`: every member in turn is missing or wrong.

The answers are those of `test_ai_stubs`, which has a case for each operation. They are sent as bytes, because the SDK
passes on what its parsers do not look at.
"""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from headrace.connectors.aws import aws_shapes
from headrace.schemas.jobs import DATA_AUTOMATION
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.error_codes import OPERATIONS
from headrace.streams.errors import ObjectGone, PermanentError, StageError, TransientError
from headrace.streams.limits.rate_limits import RateLimits
from tests.contract.test_ai_stubs import CASES, INVOCATION, TOKEN, Case, automation, transcribe, vision

DEEP = "[" * 900 + "]" * 900
WRONG = (
    "null",
    "7",
    "-1",
    "2147483647",
    "1e400",
    "NaN",
    "9" * 400,
    "true",
    '""',
    '"x"',
    '"\\ud800"',
    "[]",
    '"//[x"',
    "[null]",
    "{}",
    DEEP,
)
"""JSON that stands in the place of each value in turn."""
MOST = 150
Place = tuple[str | int, ...]


class CannedAnswers:
    """An `AwsClient` of one service whose requests have these bodies as answers. The last one is repeated."""

    def __init__(self, service: str) -> None:
        self.aws = AwsClient(1, RateLimits({}, {}))
        self.bodies: list[bytes] = []
        sdk: Any = boto3.client(  # type: ignore[call-overload]  # the stubs know a type for each service
            service,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1, "mode": "standard"}),
        )
        sdk.meta.events.register("before-send", self._send)
        self.aws._clients[service] = sdk

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        body = self.bodies.pop(0) if len(self.bodies) > 1 else self.bodies[0]
        headers: Any = {"Content-Type": "application/json"}
        return AWSResponse(request.url, 200, headers, RawBody(body))

    async def outcome(self, case: Case, *bodies: bytes) -> str:
        """Return how a case ends with these answers."""
        self.bodies = list(bodies)
        try:
            await case.ask(self.aws)
        except (StageError, ObjectGone):
            return "declared"
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return "accepted"


class RawBody:
    """A body that the SDK reads as a stream or at once."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, amount: int | None = None) -> bytes:
        """Return the next bytes."""
        size = len(self._content) if amount is None else amount
        taken, self._content = self._content[:size], self._content[size:]
        return taken

    def stream(self) -> Iterator[bytes]:
        """Yield all bytes."""
        yield self.read()

    def close(self) -> None:
        """Do nothing."""


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Yield the place of each value; of the items of a list, the first one of each kind."""
    yield at
    match value:
        case dict():
            for name, each in value.items():
                yield from places(each, (*at, name))
        case list():
            kinds = {_kind(each): number for number, each in reversed(list(enumerate(value)))}
            for number in sorted(kinds.values()):
                yield from places(value[number], (*at, number))


def _kind(value: Any) -> str:
    return f"{sorted(value)} {value.get('BlockType')}" if isinstance(value, dict) else type(value).__name__


def variants(answer: Any) -> Iterator[tuple[str, bytes]]:
    """Yield an answer with each of its values in turn missing, or replaced by what it must not be.

    Of the replacements, at most `MOST` of all places.
    """
    whole, every = json.dumps(answer), tuple(places(answer))
    replacements = list(itertools.product(every, WRONG))
    for place, wrong in random.Random(whole).sample(replacements, min(len(replacements), MOST)):
        yield f"{place} = {wrong:.12}", _replaced(whole, place, wrong)
    for place in filter(None, every):
        yield f"{place} is missing", _without(whole, place)


def _replaced(whole: str, place: Place, wrong: str) -> bytes:
    copy = [json.loads(whole)]
    *parents, last = (0, *place)
    parent: Any = copy
    for step in parents:
        parent = parent[step]
    parent[last] = "@wrong@"
    return json.dumps(copy[0]).replace('"@wrong@"', wrong).encode()


def _without(whole: str, place: Place) -> bytes:
    copy = json.loads(whole)
    parent = copy
    for step in place[:-1]:
        parent = parent[step]
    del parent[place[-1]]
    return json.dumps(copy).encode()


def on_the_wire(service: str, method: str, answer: dict[str, Any]) -> Any:
    """Return the JSON of an answer in the form of the service's protocol."""
    operations = aws_shapes.service_model(service)
    names = {name.lower(): name for name in operations.operation_names}
    shape = operations.operation_model(names[method.replace("_", "")]).output_shape
    payload = shape.serialization.get("payload") if shape else None
    if payload:
        return json.loads(answer[payload]._raw_stream.getvalue())  # another test may have read it
    return json.loads(aws_shapes.encode(answer, shape))


JSON_CASES = [case for case in CASES if case.service != "s3"]
XML = {
    "list_objects_v2": "<ListBucketResult><KeyCount>1</KeyCount><Contents><Key>media/b</Key><Size>3</Size>"
    "<LastModified>2026-11-01T00:00:00Z</LastModified></Contents></ListBucketResult>",
    "get_object_tagging": "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>",
    "copy_object": "<CopyObjectResult><ETag>a</ETag>"
    "<LastModified>2026-11-01T00:00:00Z</LastModified></CopyObjectResult>",
}
XML_CASES = [case for case in CASES if case.calls[0][0] in XML]


def xml_variants(answer: str) -> Iterator[tuple[str, bytes]]:
    """Yield an answer with each of its elements in turn missing, empty, twice, or with another text."""
    for body in ("", "x", "{}", "<a", "<a/>", answer[:-5], answer + "x", answer.encode("utf-16").decode("latin-1")):
        yield f"{body:.20}", body.encode()
    names = list(dict.fromkeys(re.findall(r"<(\w+)>", answer)))
    for name in names:
        element = re.search(rf"<{name}>.*?</{name}>", answer)
        assert element is not None
        for other in (
            "",
            f"<{name}/>",
            element[0] * 2,
            *(f"<{name}>{text}</{name}>" for text in ("x", "-1", "9" * 400)),
        ):
            yield f"{name}: {other:.30}", answer.replace(element[0], other).encode()


@pytest.mark.parametrize("case", JSON_CASES, ids=lambda case: case.calls[-1][0])
async def test_answer_with_a_missing_or_wrong_member_is_accepted_or_a_stage_error(case: Case) -> None:
    answers = [on_the_wire(case.service, method, answer) for method, _, answer in case.calls]
    good = [json.dumps(answer).encode() for answer in answers]
    canned = CannedAnswers(case.service)
    assert await canned.outcome(case, *good) == "accepted"
    undeclared = []
    for number, answer in enumerate(answers):
        for name, body in variants(answer):
            ending = await canned.outcome(case, *good[:number], body, *good[number + 1 :])
            if ending not in ("accepted", "declared"):
                undeclared.append(f"{case.calls[number][0]} {name}: {ending:.200}")
    canned.aws.close()
    assert not undeclared, "\n".join(undeclared)


@pytest.mark.parametrize("case", XML_CASES, ids=lambda case: case.calls[0][0])
async def test_xml_with_a_missing_or_wrong_element_is_accepted_or_a_stage_error(case: Case) -> None:
    canned, method = CannedAnswers(case.service), case.calls[0][0]
    assert await canned.outcome(case, XML[method].encode()) == "accepted"
    endings = {name: await canned.outcome(case, body) for name, body in xml_variants(XML[method])}
    canned.aws.close()
    assert not {name: ending for name, ending in endings.items() if ending not in ("accepted", "declared")}


def test_every_operation_is_covered() -> None:
    covered = {(case.service, method) for case in (*JSON_CASES, *XML_CASES) for method, _, _ in case.calls}
    without_a_body = {("s3", "get_object"), ("s3", "put_object")}
    assert covered | without_a_body == {(service, method) for service, names in OPERATIONS.items() for method in names}


FILES: dict[str, tuple[str, Callable[[AwsClient], Any], Callable[[Any], Awaitable[Any]]]] = {
    "transcript": ("transcribe", transcribe, lambda adapter: adapter.get_result(TOKEN, 90.0)),
    "insights": (DATA_AUTOMATION, automation, lambda adapter: adapter.get_result(INVOCATION, 0.0)),
}
"""The service, the adapter with its output files in a bucket, and the call that reads them."""


@pytest.mark.parametrize("kind", FILES)
async def test_output_file_with_a_missing_or_wrong_member_is_accepted_or_a_permanent_error(kind: str) -> None:
    service, adapter_of, read = FILES[kind]
    *_, case = (case for case in CASES if case.service == service and case.calls[0][0].startswith("get"))
    method, _, answer = case.calls[0]
    canned = CannedAnswers(service)
    canned.bodies = [json.dumps(on_the_wire(service, method, answer)).encode()]
    adapter = adapter_of(canned.aws)
    files: dict[str, bytes] = adapter._bucket.objects
    undeclared: list[str] = []
    codes: set[str] = set()
    for key, good in list(files.items()):
        if key.endswith(".vtt"):
            wrong = [("latin-1", b"\xff"), ("empty", b"")]
        else:
            wrong = [*variants(json.loads(good)), ("cut off", good[:-1]), ("latin-1", b"\xff"), ("empty", b"")]
        for name, content in wrong:
            files[key] = content
            try:
                await read(adapter)
            except PermanentError as error:
                codes.add(error.code)
            except Exception as error:
                undeclared.append(f"{name}: {type(error).__name__}: {error}")
        files[key] = good
    await read(adapter)
    assert not undeclared, "\n".join(undeclared)
    assert "invalid_answer" in codes <= {"invalid_answer", "result_missing"}
    canned.aws.close()


async def test_error_names_the_operation_and_the_member() -> None:
    canned, case = CannedAnswers("rekognition"), next(case for case in CASES if case.calls[0][0] == "detect_labels")
    for body, why in (
        (b"{}", "DetectLabels: Labels is missing"),
        (b'{"Labels": [{"Name": "Cat"}]}', "DetectLabels: Labels[0].Confidence is missing"),
        (b'{"Labels": [{"Name": 7}]}', "DetectLabels: Labels[0].Name is not a valid string: 7"),
        (b'{"Labels": [null]}', "DetectLabels: Labels[0] is not a valid structure: None"),
    ):
        canned.bodies = [body]
        with pytest.raises(TransientError) as raised:
            await case.ask(canned.aws)
        assert raised.value.code == "unreadable_answer"
        assert raised.value.why == f"AWS returned an unreadable answer: {why}"
    canned.aws.close()


async def test_result_whose_pages_have_no_end_is_an_unreadable_answer() -> None:
    canned = CannedAnswers("rekognition")
    canned.bodies = [b'{"JobStatus": "SUCCEEDED", "Labels": [], "NextToken": "a"}']
    with pytest.raises(TransientError, match="have no end"):
        await vision(canned.aws).get_result("labels", "job", 1.0)
    canned.aws.close()
