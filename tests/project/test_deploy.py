"""Tests that chart and Terraform module agree with the code and, where installed, pass helm lint and terraform fmt."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from headrace.connectors.bridge_sources import iam_policy, requirements
from headrace.connectors.bridge_sources.config import QueueSource
from headrace.connectors.events import mediaconvert, transcribe
from headrace.schemas import topics
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.streams import pipeline
from headrace.streams.aws.error_codes import OPERATIONS
from tests.docs.generate import SETTINGS

ROOT = Path(__file__).parents[2] / "deploy"
SOURCES = {source.name: source for source in (transcribe.SOURCE, mediaconvert.SOURCE)}
QUEUE = QueueSource(
    url="https://sqs.eu-central-1.amazonaws.com/111122223333/events", carries=("transcribe", "mediaconvert")
)
CHART = ROOT / "helm"
MODULE = ROOT / "terraform"
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
VARIABLES = {f"{cls.model_config.get('env_prefix')}{name}".upper() for cls in SETTINGS for name in cls.model_fields}

GIVEN = (
    "kafka.bootstrapServers=kafka:9096",
    "settings.HEADRACE_RESULTS_BUCKET=results",
    "bridge.queueUrls={https://sqs.eu-central-1.amazonaws.com/111122223333/headrace-events}",
    "webhook.enabled=true",
    "webhook.topicArns={arn:aws:sns:eu-central-1:111122223333:media}",
    "workers.autoscaling.enabled=true",
)


def wanted() -> dict[str, Any]:
    """Return the expected content of the module's wanted.json."""
    services = {name: calls for name, calls in OPERATIONS.items() if name not in ("s3", "bedrock-runtime")}
    actions = {f"{name}:{_camel(call)}" for name, calls in services.items() for call in calls}
    return {
        "object_events": list(requirements._EVENTS),
        "patterns": {name: source.pattern(QUEUE) for name, source in SOURCES.items() if source.pattern},
        "bridge": list(iam_policy.QUEUE_ACTIONS),
        "worker": sorted({*actions, "bedrock:InvokeModel"}),  # by which IAM knows Converse
    }


def _camel(call: str) -> str:
    return "".join(word.capitalize() for word in call.split("_"))


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    if not (found := shutil.which("helm")):
        pytest.skip("no helm on the path")
    # A helm built without release flags assumes an outdated Kubernetes version.
    return subprocess.run([found, *arguments, "--kube-version", "1.30.0"], capture_output=True, text=True, check=False)


def rendered(*given: str) -> list[dict[str, Any]]:
    """Render the chart with these values."""
    done = helm("template", "hr", str(CHART), *(part for each in given for part in ("--set", each)))
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def test_chart_has_every_stage_with_its_input_topics() -> None:
    stages = {stage.name: [topic.name for topic in stage.inputs] for stage in pipeline.stages()}

    found = {name: own["reads"] for name, own in VALUES["stages"].items()}
    assert found == {**stages, "completed": []}, "too many for a scaler each: `completed` does not scale"


def test_no_stage_has_more_workers_than_partitions() -> None:
    assert VALUES["workers"]["autoscaling"]["maxReplicas"] <= topics.PARTITIONS


def test_chart_and_module_use_only_existing_settings() -> None:
    texts = [file.read_text("utf-8") for file in (*CHART.rglob("*.*"), *MODULE.glob("*.tf"))]
    named = {name for text in texts for name in re.findall(r"\bHEADRACE_[A-Z_]+[A-Z]\b", text)}

    assert named <= VARIABLES
    assert {f"HEADRACE_{name}".upper() for name in KafkaSettings.model_fields} <= named


def test_chart_renders_the_kubernetes_objects_of_each_component() -> None:
    made = rendered(*GIVEN)
    deployments = {each["metadata"]["name"]: each["spec"] for each in made if each["kind"] == "Deployment"}

    assert deployments.keys() == {f"hr-{name}" for name in ("bridge", "webhook", *VALUES["stages"])}
    for spec in deployments.values():
        pod = spec["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"]
        assert pod["terminationGracePeriodSeconds"] >= 40
    kinds = {each["kind"] for each in made}
    assert {"ScaledObject", "PodDisruptionBudget", "NetworkPolicy", "ServiceAccount", "Job"} <= kinds


def test_scaler_follows_every_input_topic_of_a_stage() -> None:
    (labels,) = [
        each for each in rendered(*GIVEN) if each["kind"] == "ScaledObject" and each["metadata"]["name"] == "hr-labels"
    ]
    followed = [(each["metadata"]["consumerGroup"], each["metadata"]["topic"]) for each in labels["spec"]["triggers"]]
    assert followed == [("headrace.labels", name) for name in ("media.ready", "jobs.finished", "labels.retry")]


def test_msk_iam_needs_no_secret() -> None:
    made = rendered(*GIVEN[:-1], "kafka.sasl=AWS_MSK_IAM")
    (bridge,) = [each for each in made if each["metadata"]["name"] == "hr-bridge"]
    names = {each["name"] for each in bridge["spec"]["template"]["spec"]["containers"][0]["env"]}

    assert "HEADRACE_KAFKA_SASL" in names
    assert not names & {"HEADRACE_KAFKA_USER", "HEADRACE_KAFKA_PASSWORD"}


def test_every_component_uses_the_registry_and_a_job_registers_schemas() -> None:
    made = rendered(*GIVEN, "schemaRegistry.url=https://registry:8081", "schemaRegistry.existingSecret=registry")
    pods = [each["spec"]["template"]["spec"] for each in made if each["kind"] in ("Deployment", "Job")]
    containers = [each for pod in pods for each in pod["containers"]]
    names = [{given["name"] for given in each["env"]} for each in containers]

    assert all({"HEADRACE_SCHEMA_REGISTRY", "HEADRACE_SCHEMA_REGISTRY_PASSWORD"} <= each for each in names)
    assert ["schemas", "register"] in [each.get("args") for each in containers]
    assert not any("SCHEMA_REGISTRY" in str(each) for each in rendered(*GIVEN))


def test_optional_objects_can_be_disabled() -> None:
    (policy,) = [
        each for each in rendered(*GIVEN, "networkPolicy.otherPorts={3310,8081}") if each["kind"] == "NetworkPolicy"
    ]
    ports = {each["port"] for rule in policy["spec"]["egress"] for each in rule["ports"]}

    assert {53, 443, 3310, 8081, 9096} <= ports


@pytest.mark.parametrize("left_out", range(4))
def test_chart_names_a_missing_value(left_out: int) -> None:
    given = [each for at, each in enumerate((*GIVEN[:3], GIVEN[4])) if at != left_out]
    sets = [part for each in (*given, "webhook.enabled=true") for part in ("--set", each)]

    done = helm("template", "hr", str(CHART), *sets)

    assert done.returncode != 0
    assert (*GIVEN[:3], GIVEN[4])[left_out].partition("=")[0] in done.stderr


def test_helm_lint_accepts_the_chart() -> None:
    done = helm("lint", "--strict", str(CHART), *(part for each in GIVEN for part in ("--set", each)))
    assert done.returncode == 0, done.stdout


def test_module_has_the_required_permissions_and_events() -> None:
    assert msgspec.json.decode((MODULE / "wanted.json").read_bytes()) == wanted()


def test_module_is_formatted() -> None:
    if not (terraform := shutil.which("terraform")):
        pytest.skip("no terraform on the path")
    done = subprocess.run([terraform, "fmt", "-check", str(MODULE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
