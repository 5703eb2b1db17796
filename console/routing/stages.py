"""Load the stages of a deployment: the pipeline's, those of other packages, and one for each rule.

Commands load the stages once and pass them on.
"""

from __future__ import annotations

from dataclasses import dataclass

from headrace.connectors.aws.client import AwsSession
from headrace.console.routing import targets
from headrace.schemas.kafka.topic_settings import configured_topics
from headrace.schemas.topics import Topic
from headrace.streams import pipeline
from headrace.streams.costs.prices import load_price_list
from headrace.streams.pipeline import Deployment
from headrace.streams.pipeline_config import PipelineConfig
from headrace.streams.routing.rule_table import RuleTable
from headrace.streams.stage import Stage


@dataclass(frozen=True, slots=True)
class LoadedStages:
    """The stages, prices and budget, with the rule table that a worker follows; None for rules from a folder."""

    deployment: Deployment
    rules: RuleTable | None = None


def load_stages(path: str | None = None) -> tuple[Stage, ...]:
    """Load all stages of a pipeline file, by default the one of HEADRACE_PIPELINE.

    Raises:
        SettingsError: the pipeline file or a rule is invalid, or Kafka does not respond.
    """
    return _load_stages(pipeline.load_config(path))[0]


def load_topics() -> tuple[Topic, ...]:
    """Load the topics of the current pipeline. Raises `SettingsError`, as `load_stages` does."""
    return configured_topics(stage.name for stage in load_stages())


def load_stages_and_rules(path: str | None = None) -> LoadedStages:
    """Load all stages, the prices and the budget, with the rule table if rules can change at run time.

    Raises:
        SettingsError: the pipeline file, a rule or the price file is invalid, or Kafka does not respond.
    """
    config = pipeline.load_config(path)
    stages, rules = _load_stages(config)
    return LoadedStages(Deployment(stages, load_price_list(), config.budget), rules)


def _load_stages(config: PipelineConfig) -> tuple[tuple[Stage, ...], RuleTable | None]:
    stages = pipeline.stages(config)
    aws = AwsSession()
    table = targets.load_table(aws) if targets.follows() else None
    return (*stages, *targets.rule_stages(aws, table)), table
