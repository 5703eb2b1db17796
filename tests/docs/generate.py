"""Rewrite the generated parts of README.md and docs: `python -m tests.docs.generate`. `test_docs.py` fails on drift."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass
from functools import partial
from itertools import chain
from pathlib import Path

from pydantic import AliasChoices, AliasPath, SecretStr
from pydantic_settings import BaseSettings

from conformance import table
from headrace.connectors.bridge.settings import BridgeSettings
from headrace.connectors.sinks.settings import TargetSettings
from headrace.connectors.webhook.settings import WebhookSettings
from headrace.console.machines.settings import ApiCredentials, MachineApiSettings
from headrace.console.settings import ConsoleSettings
from headrace.console.views.settings import ViewsSettings
from headrace.console.web.settings import WebConsoleSettings
from headrace.schemas import topics
from headrace.schemas.kafka.settings import KafkaSettings, RegistrySettings
from headrace.schemas.kafka.topic_settings import TopicSettings
from headrace.schemas.runtime.metrics_settings import MetricsSettings
from headrace.schemas.tracing.settings import TracingSettings
from headrace.streams import pipeline
from headrace.streams.settings import PipelineSettings, PriceSettings, StreamSettings
from tests.docs import fidelity, figures, references, scale
from tests.support.stages import get_stages

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
REFERENCE = ROOT / "docs" / "reference.md"
GENERATED = (
    README,
    REFERENCE,
    ROOT / "conformance" / "RESULTS.md",
    *(
        ROOT / "docs" / name
        for name in (
            "architecture.md",
            "aws-fidelity.md",
            "cli.md",
            "deploy.md",
            "metrics.md",
            "operations.md",
            "scale.md",
        )
    ),
)

Classes = tuple[type[BaseSettings], ...]

PATH: Classes = (KafkaSettings, BridgeSettings, StreamSettings)
READERS: dict[str, Classes] = {
    "all": (KafkaSettings, RegistrySettings),
    "bridge and worker": (TracingSettings,),
    "bridge, worker and views": (MetricsSettings,),
    "bridge": (BridgeSettings,),
    "worker": (StreamSettings, PipelineSettings, PriceSettings, TargetSettings),
    "webhook": (WebhookSettings,),
    "console": (WebConsoleSettings,),
    "machine api": (MachineApiSettings, ApiCredentials),
    "command line": (ConsoleSettings, TopicSettings, ViewsSettings),
}
"""The settings of each component."""
SETTINGS: Classes = tuple(chain.from_iterable(READERS.values()))

REQUIRED = "required"

PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable; `default` is empty where there is none and none is needed."""

    variable: str
    default: str
    what: str
    secret: bool = False


def flow() -> str:
    """Return the pipeline diagram of `streams/pipeline.py`."""
    drawing = "\n".join(line for line in (pipeline.__doc__ or "").splitlines() if line.startswith("    "))
    return f"```text\n{inspect.cleandoc(drawing)}\n```\n"


def settings() -> str:
    """Return the table of required variables of bridge and workers, and the ARNs."""
    rows = (each for each in _settings(PATH) if each.default == REQUIRED or each.variable.startswith("`HEADRACE_JOBS"))
    return _table(("Variable", "What it says"), ((each.variable, each.what) for each in rows))


def all_settings() -> str:
    """Return the table of all variables."""
    return _table(("Variable", "Default", "What it says"), (astuple(each)[:3] for each in _settings(SETTINGS)))


def settings_by_part() -> str:
    """Return the table of all variables with their components, and which are secrets."""
    rows = (
        (each.variable, each.default or ("a secret" if each.secret else ""), part, each.what)
        for part, classes in READERS.items()
        for each in _settings(classes)
    )
    return _table(("Variable", "Default", "Read by", "What it says"), rows)


def all_topics() -> str:
    """Return the topic table of the pipeline."""
    rows = (
        (f"`{topic.name}`", topic.description, "newest per key" if topic.compacted else f"{topic.retention_days} days")
        for topic in topics.table(stage.name for stage in (*pipeline.all_stages(), *get_stages(["completed"])))
    )
    return _table(("Topic", "Holds", "Keeps"), rows)


PARTS: dict[str, Callable[[], str]] = {
    "flow": flow,
    "settings": settings,
    "all_settings": all_settings,
    "settings_by_part": settings_by_part,
    "all_topics": all_topics,
    "cli": references.cli,
    "metrics": references.metrics,
    "imports": references.imports_diagram,
    "data_flow": references.data_flow_diagram,
    "conformance_results": table.as_markdown,
    "proof": figures.proof,
    "proof_recoveries": figures.proof_recoveries,
    "fidelity_compared": fidelity.compared,
    "fidelity_differing": fidelity.differing,
    "fidelity_not_compared": fidelity.not_compared,
    "fidelity_never_tried": fidelity.never_tried,
    "fidelity_moto": fidelity.skipped_on_moto,
    **{part: partial(scale.forecast, part) for part in scale.OPTIONS},
}


def rendered(text: str) -> str:
    """Return a document with current generated parts. Raises KeyError for an unknown part."""
    return PART.sub(lambda found: found[1] + PARTS[found[2]]() + found[3], text)


def main() -> None:
    """Rewrite the documents."""
    for document in GENERATED:
        document.write_text(rendered(document.read_text("utf-8")), "utf-8")


def _settings(classes: Classes) -> Iterator[Setting]:
    """Return each variable once."""
    seen = set()
    for cls in classes:
        for name, field in sorted(cls.model_fields.items(), key=lambda each: each[0] not in cls.__annotations__):
            variable = f"`{_variable(cls, name, field.validation_alias)}`"
            if variable not in seen:
                seen.add(variable)
                unset = str(field.default) in ("", "None")  # also that of a secret
                default = REQUIRED if field.is_required() else "" if unset else f"`{field.default}`"
                yield Setting(variable, default, field.description or "", field.annotation is SecretStr)


def _variable(cls: type[BaseSettings], name: str, alias: str | AliasPath | AliasChoices | None) -> str:
    """Return the environment variable of a field; the first one if it has several."""
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return f"{cls.model_config.get('env_prefix', '')}{name}".upper()


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"{' | '.join(line)}\n" for line in lines)


if __name__ == "__main__":
    main()
