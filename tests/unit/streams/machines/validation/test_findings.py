"""Each rule of the validation: one broken definition, and its finding."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.streams.machines.validation import validate

SCHEMA = "SCHEMA_VALIDATION_FAILED"
TARGET = "MISSING_TRANSITION_TARGET"
Found = tuple[str, str | None, str]

FUNCTION = "arn:aws:lambda:us-east-1:111111111111:function:f"
PASS = {"Type": "Pass", "End": True}
BRANCH = {"StartAt": "B", "States": {"B": PASS}}
PROCESSOR = {"StartAt": "I", "States": {"I": PASS}}
DISTRIBUTED = {**PROCESSOR, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
READER = {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"}}


def errors(definition: dict[str, Any]) -> list[Found]:
    return [
        (each.code, each.location, each.message)
        for each in validate(json.dumps(definition)).findings
        if each.severity == "ERROR"
    ]


def machine(state: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A machine whose first state is given."""
    return {"StartAt": "S", "States": {"S": state}, **fields}


def state_errors(state: dict[str, Any], language: str = "JSONPath") -> list[Found]:
    return errors(machine(state, QueryLanguage=language))


@pytest.mark.parametrize("kind", ["Pass", "Wait", "Choice", "Succeed", "Fail", "Map", "Parallel"])
def test_timeout_is_for_tasks_only(kind: str) -> None:
    assert (SCHEMA, "/States/S", "Field 'TimeoutSeconds' is not supported") in state_errors(
        {"Type": kind, "TimeoutSeconds": 1}
    )


@pytest.mark.parametrize("field", ["Retry", "Catch"])
@pytest.mark.parametrize("kind", ["Pass", "Wait", "Choice", "Succeed", "Fail"])
def test_retry_and_catch_are_for_tasks_parallel_and_map_only(kind: str, field: str) -> None:
    assert (SCHEMA, "/States/S", f"Field '{field}' is not supported") in state_errors({"Type": kind, field: []})


@pytest.mark.parametrize("kind", ["Succeed", "Fail", "Choice"])
@pytest.mark.parametrize("field", ["Next", "End"])
def test_terminal_and_choice_states_have_no_next_and_no_end(kind: str, field: str) -> None:
    assert (SCHEMA, "/States/S", f"Field '{field}' is not supported") in state_errors({"Type": kind, field: "S"})


BROKEN_STATES: list[tuple[dict[str, Any], Found]] = [
    ({"End": True}, (SCHEMA, "/States/S", "The field 'Type' is required")),
    ({"Type": 1, "End": True}, (SCHEMA, "/States/S/Type", "Expected value of type String")),
    (
        {"Type": "Job", "End": True},
        (
            SCHEMA,
            "/States/S/Type",
            "The field 'Type' should have one of these values: "
            "[Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]",
        ),
    ),
    ({"Type": "Task", "End": True}, (SCHEMA, "/States/S", "These fields are required: [Resource]")),
    ({"Type": "Task", "Resource": FUNCTION, "End": 1}, (SCHEMA, "/States/S/End", "Expected value of type Boolean")),
    ({**PASS, "Next": "S"}, (SCHEMA, "/States/S", "There should only be one of the following fields: [Next, End]")),
    (
        {**PASS, "InputPath": "x"},
        (SCHEMA, "/States/S/InputPath", "Value is not a JSONPath: The path 'x' must start with '$'."),
    ),
    (
        {**PASS, "ResultPath": "$$.x"},
        (SCHEMA, "/States/S/ResultPath", "Value is not a Reference Path: it must start with '$.' or '$['"),
    ),
    ({**PASS, "ResultPath": "$.a[*]"}, (SCHEMA, "/States/S/ResultPath", "")),
    ({**PASS, "Assign": []}, (SCHEMA, "/States/S/Assign", "Expected value of type Object")),
    ({**PASS, "Assign": {"states": 1}}, (SCHEMA, "/States/S/Assign", "Variable name 'states' is reserved")),
    ({**PASS, "Assign": {"1a": 1}}, (SCHEMA, "/States/S/Assign", "")),
    ({**PASS, "Assign": {"a" * 81: 1}}, (SCHEMA, "/States/S/Assign", "")),
    (
        {**PASS, "Parameters": {"a": {"x.$": "x"}}},
        (
            SCHEMA,
            "/States/S/Parameters/a",
            "The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call",
        ),
    ),
    (
        {**PASS, "Parameters": [{"x.$": 5}]},
        (
            SCHEMA,
            "/States/S/Parameters[0]",
            "The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call",
        ),
    ),
    (
        {**PASS, "Parameters": {"x": 1, "x.$": "$"}},
        (SCHEMA, "/States/S/Parameters", "There should only be one of the following fields: [x, x.$]"),
    ),
    (
        {"Type": "Wait", "End": True},
        (
            SCHEMA,
            "/States/S",
            "This object should have only one of the following fields: "
            "[SecondsPath, Seconds, TimestampPath, Timestamp]",
        ),
    ),
    (
        {"Type": "Wait", "Seconds": 1, "Timestamp": "2026-01-01T00:00:00Z", "End": True},
        (
            SCHEMA,
            "/States/S",
            "There should only be one of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp]",
        ),
    ),
    ({"Type": "Wait", "Seconds": -1, "End": True}, (SCHEMA, "/States/S/Seconds", "Minimum value is 0")),
    ({"Type": "Wait", "Seconds": 10**8, "End": True}, (SCHEMA, "/States/S/Seconds", "Maximum value is 99999999")),
    ({"Type": "Wait", "Seconds": True, "End": True}, (SCHEMA, "/States/S/Seconds", "Expected value of type Integer")),
    ({"Type": "Wait", "Seconds": 1.5, "End": True}, (SCHEMA, "/States/S/Seconds", "Expected value of type Integer")),
    (
        {"Type": "Fail", "Error": "e", "ErrorPath": "$.e"},
        (SCHEMA, "/States/S", "There should only be one of the following fields: [Error, ErrorPath]"),
    ),
    ({"Type": "Choice"}, (SCHEMA, "/States/S", "These fields are required: [Choices]")),
    ({"Type": "Choice", "Choices": []}, (SCHEMA, "/States/S/Choices", "Value cannot be empty")),
    ({"Type": "Parallel", "End": True}, (SCHEMA, "/States/S", "These fields are required: [Branches]")),
    (
        {"Type": "Parallel", "Branches": [], "End": True},
        (SCHEMA, "/States/S/Branches", "Value cannot be empty"),
    ),
    (
        {"Type": "Map", "End": True},
        (SCHEMA, "/States/S", "This object should have only one of the following fields: [ItemProcessor, Iterator]"),
    ),
    (
        {"Type": "Map", "ItemProcessor": PROCESSOR, "Iterator": PROCESSOR, "End": True},
        (SCHEMA, "/States/S", "There should only be one of the following fields: [ItemProcessor, Iterator]"),
    ),
    (
        {"Type": "Map", "ItemProcessor": {**PROCESSOR, "QueryLanguage": "JSONata"}, "End": True},
        (SCHEMA, "/States/S/ItemProcessor", "Field 'QueryLanguage' is not supported"),
    ),
    (
        {"Type": "Map", "ItemProcessor": PROCESSOR, "ItemReader": READER, "End": True},
        (SCHEMA, "/States/S", "Field 'ItemReader' is not supported for the mode 'INLINE'"),
    ),
    (
        {"Type": "Map", "ItemProcessor": {**PROCESSOR, "ProcessorConfig": {"Mode": "DISTRIBUTED"}}, "End": True},
        (SCHEMA, "/States/S/ItemProcessor/ProcessorConfig", "These fields are required: [ExecutionType]"),
    ),
    (
        {"Type": "Map", "ItemProcessor": DISTRIBUTED, "ToleratedFailurePercentage": 101, "End": True},
        (SCHEMA, "/States/S/ToleratedFailurePercentage", "Maximum value is 100.0"),
    ),
    (
        {"Type": "Map", "ItemProcessor": DISTRIBUTED, "ToleratedFailurePercentage": -1, "End": True},
        (SCHEMA, "/States/S/ToleratedFailurePercentage", "Minimum value is 0.0"),
    ),
    (
        {"Type": "Map", "ItemProcessor": DISTRIBUTED, "MaxConcurrencyPath": "$$.Execution.Input.n", "End": True},
        (SCHEMA, "/States/S/MaxConcurrencyPath", ""),
    ),
    (
        {
            "Type": "Map",
            "ItemProcessor": DISTRIBUTED,
            "ItemReader": {**READER, "ReaderConfig": {"MaxItems": 1, "MaxItemsPath": "$.n"}},
            "End": True,
        },
        (
            SCHEMA,
            "/States/S/ItemReader/ReaderConfig",
            "There should only be one of the following fields: [MaxItems, MaxItemsPath]",
        ),
    ),
    (
        {
            "Type": "Map",
            "ItemProcessor": DISTRIBUTED,
            "ItemReader": {**READER, "ReaderConfig": {"MaxItems": 100_000_001}},
            "End": True,
        },
        (SCHEMA, "/States/S/ItemReader/ReaderConfig/MaxItems", "Maximum value is 100000000"),
    ),
    (
        {"Type": "Map", "ItemProcessor": DISTRIBUTED, "ItemBatcher": {"BatchInput": {}}, "End": True},
        (
            SCHEMA,
            "/States/S/ItemBatcher",
            "One of the following fields is required: [MaxItemsPerBatch, MaxInputBytesPerBatch]",
        ),
    ),
    (
        {"Type": "Map", "ItemProcessor": DISTRIBUTED, "Label": "a b", "End": True},
        ("INVALID_LABEL_NAME", "/States/S/Label", ""),
    ),
]


@pytest.mark.parametrize(("state", "expected"), BROKEN_STATES, ids=lambda value: str(value)[:60])
def test_broken_state_has_its_finding(state: dict[str, Any], expected: Found) -> None:
    found = state_errors(state)
    code, location, message = expected
    matching = [each for each in found if each[:2] == (code, location) and message in each[2]]
    assert len(matching) == 1, found


RETRIERS: list[tuple[list[Any], str, str]] = [
    ([{}], "/States/S/Retry[0]", "These fields are required: [ErrorEquals]"),
    ([{"ErrorEquals": []}], "/States/S/Retry[0]/ErrorEquals", "Value cannot be empty"),
    ([{"ErrorEquals": [1]}], "/States/S/Retry[0]/ErrorEquals[0]", "Expected value of type String"),
    ([{"ErrorEquals": ["a"], "IntervalSeconds": 0}], "/States/S/Retry[0]/IntervalSeconds", "Minimum value is 1"),
    ([{"ErrorEquals": ["a"], "MaxAttempts": -1}], "/States/S/Retry[0]/MaxAttempts", "Minimum value is 0"),
    ([{"ErrorEquals": ["a"], "BackoffRate": 0.5}], "/States/S/Retry[0]/BackoffRate", "Minimum value is 1.0"),
    (
        [{"ErrorEquals": ["a"], "IntervalSeconds": 5, "MaxDelaySeconds": 5}],
        "/States/S/Retry[0]",
        "The value of 'MaxDelaySeconds' must be greater than the value of 'IntervalSeconds'",
    ),
    (
        [{"ErrorEquals": ["a"], "JitterStrategy": "HALF"}],
        "/States/S/Retry[0]/JitterStrategy",
        "The field 'JitterStrategy' should have one of these values: [FULL, NONE]",
    ),
    (
        [{"ErrorEquals": ["States.ALL", "a"]}],
        "/States/S/Retry[0]/ErrorEquals",
        "States.ALL must appear alone and at end of list",
    ),
    (
        [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["a"]}],
        "/States/S/Retry[0]/ErrorEquals",
        "States.ALL must appear alone and at end of list",
    ),
    ([{"ErrorEquals": ["a"], "Next": "S"}], "/States/S/Retry[0]", "Field 'Next' is not supported"),
]


@pytest.mark.parametrize(("retry", "location", "message"), RETRIERS, ids=lambda value: str(value)[:50])
def test_broken_retrier_has_its_finding(retry: list[Any], location: str, message: str) -> None:
    task = {"Type": "Task", "Resource": FUNCTION, "Retry": retry, "End": True}
    assert state_errors(task) == [(SCHEMA, location, message)]


def test_catcher_needs_next_and_an_existing_target() -> None:
    task = {"Type": "Task", "Resource": FUNCTION, "End": True}
    assert state_errors({**task, "Catch": [{"ErrorEquals": ["a"]}]}) == [
        (SCHEMA, "/States/S/Catch[0]", "These fields are required: [Next]")
    ]
    assert state_errors({**task, "Catch": [{"ErrorEquals": ["a"], "Next": "X"}]}) == [
        (TARGET, "/States/S/Catch[0]/Next", "Missing 'Next' target: X")
    ]


def test_heartbeat_is_shorter_than_the_timeout() -> None:
    task = {"Type": "Task", "Resource": FUNCTION, "TimeoutSeconds": 5, "HeartbeatSeconds": 5, "End": True}
    assert state_errors(task) == [
        (SCHEMA, "/States/S", "The value of 'HeartbeatSeconds' must be smaller than the value of 'TimeoutSeconds'")
    ]


RULES: list[tuple[dict[str, Any], str, str]] = [
    ({"Variable": "$.a", "IsNull": True}, "", "These fields are required: [Next]"),
    ({"IsNull": True, "Next": "S"}, "", "These fields are required: [Variable]"),
    ({"Variable": "$.a", "NumericEquals": "1", "Next": "S"}, "/NumericEquals", "Expected value of type Number"),
    ({"Variable": "$.a", "NumericEquals": True, "Next": "S"}, "/NumericEquals", "Expected value of type Number"),
    ({"Variable": "$.a", "StringEquals": 1, "Next": "S"}, "/StringEquals", "Expected value of type String"),
    ({"Variable": "$.a", "BooleanEquals": 1, "Next": "S"}, "/BooleanEquals", "Expected value of type Boolean"),
    (
        {"Variable": "$.a", "TimestampEquals": "2026-01-01", "Next": "S"},
        "/TimestampEquals",
        "String does not match RFC3339 timestamp",
    ),
    ({"And": [], "Next": "S"}, "/And", "Value cannot be empty"),
    ({"Or": {}, "Next": "S"}, "/Or", "Expected value of type Array"),
    ({"Not": [], "Next": "S"}, "/Not", "Expected value of type Object"),
    ({"Not": {"Variable": "$.a", "IsNull": True, "Next": "S"}, "Next": "S"}, "/Not", "Field 'Next' is not supported"),
    (
        {"And": [{"Or": [{"Variable": "$.a", "IsNul": True}]}], "Next": "S"},
        "/And[0]/Or[0]",
        "Field 'IsNul' is not supported",
    ),
    (
        {"Condition": "{% true %}", "Next": "S"},
        "",
        "The QueryLanguage is set to 'JSONPath', but field 'Condition' is only supported for the 'JSONata' "
        "QueryLanguage",
    ),
]


@pytest.mark.parametrize(("rule", "location", "message"), RULES, ids=lambda value: str(value)[:50])
def test_broken_rule_has_its_finding(rule: dict[str, Any], location: str, message: str) -> None:
    definition = {
        "StartAt": "C",
        "States": {"C": {"Type": "Choice", "Choices": [rule], "Default": "S"}, "S": {"Type": "Succeed"}},
    }
    assert (SCHEMA, f"/States/C/Choices[0]{location}", message) in errors(definition)


def test_whole_definition_is_reported_at_once() -> None:
    definition = {
        "StartAt": "A",
        "Extra": 1,
        "States": {"A": {"Type": "Pass", "Next": "X", "Retry": []}, "B": {"Type": "Wait", "Seconds": -1, "End": True}},
    }
    assert errors(definition) == [
        (SCHEMA, "/", "Field 'Extra' is not supported"),
        (SCHEMA, "/States/A", "Field 'Retry' is not supported"),
        (SCHEMA, "/States/B/Seconds", "Minimum value is 0"),
        (TARGET, "/States/A/Next", "Missing 'Next' target: X"),
        (TARGET, "/States/B", 'State "B" is not reachable.'),
    ]


def test_machine_without_terminal_state_is_refused() -> None:
    loop = {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}
    assert errors({"StartAt": "A", "States": loop}) == [("MISSING_END_STATE", None, "Workflow has no terminal state")]
    assert errors({"StartAt": "A", "States": {**loop, "C": PASS}}) == [
        (TARGET, "/States/C", 'State "C" is not reachable.')
    ]


def test_branches_and_processors_are_checked_as_machines() -> None:
    broken = {"StartAt": "X", "States": {"Y": {"Type": "Pass", "Next": "Z"}}}
    parallel = state_errors({"Type": "Parallel", "Branches": [BRANCH, broken], "End": True})
    assert (TARGET, "/States/S/Branches[1]/StartAt", "Missing 'Next' target: X") in parallel
    assert (TARGET, "/States/S/Branches[1]/States/Y/Next", "Missing 'Next' target: Z") in parallel
    assert ("MISSING_END_STATE", "/States/S/Branches[1]", "Workflow has no terminal state") in parallel
    mapped = state_errors({"Type": "Map", "ItemProcessor": {"States": {}}, "End": True})
    assert (SCHEMA, "/States/S/ItemProcessor", "These fields are required: [StartAt]") in mapped


def test_state_names_are_unique_in_the_whole_machine() -> None:
    inner = {"StartAt": "S", "States": {"S": PASS}}
    assert state_errors({"Type": "Parallel", "Branches": [inner], "End": True}) == [
        ("DUPLICATE_STATE_NAME", "/States/S/Branches[0]/States/S", "Duplicate State name: S")
    ]


@pytest.mark.parametrize("name", ["", "n" * 81])
def test_state_name_has_a_bounded_length(name: str) -> None:
    found = errors({"StartAt": name, "States": {name: PASS}})
    assert found == [("INVALID_STATE_NAME", f"/States/{name}", "State name must have 1 to 80 characters")]


def test_labels_are_unique() -> None:
    first = {"Type": "Map", "ItemProcessor": DISTRIBUTED, "Label": "L", "Next": "T"}
    second = {
        "Type": "Map",
        "ItemProcessor": {**DISTRIBUTED, "StartAt": "J", "States": {"J": PASS}},
        "Label": "L",
        "End": True,
    }
    assert errors({"StartAt": "S", "States": {"S": first, "T": second}}) == [
        ("DUPLICATE_LABEL_NAME", "/States/T/Label", "Duplicate Label: L")
    ]


@pytest.mark.parametrize(
    ("resource", "ok"),
    [
        (FUNCTION, True),
        ("arn:aws-cn:lambda:cn-north-1:111111111111:function:f:1", True),
        ("arn:aws:states:us-east-1:111111111111:activity:a", True),
        ("arn:aws:states:::lambda:invoke.waitForTaskToken", True),
        ("arn:aws:states:::states:startExecution.sync:2", True),
        ("arn:aws:states:::aws-sdk:rekognition:detectLabels", True),
        ("arn:aws:states:::aws-sdk:rekognition:detectLabels.sync", False),
        ("arn:aws:states:::sqs:sendMessage.sync", False),
        ("arn:aws:states:::lambda:invoke.sync:2", False),
        ("arn:aws:states:::dynamodb:scan", False),
        ("labels", False),
        ("", False),
    ],
)
def test_resource_is_a_function_an_activity_or_a_supported_integration(resource: str, ok: bool) -> None:
    found = state_errors({"Type": "Task", "Resource": resource, "End": True})
    assert [location for _, location, _ in found] == ([] if ok else ["/States/S/Resource"])


@pytest.mark.parametrize("field", ["InputPath", "OutputPath", "ResultPath", "ResultSelector", "Parameters"])
def test_jsonpath_field_in_jsonata_is_refused(field: str) -> None:
    task = {"Type": "Task", "Resource": FUNCTION, field: {}, "End": True}
    assert state_errors(task, "JSONata") == [
        (
            SCHEMA,
            "/States/S",
            f"The QueryLanguage is set to 'JSONata', but field '{field}' is only supported for the 'JSONPath' "
            "QueryLanguage",
        )
    ]


@pytest.mark.parametrize("field", ["Output", "Arguments"])
def test_jsonata_field_in_jsonpath_is_refused(field: str) -> None:
    task = {"Type": "Task", "Resource": FUNCTION, field: {}, "End": True}
    assert state_errors(task) == [
        (
            SCHEMA,
            "/States/S",
            f"The QueryLanguage is set to 'JSONPath', but field '{field}' is only supported for the 'JSONata' "
            "QueryLanguage",
        )
    ]


def test_states_inside_a_jsonata_map_have_the_language_of_the_machine() -> None:
    processor = {"StartAt": "I", "States": {"I": {**PASS, "Output": 1}}}
    found = state_errors({"Type": "Map", "QueryLanguage": "JSONata", "ItemProcessor": processor, "End": True})
    assert [location for _, location, _ in found] == ["/States/S/ItemProcessor/States/I"]


def test_unknown_query_language_is_refused() -> None:
    found = errors(machine({**PASS, "QueryLanguage": "XPath"}, QueryLanguage=5))
    assert (SCHEMA, "/QueryLanguage", "Expected value of type String") in found
    assert (
        SCHEMA,
        "/States/S/QueryLanguage",
        "The field 'QueryLanguage' should have one of these values: [JSONPath, JSONata]",
    ) in found


@pytest.mark.parametrize(
    ("state", "code", "location"),
    [
        ({**PASS, "Parameters": {"a": {"b": "$.x"}}}, "NO_DOLLAR", "/States/S/Parameters/a"),
        ({**PASS, "Parameters": {"b": "States.UUID()"}}, "NO_DOLLAR", "/States/S/Parameters"),
        ({"Type": "Fail", "Cause": "$.x"}, "NO_PATH", "/States/S/Cause"),
        ({**PASS, "Result": [{"a.$": "$.x"}]}, "PASS_RESULT_IS_STATIC", "/States/S/Result"),
    ],
)
def test_warning_leaves_the_definition_valid(state: dict[str, Any], code: str, location: str) -> None:
    verdict = validate(json.dumps(machine(state)))
    assert [(each.severity, each.code, each.location) for each in verdict.findings] == [("WARNING", code, location)]
    assert verdict.as_json()["result"] == "OK"


def test_targets_have_the_name_next_at_every_position() -> None:
    choice = {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "X"}], "Default": "Y"}
    assert errors({"StartAt": "Z", "States": {"C": choice, "D": {"Type": "Pass", "Next": "E"}, "E": PASS}}) == [
        (TARGET, "/StartAt", "Missing 'Next' target: Z"),
        (TARGET, "/States/C/Choices[0]/Next", "Missing 'Next' target: X"),
        (TARGET, "/States/C/Default", "Missing 'Next' target: Y"),
        (TARGET, "/States/C", 'State "C" is not reachable.'),
        (TARGET, "/States/D", 'State "D" is not reachable.'),
    ]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("a[1,2)", 'Expected "]", got ","'),
        ('"unterminated', "String literal must be terminated by a matching quote"),
        ("1 +", "Unexpected end of expression"),
        ('{"a":}', 'The symbol "}" cannot be used as a unary operator'),
        ("$x :=", "Unexpected end of expression"),
        ('$match("a", /abc', "No terminating / in regular expression"),
    ],
)
def test_expression_that_does_not_parse_has_the_message_of_the_parser(expression: str, message: str) -> None:
    """Source: floci-io/floci issue 2745, measured on AWS."""
    assert state_errors({**PASS, "Output": f"{{% {expression} %}}"}, "JSONata") == [
        ("INVALID_JSONATA_EXPRESSION", "/States/S/Output", message)
    ]


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("phone", ["phone"]),
        ("$map($x, function($v) { $v.a & b })", ["b"]),
        ("{'k': c, d: [1..e]}", ["c", "d", "e"]),
        ("f ? g : h.i", ["f", "g", "h"]),
        ("($x := j; -$sum(k.l))", ["j", "k"]),
        ("m[n = 1]", ["m"]),
        ("$x[price > 1].(name & sku)^(>cost){id: total}", []),
        ("$x ~> |account|{'a': b}|", []),
        ("$states.input.a.b", []),
        ("$x.$sum(y)", []),
        ("$", []),
    ],
)
def test_names_of_the_input_are_refused_and_names_of_items_are_not(expression: str, names: list[str]) -> None:
    """Source: floci-io/floci issue 2670, measured on AWS."""
    assert state_errors({**PASS, "Output": {"v": f"{{% {expression} %}}"}}, "JSONata") == [
        (
            "UNSUPPORTED_JSONATA_EXPRESSION",
            "/States/S/Output/v",
            f"Reference to '{name}' at the top level is not supported.",
        )
        for name in names
    ]


def test_root_and_error_output_are_refused_where_there_is_none() -> None:
    task = {"Type": "Task", "Resource": FUNCTION, "End": True}
    output = "{% $states.errorOutput.Cause %}"
    unsupported = "UNSUPPORTED_JSONATA_EXPRESSION"
    assert [found[:2] for found in state_errors({**task, "Arguments": ["{% $$.a %}"]}, "JSONata")] == [
        (unsupported, "/States/S/Arguments[0]")
    ]
    assert [found[:2] for found in state_errors({**task, "Output": output}, "JSONata")] == [
        (unsupported, "/States/S/Output")
    ]
    catch = [{"ErrorEquals": ["States.ALL"], "Output": output, "Assign": {"e": output}, "Next": "S"}]
    assert state_errors({**task, "Catch": catch}, "JSONata") == []


def test_fields_of_states_that_do_not_exist_are_refused() -> None:
    task = {"Type": "Task", "Resource": FUNCTION, "End": True}
    output = "{% [$states.input, $states.context, $states.result] %}"
    catch = [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.result %}", "Next": "S"}]

    assert state_errors({**task, "Output": output, "Assign": {"a": output}}, "JSONata") == []
    assert [
        found[1:] for found in state_errors({**task, "Arguments": {"Output": output}, "Catch": catch}, "JSONata")
    ] == [
        ("/States/S/Arguments/Output", "Field '$states.result' does not exist."),
        ("/States/S/Catch[0]/Output", "Field '$states.result' does not exist."),
    ]
    assert [found[2] for found in state_errors({**PASS, "Output": "{% $states.inputs %}"}, "JSONata")] == [
        "Field '$states.inputs' does not exist."
    ]


@pytest.mark.parametrize(
    "state",
    [
        {"Type": "Wait", "Seconds": "{% 1 + %}", "End": True},
        {"Type": "Wait", "Timestamp": "{% 1 + %}", "End": True},
        {"Type": "Fail", "Error": "{% 1 + %}"},
        {"Type": "Choice", "Choices": [{"Condition": "{% 1 + %}", "Next": "S"}], "Default": "S"},
        {"Type": "Task", "Resource": FUNCTION, "TimeoutSeconds": "{% 1 + %}", "End": True},
        {"Type": "Task", "Resource": FUNCTION, "Credentials": {"RoleArn": "{% 1 + %}"}, "End": True},
        {"Type": "Map", "Items": "{% 1 + %}", "ItemProcessor": PROCESSOR, "End": True},
        {"Type": "Map", "ItemSelector": {"a": "{% 1 + %}"}, "ItemProcessor": PROCESSOR, "End": True},
        {"Type": "Map", "MaxConcurrency": "{% 1 + %}", "ItemProcessor": PROCESSOR, "End": True},
        {**PASS, "Assign": {"a": "{% 1 + %}"}},
    ],
)
def test_expressions_are_checked_in_every_field(state: dict[str, Any]) -> None:
    assert [code for code, _, _ in state_errors(state, "JSONata")][:1] == ["INVALID_JSONATA_EXPRESSION"]


def test_text_around_an_expression_makes_it_literal() -> None:
    assert state_errors({**PASS, "Output": "a {% 1 + %}"}, "JSONata") == []
    assert state_errors({**PASS, "Parameters": "{% 1 + %}"}) == []


def test_stage_of_the_pipeline_is_a_resource() -> None:
    def found(resource: str) -> bool:
        task = {"Type": "Task", "Resource": resource, "End": True}
        return validate(json.dumps({"StartAt": "T", "States": {"T": task}})).ok

    assert found("arn:aws:states:::headrace:stage:text-in-video")
    assert not found("arn:aws:states:::headrace:stage:")
    assert not found("arn:aws:states:::headrace:topic:labels")
