"""The minimal ACLs of each role."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headrace.console.app.main import app
from headrace.console.pipeline.acls import AclRule, AclScope, roles
from headrace.console.replay.groups import redrive_group
from headrace.schemas import topics
from headrace.streams import pipeline
from headrace.streams.routing.rule import parse
from headrace.streams.routing.rule_stage import rule_stage
from headrace.streams.stage import Stage
from tests.support.stages import get_stages

STAGES = pipeline.all_stages()
GROUPS = [redrive_group(stage.name) for stage in STAGES]
ROLES = roles(AclScope(STAGES, redrive_groups=GROUPS))
TABLE = {topic.name for topic in topics.table(stage.name for stage in (*STAGES, *get_stages(["completed"])))}


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_stage_reads_its_inputs_and_writes_its_outputs(stage: Stage) -> None:
    rules = set(ROLES[stage.name])

    written = [topics.retry(stage.name), topics.dead_letters(stage.name), *([stage.writes] if stage.writes else [])]
    assert {AclRule("topic", topic.name, "Read") for topic in stage.inputs} <= rules
    assert {AclRule("topic", topic.name, "Write") for topic in written} <= rules
    assert [rule.name for rule in rules if rule.resource == "group"] == [stage.group]


@pytest.mark.parametrize("role", ROLES)
def test_acls_name_known_topics_without_wildcards(role: str) -> None:
    assert {rule.name for rule in ROLES[role] if rule.resource == "topic"} <= TABLE


def test_stage_writes_only_its_own_dlq() -> None:
    for stage in STAGES:
        letters = {rule.name for rule in ROLES[stage.name] if rule.operation == "Write" and ".dlq" in rule.name}
        assert letters == {topics.dead_letters(stage.name).name}


def test_only_the_role_that_applies_topics_writes_schemas() -> None:
    """Every reader decodes with these schemas, so a compromised component must not replace them."""
    assert [name for name, rules in ROLES.items() if AclRule("topic", "system.schemas", "Write") in rules] == ["topics"]


def test_stage_cannot_write_inputs_or_other_control_topics() -> None:
    own = {stage.name: {topic.name for topic in (stage.writes, *stage.emits) if topic} for stage in STAGES}
    shared = {"system.workers", "system.losses", "jobs.started", "jobs.finished"}
    for stage in STAGES:
        written = {rule.name for rule in ROLES[stage.name] if rule.operation == "Write"}
        slots = {"system.slots"} if stage.job else set()
        assert written <= own[stage.name] | shared | slots | {f"{stage.name}.retry", f"{stage.name}.dlq"}


def test_console_changes_nothing_and_reads_everything() -> None:
    assert {rule.operation for rule in ROLES["console"]} == {"Read", "Describe"}
    assert all(rule.operation == "Describe" for rule in ROLES["console"] if rule.resource == "group")
    assert {rule.name for rule in ROLES["console"] if rule.resource == "topic"} == {
        topic.name for topic in topics.table(stage.name for stage in STAGES)
    }


def test_projector_of_the_views_reads_everything_and_writes_nothing() -> None:
    assert set(ROLES["views"]) == {
        *(AclRule("topic", topic.name, "Read") for topic in topics.table(stage.name for stage in STAGES)),
        AclRule("group", "headrace.views", "Read"),
    }


def test_operator_writes_no_events() -> None:
    written = {rule.name for rule in ROLES["operator"] if rule.operation == "Write"}
    retries = {f"{stage.name}.retry" for stage in STAGES}
    control = {f"system.{name}" for name in ("audit", "dispositions", "losses", "people", "rules")}
    assert written == control | retries | {"machines.definitions", "machines.inbox"}
    assert {AclRule("group", group, "Read") for group in GROUPS} <= set(ROLES["operator"])


def test_step_functions_api_runs_machines_and_reads_no_events() -> None:
    assert set(ROLES["machine-api"]) == {
        AclRule("group", "headrace.activities", "Read"),
        AclRule("topic", "machines.activities", "Read"),
        AclRule("topic", "machines.definitions", "Read"),
        AclRule("topic", "machines.definitions", "Write"),
        AclRule("topic", "machines.inbox", "Write"),
        AclRule("topic", "system.schemas", "Read"),
    }
    assert "machine-api" not in roles(AclScope(get_stages(["labels"])))


def test_only_rule_stages_read_applied_rules() -> None:
    rule = rule_stage(parse("notify", {"reads": ["media.ready"], "target": {"topic": "t"}}, []), None)
    found = roles(AclScope([*STAGES, rule], rules_on_log=True))
    reading = {name for name, rules in found.items() if AclRule("topic", "system.rules", "Read") in rules}
    assert reading == {"rule-notify", "console", "views", "operator"}


def test_stage_with_jobs_writes_job_starts() -> None:
    assert {AclRule("topic", "jobs.started", "Write"), AclRule("topic", "jobs.finished", "Read")} <= set(
        ROLES["transcript"]
    )
    assert AclRule("topic", "jobs.finished", "Write") in ROLES["overdue"]


def test_rule_stage_writes_the_rules_target_topics() -> None:
    found = roles(AclScope(STAGES, {"labels": "elsewhere"}))

    assert AclRule("topic", "elsewhere", "Write") in found["labels"]
    assert AclRule("topic", "elsewhere", "Write") not in found["probe"]


def test_paid_stages_read_spending_under_a_daily_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pipeline.toml"
    path.write_text("[budget]\nday = 40\n", "utf-8")
    monkeypatch.setenv("HEADRACE_PIPELINE", str(path))

    found = json.loads(CliRunner().invoke(app, ["topics", "acls", "labels", "probe", "--json"]).stdout)

    transcripts = {"resource": "topic", "name": "media.transcribed", "operation": "Read"}
    assert transcripts in found["labels"]
    assert transcripts not in found["probe"]
    snapshots = {"resource": "topic", "name": "system.spending", "operation": "Write"}
    assert snapshots in found["labels"]
    assert snapshots not in found["probe"]


def test_prints_kafka_acls_arguments() -> None:
    done = CliRunner().invoke(app, ["topics", "acls", "removals", "--principal", "User:CN={role}"])

    assert done.exit_code == 0
    line = "--add --allow-principal 'User:CN=removals' --operation Read --topic 'media.deleted'"
    assert line in done.stdout.splitlines()
    assert "bridge" not in done.stdout


def test_prints_json() -> None:
    found = json.loads(CliRunner().invoke(app, ["topics", "acls", "bridge", "--json"]).stdout)

    assert list(found) == ["bridge"]
    assert {"resource": "topic", "name": "media.uploaded", "operation": "Write"} in found["bridge"]


def test_unknown_role_error_lists_the_roles() -> None:
    done = CliRunner().invoke(app, ["topics", "acls", "unknown-role"])

    assert done.exit_code == 1
    assert done.stderr.startswith("no role unknown-role: there are bridge, webhook, backfill, thumbnails")
