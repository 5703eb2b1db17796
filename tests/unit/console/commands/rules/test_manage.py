"""`headrace rules list|check|explain|why|lint|import|export`, and how a sink's failure becomes a stage's."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headrace.connectors.sinks.registry import sink_names
from headrace.console.app.main import app
from headrace.console.routing import lint, targets
from headrace.console.routing.stages import load_stages
from headrace.schemas.delivery import Delivery, DeliveryError
from headrace.streams import pipeline
from headrace.streams.errors import OutageError, PermanentError, RetryAt, ThrottledError, TransientError
from headrace.streams.routing.rule import parse

FLAGGED = """
description = "to the reviewers"
reads = ["media.moderated"]
[pattern]
detail = { flag_count = [{ numeric = [">", 0] }] }
[target]
sns = "arn:aws:sns:us-east-1:111122223333:flagged"
[target.input]
paths = { key = "$.detail.asset.key" }
template = '{"file": <key>}'
"""
TALKS = """
enabled = false
reads = ["media.transcribed"]
pattern = { detail = { words = [{ numeric = [">", 99] }], language = ["en-US"] } }
[target]
topic = "media.ready"
"""
EVENT = json.dumps({"detail": {"flag_count": 1, "words": 3, "language": "en-US", "asset": {"key": "a.jpg"}}})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "flagged.toml").write_text(FLAGGED, "utf-8")
    (tmp_path / "talks.toml").write_text(TALKS, "utf-8")
    monkeypatch.setenv("HEADRACE_RULES", str(tmp_path))
    return tmp_path


def run(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["rules", *arguments], env={"COLUMNS": "200"})
    assert done.exit_code == code, done.output
    return done.output


def test_lists_rules(folder: Path) -> None:
    [_, flagged, talks] = run("list").splitlines()
    assert flagged.split() == [
        *(
            "flagged",
            digest(FLAGGED),
            "enabled",
            "media.moderated",
            "sns",
            "arn:aws:sns:us-east-1:111122223333:flagged",
        ),
        *("to", "the", "reviewers"),
    ]
    assert talks.split()[:3] == ["talks", digest(TALKS), "disabled"]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def test_check_accepts_valid_rules(folder: Path) -> None:
    assert run("check") == "2 rules, 1 enabled\n"


def test_shadow_rules_are_listed_and_checked_as_such(folder: Path) -> None:
    (folder / "talks.toml").write_text(TALKS.replace("false", '"shadow"'))
    assert run("check") == "2 rules, 1 enabled, 1 shadow\n"
    assert "shadow" in run("list").splitlines()[2]
    assert "talks: match, to topic media.ready (shadow)" in run("match", EVENT.replace('"words": 3', '"words": 100'))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (FLAGGED.replace("media.moderated", "media.modderated"), "unknown topic media.modderated"),
        (FLAGGED.replace("arn:aws:sns", "arn:aws:sqs"), "give an ARN such as arn:aws:sns"),
        (FLAGGED.replace("numeric", "numerc"), "unknown operator 'numerc'"),
        (TALKS.replace('"media.ready"', '"media.red"'), "unknown topic media.red"),
    ],
)
def test_check_rejects_invalid_rules(folder: Path, text: str, why: str) -> None:
    (folder / "bad.toml").write_text(text, "utf-8")
    output = run("check", code=1)
    assert why in output
    assert "bad" in output


def test_explain_prints_the_message_or_the_failed_clause(folder: Path) -> None:
    assert run("explain", "flagged", EVENT).splitlines() == [
        "match: sns arn:aws:sns:us-east-1:111122223333:flagged",
        '{"file": "a.jpg"}',
    ]
    assert "detail.words: expected" in run("explain", "talks", EVENT, code=2)
    assert "no rule talk. Rules: flagged, talks" in run("explain", "talk", EVENT, code=1)


def test_match_lists_matching_rules_then_the_closest(folder: Path) -> None:
    (folder / "other.toml").write_text(FLAGGED.replace("flag_count", "nothing"), "utf-8")
    lines = run("match", EVENT).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["flagged", "talks", "other"]
    assert "(1 of 2 clauses match)" in lines[1]


def test_missing_rules_folder_names_the_setting() -> None:
    assert "set HEADRACE_RULES" in run("list", code=1)


def test_exported_rules_can_be_imported(folder: Path, tmp_path: Path) -> None:
    exported = json.loads(run("export"))
    [flagged, talks] = exported["Rules"]
    assert (flagged["State"], talks["State"]) == ("ENABLED", "DISABLED")
    flagged["Targets"].append({"Id": "2", "Arn": "arn:aws:sqs:us-east-1:111122223333:flagged"})
    file, new = tmp_path / "rule.json", tmp_path / "new"
    file.write_text(json.dumps(flagged), "utf-8")
    made = run("import", str(file), "--reads", "media.moderated", "--rules", str(new)).splitlines()
    assert [Path(line).name for line in made] == ["flagged-1.toml", "flagged-2.toml"]
    first, second = targets.rules(str(new))
    [original] = [rule for rule in targets.rules(str(folder)) if rule.name == "flagged"]
    assert (first.pattern, first.target, first.reads) == (original.pattern, original.target, original.reads)
    assert second.target.kind == "sqs"
    assert "already exists" in run("import", str(file), "--rules", str(new), code=1)


def rule_json(**members: object) -> str:
    """Return an EventBridge rule with one target."""
    target = {"Id": "1", "Arn": "arn:aws:sqs:eu-central-1:111122223333:orders", **members}
    return json.dumps({"Name": "orders", "EventPattern": '{"source": ["shop"]}', "Targets": [target]})


def transformer(template: str, **paths: str) -> dict[str, object]:
    return {"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}}


@pytest.mark.parametrize(
    ("members", "sent"),
    [
        ({"InputPath": "$.detail"}, {"a": "x"}),
        ({"InputPath": "$.detail.a"}, "x"),
        ({"InputPath": "$.resources[*]"}, ["r"]),
        ({"Input": '{"fixed": [1]}'}, {"fixed": [1]}),
        (transformer('{"a": <a>}', a="$.detail.a"), {"a": "x"}),
        (transformer('"<aws.events.rule-arn>"'), "arn:aws:events:eu-central-1:111122223333:rule/orders"),
    ],
)
def test_imported_rule_sends_what_eventbridge_sends(members: dict[str, object], sent: object, tmp_path: Path) -> None:
    file, event = tmp_path / "rule.json", {"source": "shop", "resources": ["r"], "detail": {"a": "x"}}
    file.write_text(rule_json(**members))
    run("import", str(file), "--rules", str(tmp_path / "rules"))
    shown = run("explain", "orders", json.dumps(event), "--rules", str(tmp_path / "rules"))
    assert json.loads(shown.splitlines()[1]) == sent


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        (transformer('{"a": <b>}', a="$.detail"), "<b> has no path"),
        (transformer("Order <a>", a="$.detail"), "put quotes around text"),
        (transformer('{"a": <a>', a="$.detail"), "not JSON"),
        (transformer("", a="$.detail"), "without a template"),
        (transformer('{"a": <a>}', a="$..detail"), "a path such as"),
        ({**transformer('"a"'), "InputPath": "$.detail"}, "only one of Input, InputPath, InputTransformer"),
        ({"Input": '"x"', "InputPath": "$.detail"}, "only one of Input, InputPath, InputTransformer"),
        ({"Input": "no json"}, "not JSON"),
        ({"Input": '"<b>"'}, "write the rule by hand"),
        ({"InputPath": "detail"}, "a path such as"),
        ({"InputPath": 5}, "InputPath is missing or of the wrong type"),
        ({"InputTransformer": "x"}, "InputTransformer is missing or of the wrong type"),
        ({"Arn": None}, "Arn is missing"),
        ({"Arn": "arn:aws:kinesis:eu-central-1:111122223333:stream/x"}, "no sink supports"),
    ],
)
def test_import_rejects_what_eventbridge_rejects(members: dict[str, object], reason: str, tmp_path: Path) -> None:
    file = tmp_path / "rule.json"
    file.write_text(rule_json(**members))
    assert reason in run("import", str(file), "--rules", str(tmp_path / "rules"), code=1)
    assert not list((tmp_path / "rules").glob("*.toml"))


@pytest.mark.parametrize("text", ["{}", "3", '{"Name": "a", "EventPattern": "{}", "Targets": []}', "no json"])
def test_import_rejects_other_json(folder: Path, tmp_path: Path, text: str) -> None:
    file = tmp_path / "rule.json"
    file.write_text(text, "utf-8")
    assert "not an EventBridge rule" in run("import", str(file), code=1)


def test_lint_warns_about_missing_patterns_duplicates_and_cycles() -> None:
    sns = {"sns": "arn:aws:sns:us-east-1:111122223333:t"}
    pattern = {"detail": {"kind": ["image"]}}
    common = {"reads": ["media.ready"], "pattern": pattern}
    rules = [
        parse("wide", {"reads": ["media.ready"], "target": {"http": "https://example.com"}}, sink_names()),
        parse("one", {**common, "target": sns}, sink_names()),
        parse("two", {**common, "target": sns}, sink_names()),
        parse("there", {**common, "target": {"topic": "media.probed"}}, sink_names()),
        parse("back", {**common, "reads": ["media.probed"], "target": {"topic": "media.ready"}}, sink_names()),
        parse("off", {"reads": ["media.ready"], "target": sns, "enabled": False}, sink_names()),
    ]
    assert [line.partition(":")[0] for line in lint.warnings(rules)] == [
        "wide",
        "one and two",
        "there -> back -> there",
    ]
    assert list(lint.warnings(rules[1:2])) == []


def test_enabled_rule_is_a_stage_with_its_own_topics(folder: Path) -> None:
    [stage] = pipeline.get_stages(["rule:flagged"], load_stages())
    assert (stage.name, stage.group) == ("rule-flagged", "headrace.rule-flagged")
    assert [topic.name for topic in stage.inputs] == ["media.moderated", "rule-flagged.retry"]
    assert "rule-talks" not in {each.name for each in load_stages()}


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (DeliveryError("outage", "", "w"), OutageError),
        (DeliveryError("throttled", "SlowDown", "w"), ThrottledError),
        (DeliveryError("throttled", "http_429", "w", 9.0), RetryAt),
        (DeliveryError("transient", "http_500", "w"), TransientError),
        (DeliveryError("permanent", "http_404", "w"), PermanentError),
    ],
)
async def test_sink_errors_map_to_stage_errors(failure: DeliveryError, kind: type[Exception]) -> None:
    async def sink(delivery: Delivery) -> None:
        raise failure

    with pytest.raises(kind):
        await targets.sending(sink)(Delivery("i", "k", "b", "t", "s"))
