"""Load the stages of a deployment: the pipeline's, those of other packages, and one for each rule.

Commands load the stages once and pass them on.
"""

from __future__ import annotations

from dataclasses import dataclass

from headrace.console.routing import targets
from headrace.streams import pipeline
from headrace.streams.pipeline import Deployment
from headrace.streams.routing.rule_table import RuleTable
from headrace.streams.stage import Stage


@dataclass(frozen=True, slots=True)
class LoadedStages:
    """The stages and the budget, with the rule table that a worker follows; None for rules from a folder."""

    deployment: Deployment
    rules: RuleTable | None = None


def load_stages(path: str | None = None) -> tuple[Stage, ...]:
    """Load all stages of a pipeline file, by default the one of HEADRACE_PIPELINE.

    Raises:
        SettingsError: the pipeline file or a rule is invalid, or Kafka does not respond.
    """
    return load_stages_and_rules(path).deployment.stages


def load_stages_and_rules(path: str | None = None) -> LoadedStages:
    """Load all stages and the budget, with the rule table if rules can change at run time.

    Raises:
        SettingsError: the pipeline file or a rule is invalid, or Kafka does not respond.
    """
    config = pipeline.load_config(path)
    stages = pipeline.stages(config)
    table = targets.load_table() if targets.follows() else None
    return LoadedStages(Deployment((*stages, *targets.rule_stages(table)), config.budget), table)
