"""The page of one rule: matches and near misses of the last hour, versions, and an editor with a review."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from headrace.console.errors import CommandError
from headrace.console.routing import apply, lint, targets
from headrace.console.routing.pattern_test import describe_verdict
from headrace.console.routing.rule_history import active_texts, rule_history
from headrace.console.web.failures import NotFoundError
from headrace.console.web.pages.rules import listing
from headrace.console.web.record_view import compared
from headrace.console.web.request import ConsoleRequest
from headrace.streams.routing.rule import InvalidRuleError, Rule

FOLDER = (
    "these rules are files of a folder: edit them there. With HEADRACE_RULES=system.rules, rules are edited here and"
    " by headrace rules apply"
)
NEW_RULE = """description = ""
reads = ["media.completed"]

[pattern.detail]
# kind = ["video"]

[target]
sns = "arn:aws:sns:eu-central-1:111122223333:topic"
"""


def show(request: ConsoleRequest) -> Response:
    """Show a rule with its matches and near misses of the last hour."""
    rule = _rule(request, request.query.get("name", ""))
    editable = targets.follows()
    versions = rule_history(request.services.cluster(), rule.name) if editable else []
    return request.render(
        "rule.html",
        rule=rule,
        pattern=listing.pattern_text(rule),
        result=listing.test_rule(request, rule),
        versions=versions,
        editable=editable,
        describe=describe_verdict,
        shown=listing.SHOWN,
        shadowed=_shadowed(request, rule),
    )


def edit(request: ConsoleRequest) -> Response:
    """Show the editor of a rule, new or existing."""
    name = request.query.get("name", "")
    texts = _editable_texts(request)
    text = texts.get(name, NEW_RULE)
    return request.render("rule_edit.html", name=name, text=text, is_new=name not in texts, review=None, error="")


def review(request: ConsoleRequest) -> Response:
    """Show what a changed rule would change, or why it is invalid. Changes nothing."""
    name, text = request.form.get("name", "").strip(), _text(request)
    texts = _editable_texts(request)
    values: dict[str, Any] = {"name": name, "text": text, "is_new": name not in texts}
    try:
        plan = apply.plan_rule(name, text, texts)
    except InvalidRuleError as invalid:
        return request.render("rule_edit.html", status=400, review=None, error=str(invalid), **values)
    [rule] = plan.rules
    others = [each for each in listing.known_rules(request) if each.name != name]
    found = {
        "change": plan.changes[name],
        "lines": compared(texts.get(name, ""), text),
        "before": texts.get(name, ""),
        "warnings": list(lint.warnings([*others, rule])),
        "result": listing.test_rule(request, rule),
    }
    return request.render("rule_edit.html", review=found, error="", shown=10, **values)


def execute(request: ConsoleRequest) -> Response:
    """Publish a rule, or remove it, unless it was changed after the review."""
    name, texts = request.form.get("name", ""), _editable_texts(request)
    if request.form.get("before", "").replace("\r\n", "\n") != texts.get(name, ""):
        raise CommandError(f"{name} was changed after the review: nothing was published. Edit it again")
    removes = request.form.get("remove") == "1"
    if removes and name not in texts:
        raise CommandError(f"there is no rule {name}")
    plan = apply.plan_rule(name, None if removes else _text(request), texts)
    apply.execute(request.services.cluster(), plan)
    if removes:
        return request.redirect("/rules", notice=f"{name} removed: workers stop it in a moment")
    return request.redirect(f"/rules/one?name={name}", notice=f"{name} published: workers apply it in a moment")


def _rule(request: ConsoleRequest, name: str) -> Rule:
    found = next((each for each in listing.known_rules(request) if each.name == name), None)
    if found is None:
        raise NotFoundError(f"there is no rule {name}")
    return found


def _shadowed(request: ConsoleRequest, rule: Rule) -> int:
    """Count the records that the rule matched as a shadow rule, without a delivery."""
    reading = request.services.pipeline().value
    return sum(each.shadowed for each in reading.status.stages if each.stage == rule.stage_name) if reading else 0


def _editable_texts(request: ConsoleRequest) -> dict[str, str]:
    if not targets.follows():
        raise CommandError(FOLDER)
    return active_texts(request.services.cluster())


def _text(request: ConsoleRequest) -> str:
    """Return the text of the form: browsers send line breaks as CR LF."""
    return request.form.get("text", "").replace("\r\n", "\n")
