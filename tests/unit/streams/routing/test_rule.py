"""Tests of rule parsing and of the errors for invalid rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.streams.routing.rule import InvalidRuleError, Rule, parse, read_file, read_folder, read_text

SNS = {"sns": "arn:aws:sns:eu-central-1:111122223333:flagged"}
SINKS = ("sns", "sqs")


def rule(**values: object) -> Rule:
    return parse("flagged", {"reads": ["media.moderated"], "target": SNS, **values}, SINKS)


def test_parses_a_rule() -> None:
    parsed = rule(pattern={"detail": {"flag_count": [{"numeric": [">", 0]}]}}, description="to the reviewers")
    assert (parsed.stage_name, parsed.reads, parsed.enabled) == ("rule-flagged", ("media.moderated",), True)
    assert (parsed.target.kind, parsed.target.address) == ("sns", SNS["sns"])
    assert parsed.matcher.matches({"detail": {"flag_count": 1}})
    assert not parsed.matcher.matches({"detail": {"flag_count": 0}})


@pytest.mark.parametrize(("enabled", "state"), [(True, "enabled"), ("shadow", "shadow"), (False, "disabled")])
def test_rule_has_one_of_three_states(enabled: object, state: str) -> None:
    assert rule(enabled=enabled).state == state


def test_rule_without_a_pattern_matches_everything() -> None:
    assert rule().matcher.matches({"detail-type": "MediaModerated", "detail": {}})


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"reads": []}, "reads: name at least one topic"),
        ({"reads": "media.moderated"}, "reads: name at least one topic"),
        ({"pattern": {"detail": {"a": 1}}}, "pattern: detail.a"),
        ({"pattern": {"detail": {"a": [{"prefx": "b"}]}}}, "unknown operator 'prefx'"),
        ({"target": None}, "[target] is missing"),
        ({"target": {}}, "and this one has none"),
        ({"target": {**SNS, "sqs": "x"}}, "not sns and sqs: write a rule for each"),
        ({"target": {"sns": 3}}, "[target] sns: the address must be a string"),
        ({"target": {**SNS, "input": {"path": {}}}}, "[target.input] has paths"),
        ({"target": {**SNS, "input": {"paths": {"a": "detail"}, "template": "<a>"}}}, "paths.a: a path such as"),
        ({"target": {**SNS, "input": {"template": "<a>"}}}, "<a> has no path"),
        ({"target": {**SNS, "input": {"paths": {"a": "$.detail"}}}}, "paths without a template"),
        ({"enabled": "yes"}, "enabled = true, false or \"shadow\", not 'yes'"),
        ({"ordered": "yes"}, "ordered = true or false"),
        ({"reads": ["labels.retry"]}, "labels.retry is a retry topic"),
        ({"description": 5}, "description: a string"),
        ({"rate": "5"}, "rate: a number"),
        ({"rate": float("nan")}, "rate: a number"),
        ({"rate": True}, "rate: a number"),
        ({"retry": {"attempts": 2.5}}, "attempts: a whole number"),
        ({"retry": {"within_seconds": float("inf")}}, "within_seconds: a number"),
        ({"targets": []}, "targets: unknown key"),
    ],
)
def test_invalid_rule_error_names_the_key(values: dict[str, object], reason: str) -> None:
    with pytest.raises(InvalidRuleError) as raised:
        rule(**values)
    assert reason in str(raised.value)


@pytest.mark.parametrize("name", ["", "A", "9", "a_b", "a" * 19])
def test_rejects_names_that_are_not_topic_names(name: str) -> None:
    with pytest.raises(InvalidRuleError, match="a rule name"):
        parse(name, {"reads": ["media.moderated"], "target": SNS}, SINKS)


def test_reads_a_folder_sorted_by_name(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.toml").write_text(f'reads = ["media.ready"]\n[target]\ntopic = "{name}"\n', "utf-8")
    (tmp_path / "notes.txt").write_text("not a rule", "utf-8")
    assert [parsed.name for parsed in read_folder(str(tmp_path), SINKS)] == ["a", "b"]


def test_error_names_a_file_that_is_not_toml(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text("reads = [", "utf-8")
    with pytest.raises(InvalidRuleError, match=r"bad\.toml"):
        read_file(file, SINKS)


def test_error_names_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidRuleError, match="HEADRACE_RULES"):
        read_folder(str(tmp_path / "none"), SINKS)


def test_parses_retry_policy_and_rate() -> None:
    required = {"reads": ["media.ready"], "target": {"sns": "arn"}}
    rule = parse("a", {**required, "retry": {"attempts": 3, "within_seconds": 60}, "rate": 10}, SINKS)
    assert (rule.retry.attempts, rule.retry.within_seconds, rule.rate) == (3, 60.0, 10.0)


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("retry", {"attempts": 0}),
        ("retry", {"attempts": 186}),
        ("retry", {"within_seconds": 86_401}),
        ("retry", {"tries": 1}),
        ("retry", 3),
        ("rate", -1),
        ("rate", "fast"),
        ("rate", True),
    ],
)
def test_rejects_invalid_retry_policy_and_rate(key: str, wrong: object) -> None:
    with pytest.raises(InvalidRuleError, match=key):
        parse("a", {"reads": ["media.ready"], "target": {"sns": "arn"}, key: wrong}, SINKS)


def test_version_depends_on_the_text() -> None:
    one, other = (read_text("a", f'reads = ["{topic}"]\ntarget.sns = "arn"\n', SINKS) for topic in ("b", "c"))
    assert one.version == read_text("a", 'reads = ["b"]\ntarget.sns = "arn"\n', SINKS).version != other.version
