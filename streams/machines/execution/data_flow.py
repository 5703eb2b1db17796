"""How data moves through a state: the input of its work, its output and its variables, in both query languages.

Order in JSONPath: InputPath, Parameters, the work, ResultSelector, ResultPath (into the raw input), OutputPath.
Order in JSONata: Arguments, the work, Output. All expressions see the variables that the state was entered with.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from headrace.streams.machines.definition.fields import ROOT
from headrace.streams.machines.definition.model import Catcher, ChoiceRule
from headrace.streams.machines.definition.values import (
    Constant,
    DataFields,
    DynamicValue,
    JsonataFields,
    JsonataValue,
    PathFields,
    PathValue,
)
from headrace.streams.machines.execution.context import context_of
from headrace.streams.machines.execution.draft import Draft
from headrace.streams.machines.execution.record import FlowBranch, MapItem
from headrace.streams.machines.expressions.jsonata.render import is_expression, render_jsonata
from headrace.streams.machines.expressions.paths.path import Path
from headrace.streams.machines.expressions.scope import Entropy, Missing, Scope
from headrace.streams.machines.expressions.template import Template
from headrace.streams.machines.json_types import Json

Assignments = Template | Mapping[str, Json] | None


class Environment(Struct, frozen=True, gc=False):
    """What the expressions of a state see. `input` is the raw input of the state."""

    input: Json
    context: Mapping[str, Json]
    variables: Mapping[str, Json]
    entropy: Entropy


class Completed(Struct, frozen=True, gc=False):
    """The result of a state: its output and the variables that it assigns."""

    output: Json
    assigned: Mapping[str, Json] | None = None


def environment(draft: Draft, branch: FlowBranch, token: str | None = None, item: MapItem | None = None) -> Environment:
    """Return what the expressions of the current state of a branch see."""
    return Environment(branch.input, context_of(draft, branch, token, item), branch.variables, draft.entropy)


def effective_input(data: DataFields, env: Environment) -> Json:
    """Return the input after InputPath.

    Raises:
        StatesError: The path has no value.
    """
    if isinstance(data, JsonataFields) or data.input_path is ROOT:
        return env.input
    return _selected(data.input_path, _scope(env, env.input))


def work_input(data: DataFields, env: Environment) -> Json:
    """Return what the work of a state receives: the input after InputPath and Parameters, or Arguments.

    Raises:
        StatesError: An expression fails.
    """
    if isinstance(data, JsonataFields):
        return env.input if isinstance(data.arguments, Missing) else jsonata(data.arguments, env, {}, "Arguments")
    effective = effective_input(data, env)
    if data.parameters is None:
        return effective
    return data.parameters.render(_scope(env, effective), env.entropy)


def with_result(data: DataFields, env: Environment, result: Json) -> Completed:
    """Return what a state completes with, from the result of its work.

    Raises:
        StatesError: An expression fails.
    """
    if isinstance(data, JsonataFields):
        return _jsonata_completed(data.output, data.assign, env, {"result": result}, result)
    assigned = _assigned(data.assign, env, result)
    if data.result_selector is not None:
        result = data.result_selector.render(_scope(env, result), env.entropy)
    if data.result_path is None:
        result = env.input
    elif data.result_path is not ROOT:
        result = data.result_path.write(env.input, result)
    return Completed(_output(data, env, result), assigned)


def without_result(data: DataFields, env: Environment, effective: Json) -> Completed:
    """Return what a state without a result completes with, such as Wait.

    Raises:
        StatesError: An expression fails.
    """
    if isinstance(data, JsonataFields):
        return _jsonata_completed(data.output, data.assign, env, {}, env.input)
    return Completed(_output(data, env, effective), _assigned(data.assign, env, effective))


def chosen(data: DataFields, env: Environment, effective: Json, rule: ChoiceRule) -> Completed:
    """Return what a Choice state completes with: the output and the assignments are those of the rule.

    Raises:
        StatesError: An expression fails.
    """
    if isinstance(data, JsonataFields):
        return _jsonata_completed(rule.output, _literal(rule.assign), env, {}, env.input)
    return Completed(_output(data, env, effective), _assigned(rule.assign, env, effective))


def evaluate(value: DynamicValue, env: Environment, effective: Json, *expected: str) -> Json:
    """Return the value of a field. `expected` is the JSON types that JSONata can return; without any, all.

    Raises:
        StatesError: The expression fails.
    """
    if isinstance(value, Constant):
        return value.value
    if isinstance(value, JsonataValue):
        return jsonata(value.value, env, {}, value.field, expected if is_expression(value.value) else ())
    if isinstance(value, PathValue):
        return value.path.read(_scope(env, effective))
    return value.render(_scope(env, effective), env.entropy)


def jsonata(
    value: Json, env: Environment, extra: Mapping[str, Json], location: str, expected: tuple[str, ...] = ()
) -> Json:
    """Return a value whose JSONata is evaluated. `extra` is added to `$states`.

    Raises:
        StatesError: An expression fails.
    """
    states = {"input": env.input, "context": env.context, **extra}
    return render_jsonata(value, states, env.variables, env.entropy, location, expected)


def caught(data: DataFields, env: Environment, catcher: Catcher, error: Mapping[str, Json], location: str) -> Completed:
    """Return what a state completes with after an error that a catcher catches. `error` has its name and cause.

    Raises:
        StatesError: An expression fails.
    """
    if isinstance(data, JsonataFields):
        extra = {"errorOutput": error}
        return _jsonata_completed(catcher.output, _literal(catcher.assign), env, extra, error, location)
    output = env.input if catcher.result_path is None else catcher.result_path.write(env.input, error)
    return Completed(output, _assigned(catcher.assign, env, error))


def _jsonata_completed(
    output: Json | Missing,
    assign: Mapping[str, Json] | None,
    env: Environment,
    extra: Mapping[str, Json],
    default: Json,
    location: str = "",
) -> Completed:
    assigned = None if assign is None else jsonata(assign, env, extra, f"{location}Assign")
    if not isinstance(output, Missing):
        default = jsonata(output, env, extra, f"{location}Output")
    return Completed(default, assigned)


def _assigned(assign: Assignments, env: Environment, source: Json) -> Mapping[str, Json] | None:
    if isinstance(assign, Template):
        assigned: Mapping[str, Json] = assign.render(_scope(env, source), env.entropy)
        return assigned
    return None


def _literal(assign: Assignments) -> Mapping[str, Json] | None:
    return None if isinstance(assign, Template) else assign


def _output(data: PathFields, env: Environment, value: Json) -> Json:
    return value if data.output_path is ROOT else _selected(data.output_path, _scope(env, value))


def _selected(path: Path | None, scope: Scope) -> Json:
    return {} if path is None else path.read(scope)


def _scope(env: Environment, value: Json) -> Scope:
    return Scope(value, env.context, env.variables)
