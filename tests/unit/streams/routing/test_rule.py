"""Rules as data: what a file says, and what is refused with the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.streams.routing.rule import InvalidRuleError, Rule, parse, read_file, read_folder, read_text

SNS = {"sns": "arn:aws:sns:eu-central-1:111122223333:flagged"}


def rule(**said: object) -> Rule:
    return parse("flagged", {"reads": ["media.moderated"], "target": SNS, **said})


def test_a_rule_is_read() -> None:
    found = rule(pattern={"detail": {"flag_count": [{"numeric": [">", 0]}]}}, description="to the reviewers")
    assert (found.stage_name, found.reads, found.enabled) == ("rule-flagged", ("media.moderated",), True)
    assert (found.target.kind, found.target.address) == ("sns", SNS["sns"])
    assert found.matcher.matches({"detail": {"flag_count": 1}})
    assert not found.matcher.matches({"detail": {"flag_count": 0}})


def test_a_rule_without_a_pattern_takes_everything() -> None:
    assert rule().matcher.matches({"detail-type": "MediaModerated", "detail": {}})


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"reads": []}, "reads: name at least one topic"),
        ({"reads": "media.moderated"}, "reads: name at least one topic"),
        ({"pattern": {"detail": {"a": 1}}}, "pattern: detail.a"),
        ({"pattern": {"detail": {"a": [{"prefx": "b"}]}}}, "unknown operator 'prefx'"),
        ({"target": None}, "[target] is missing"),
        ({"target": {}}, "and this one has none"),
        ({"target": {**SNS, "sqs": "x"}}, "not sns and sqs: write a rule for each"),
        ({"target": {"sns": 3}}, "[target] sns: give an address as text"),
        ({"target": {**SNS, "input": {"path": {}}}}, "[target.input] has paths"),
        ({"target": {**SNS, "input": {"paths": {"a": "detail"}, "template": "<a>"}}}, "paths.a: a path such as"),
        ({"target": {**SNS, "input": {"template": "<a>"}}}, "<a> has no path"),
        ({"target": {**SNS, "input": {"paths": {"a": "$.detail"}}}}, "paths without a template"),
        ({"enabled": "yes"}, "enabled = true or false"),
        ({"targets": []}, "targets: there is no such key"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_place(said: dict[str, object], why: str) -> None:
    with pytest.raises(InvalidRuleError) as refused:
        rule(**said)
    assert why in str(refused.value)


@pytest.mark.parametrize("name", ["", "A", "9", "a_b", "a" * 19])
def test_a_name_that_could_not_be_a_topic_is_refused(name: str) -> None:
    with pytest.raises(InvalidRuleError, match="a rule's name"):
        parse(name, {"reads": ["media.moderated"], "target": SNS})


def test_a_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.toml").write_text(f'reads = ["media.ready"]\n[target]\ntopic = "{name}"\n', "utf-8")
    (tmp_path / "notes.txt").write_text("no rule", "utf-8")
    assert [found.name for found in read_folder(str(tmp_path))] == ["a", "b"]


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text("reads = [", "utf-8")
    with pytest.raises(InvalidRuleError, match=r"bad\.toml"):
        read_file(file)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRuleError, match="HEADRACE_RULES"):
        read_folder(str(tmp_path / "none"))


def test_a_rule_says_how_often_and_how_long_it_is_tried_and_how_fast_it_sends() -> None:
    said = {"reads": ["media.ready"], "target": {"sns": "arn"}}
    rule = parse("a", {**said, "retry": {"attempts": 3, "within_seconds": 60}, "rate": 10})
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
def test_a_retry_policy_or_rate_that_makes_no_sense_is_refused(key: str, wrong: object) -> None:
    with pytest.raises(InvalidRuleError, match=key):
        parse("a", {"reads": ["media.ready"], "target": {"sns": "arn"}, key: wrong})


def test_a_rules_version_is_that_of_its_text() -> None:
    one, other = (read_text("a", f'reads = ["{topic}"]\ntarget.sns = "arn"\n') for topic in ("b", "c"))
    assert one.version == read_text("a", 'reads = ["b"]\ntarget.sns = "arn"\n').version != other.version
