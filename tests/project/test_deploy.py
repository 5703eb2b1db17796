"""Tests that chart and Terraform module agree with the code and, where installed, pass helm lint and terraform fmt."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from headrace.connectors.aws.sigv4 import AwsCredentials
from headrace.connectors.bridge_sources import iam_policy, requirements
from headrace.connectors.bridge_sources.config import QueueSource
from headrace.connectors.events import data_automation, mediaconvert, transcribe
from headrace.console.aws_account.component_permissions import (
    FORGET_PEOPLE,
    OBJECT_ACTIONS,
    RESOURCES,
    iam_action,
    stage_permissions,
    task_actions,
)
from headrace.console.errors import CommandError
from headrace.console.machines.api.app import HEALTH
from headrace.console.machines.api.server import accepted_hosts
from headrace.console.machines.settings import MachineApiSettings, signing_key
from headrace.console.pipeline.acls import AclRule, AclScope, roles
from headrace.console.replay.groups import redrive_group
from headrace.console.web.access.methods import access_control
from headrace.console.web.access.users import UserRole
from headrace.console.web.access.users_file import UserEntry, store_entry
from headrace.console.web.settings import WebConsoleSettings
from headrace.schemas import topics
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.streams import pipeline
from headrace.streams.aws.error_codes import OPERATIONS
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage
from headrace.streams.stages.documents import documents_stage
from headrace.streams.stages.face_search import face_search_stage
from headrace.streams.worker.machine_stages import MACHINE_STAGES
from tests.docs.generate import SETTINGS
from tests.support.stages import get_stages

ROOT = Path(__file__).parents[2] / "deploy"
SOURCES = {source.name: source for source in (transcribe.SOURCE, mediaconvert.SOURCE, data_automation.SOURCE)}
QUEUE = QueueSource(
    url="https://sqs.eu-central-1.amazonaws.com/111122223333/events",
    carries=("transcribe", "mediaconvert", "bedrock-data-automation"),
)
STAGES = (*pipeline.all_stages(), *get_stages(["completed"]))
ROLES = roles(AclScope(STAGES, redrive_groups=[redrive_group(stage.name) for stage in STAGES]))
DEPLOYED = ("bridge", "webhook", "views", "operator", "machine-api")
"""Components and roles besides the stages that have ACLs on MSK."""
CHART = ROOT / "helm"
MODULE = ROOT / "terraform"
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
VARIANTS = {"documents": (documents_stage(forms=True),), "face-search": (face_search_stage(index=False),)}
STAGED = tuple(VALUES["stages"])
VARIABLES = {f"{cls.model_config.get('env_prefix')}{name}".upper() for cls in SETTINGS for name in cls.model_fields}

GIVEN = (
    "kafka.bootstrapServers=kafka:9096",
    "settings.HEADRACE_RESULTS_BUCKET=results",
    "bridge.queueUrls={https://sqs.eu-central-1.amazonaws.com/111122223333/headrace-events}",
    "webhook.enabled=true",
    "webhook.topicArns={arn:aws:sns:eu-central-1:111122223333:media}",
    "workers.autoscaling.enabled=true",
)

CONSOLE = (
    *GIVEN,
    "console.enabled=true",
    "console.url=https://headrace.example.com",
    "console.usersSecret=users",
    "views.existingSecret=database",
)


def wanted() -> dict[str, Any]:
    """Return the expected content of the module's wanted.json."""
    return {
        "object_events": list(requirements._EVENTS),
        "patterns": {name: source.pattern(QUEUE) for name, source in SOURCES.items() if source.pattern},
        "bridge": list(iam_policy.QUEUE_ACTIONS),
        "objects": {name: list(actions) for name, actions in OBJECT_ACTIONS.items()},
        "forget_people": list(FORGET_PEOPLE),
        "stages": {stage.name: _permissions(stage) for stage in STAGES},
        "tasks": list(task_actions(StreamSettings.model_construct().task_actions)),
        "acls": {name: _grouped(ROLES[name]) for name in (*DEPLOYED, *(stage.name for stage in STAGES))},
    }


def _permissions(stage: Stage) -> dict[str, Any]:
    """Return what the IAM role of a stage needs: its operations, media, and the role of the service that runs jobs."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(stage_permissions((stage, *VARIANTS.get(stage.name, ())))).items()
    }


def _grouped(rules: tuple[AclRule, ...]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for rule in rules:
        grouped.setdefault(f"{rule.resource} {rule.operation}", []).append(rule.name)
    return grouped


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

    assert deployments.keys() == {f"hr-{name}" for name in ("bridge", "webhook", "views", *VALUES["stages"])}
    for spec in deployments.values():
        pod = spec["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["enableServiceLinks"] is False, "a service headrace-console would set HEADRACE_CONSOLE_PORT"
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
    (bridge,) = [each for each in made if each["metadata"]["name"] == "hr-bridge" and each["kind"] == "Deployment"]
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
    made = rendered(*GIVEN, "networkPolicy.enabled=false", "serviceAccount.create=false", "topics.apply=false")

    assert not {"NetworkPolicy", "ServiceAccount", "Job"} & {each["kind"] for each in made}


def egress(made: list[dict[str, Any]], component: str) -> set[int]:
    """Return the ports to which a component may connect."""
    (policy,) = [
        each for each in made if each["kind"] == "NetworkPolicy" and each["metadata"]["name"] == f"hr-{component}"
    ]
    return {each["port"] for rule in policy["spec"]["egress"] for each in rule["ports"]}


def test_network_policies_permit_exactly_what_each_component_needs() -> None:
    made = rendered(
        *GIVEN,
        "schemaRegistry.url=http://registry:8081",
        "settings.HEADRACE_CLAMD=clamd:3310",
        "settings.AWS_ENDPOINT_URL_S3=http://minio",
        "settings.AWS_ENDPOINT_URL_SQS=https://sqs.internal:8443/x",
    )
    base = {53, 80, 443, 8081, 8443, 9096}

    assert egress(made, "scan") == base | {3310}
    assert all(egress(made, name) == base for name in ("bridge", "webhook", "labels"))
    assert egress(made, "topics") == {53, 8081, 9096}
    assert egress(made, "views") == base
    assert egress(rendered(*GIVEN, "views.existingSecret=database"), "views") == {53, 80, 443, 5432, 9096}


def test_all_other_traffic_is_denied() -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in rendered(*GIVEN) if each["kind"] == "NetworkPolicy"}
    ingress = {
        name: [port["port"] for rule in spec.get("ingress", ()) for port in rule["ports"]]
        for name, spec in policies.items()
    }

    assert policies.keys() == {
        f"hr{name}" for name in ("", "-bridge", "-webhook", "-topics", "-views", *(f"-{s}" for s in STAGED))
    }
    assert policies["hr"].keys() == {"podSelector", "policyTypes"}, "without a rule, everything is denied"
    assert ingress == {
        **{name: [] for name in ("hr", "hr-bridge", "hr-topics", "hr-views")},
        "hr-webhook": [8080],
        **{f"hr-{stage}": [9100] for stage in STAGED},
    }


def test_plain_http_is_permitted_only_to_the_credential_agent() -> None:
    (policy,) = [
        each
        for each in rendered(*GIVEN)
        if each["metadata"]["name"] == "hr-labels" and "Policy" in each["kind"] and each["kind"] == "NetworkPolicy"
    ]
    plain = [rule for rule in policy["spec"]["egress"] if {"port": 80, "protocol": "TCP"} in rule["ports"]]

    assert [rule["to"] for rule in plain] == [[{"ipBlock": {"cidr": "169.254.170.23/32"}}]]


def test_each_component_has_its_own_account_and_kafka_user() -> None:
    made = rendered(*GIVEN, "serviceAccount.roleArns.labels=arn:aws:iam::111122223333:role/headrace-labels")
    pods = {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]
        for each in made
        if each["kind"] in ("Deployment", "Job")
    }
    accounts = {each["metadata"]["name"]: each["metadata"] for each in made if each["kind"] == "ServiceAccount"}

    assert {name: pod["serviceAccountName"] for name, pod in pods.items()} == {name: name for name in pods}
    assert accounts.keys() == pods.keys()
    annotated = {name: each["annotations"] for name, each in accounts.items() if "annotations" in each}
    assert annotated == {"hr-labels": {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/headrace-labels"}}
    for name, pod in pods.items():
        secrets = {
            each["valueFrom"]["secretKeyRef"]["name"] for each in pod["containers"][0]["env"] if "valueFrom" in each
        }
        assert secrets == {f"headrace-kafka-{name.removeprefix('hr-')}"}


MACHINES = (
    *GIVEN,
    "machines.enabled=true",
    "machines.connectionsSecret=connections",
    "machines.existingSecret=secrets",
    "machines.taskReads={media.labelled,labels.dlq}",
    "pipeline=on",
)


def test_machines_are_two_stages_with_the_pipeline_file_and_connections_for_tasks() -> None:
    made = rendered(*MACHINES)
    stages = [stage for stage in STAGES if stage.name in MACHINE_STAGES]
    inputs = {stage.name: [topic.name for topic in stage.inputs] for stage in stages}
    found = {
        name: {each["metadata"]["topic"] for each in part(made, "ScaledObject", f"hr-{name}")["spec"]["triggers"]}
        for name in inputs
    }
    assert found == {
        "machines": {*inputs["machines"]},
        "machine-tasks": {*inputs["machine-tasks"], "media.labelled", "labels.dlq"},
    }
    assert list(part(made, "ConfigMap", "hr-pipeline")["data"].values()) == ["on"]
    pods = {
        each: part(made, "Deployment", f"hr-{each}")["spec"]["template"]["spec"]
        for each in (*inputs, "labels", "bridge")
    }
    mounted = {name: {each["name"] for each in pod["containers"][0]["volumeMounts"]} for name, pod in pods.items()}
    assert mounted == {
        name: {"tmp", "pipeline"} | ({"connections"} if name == "machine-tasks" else set()) for name in pods
    }
    assert {name: {each["name"] for each in pod["volumes"]} for name, pod in pods.items()} == mounted
    assert [name for name, pod in pods.items() if "envFrom" in pod["containers"][0]] == ["machine-tasks"]
    assert egress(made, "machine-tasks") == {53, 80, 443, 9096}


MACHINE_API = (
    *MACHINES,
    "machines.api.enabled=true",
    "machines.api.keySecret=key",
    "machines.api.hosts={states.example.com}",
    "machines.api.settings.HEADRACE_MACHINES_REGION=eu-central-1",
    "views.existingSecret=database",
)


def test_machine_api_has_a_key_and_the_names_of_its_service() -> None:
    made = rendered(*MACHINE_API)
    pod = part(made, "Deployment", "hr-machine-api")["spec"]["template"]["spec"]
    [container] = pod["containers"]
    variables = {
        each["name"]: each.get("value") or "/".join(each["valueFrom"]["secretKeyRef"].values())
        for each in container["env"]
    }
    settings = MachineApiSettings.model_validate(
        {
            name.removeprefix("HEADRACE_MACHINES_").lower(): value
            for name, value in variables.items()
            if name.startswith("HEADRACE_MACHINES_")
        }
    )
    service = [f"hr-machine-api{domain}" for domain in ("", ".default", ".default.svc", ".default.svc.cluster.local")]
    assert accepted_hosts(settings) >= {*service, "states.example.com"}
    assert (settings.port, settings.region) == (container["ports"][0]["containerPort"], "eu-central-1")
    assert signing_key(settings) == AwsCredentials("key/id", "key/secret")
    assert variables["HEADRACE_VIEWS"] == "database/url"
    probes = [container[name]["httpGet"] for name in ("readinessProbe", "livenessProbe")]
    assert [each["path"] for each in probes] == [HEALTH, HEALTH]
    assert {each["httpHeaders"][0]["value"] for each in probes} <= accepted_hosts(settings)


def test_machine_api_has_its_own_account_user_and_network_policy() -> None:
    made = rendered(*MACHINE_API)
    assert secrets_of(made, "hr-machine-api") == {"headrace-kafka-machine-api", "database", "key"}
    assert part(made, "ServiceAccount", "hr-machine-api")
    assert part(made, "Service", "hr-machine-api")["spec"]["ports"] == [
        {"name": "http", "port": 80, "targetPort": "http"}
    ]
    assert egress(made, "machine-api") == {53, 80, 443, 5432, 9096}
    policy = part(made, "NetworkPolicy", "hr-machine-api")["spec"]
    assert [port["port"] for rule in policy["ingress"] for port in rule["ports"]] == [8089]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ("views.existingSecret=", "views.existingSecret is empty"),
        ("machines.api.keySecret=", "machines.api.keySecret is empty"),
        ("machines.enabled=false", "machines.enabled is false"),
    ],
)
def test_chart_names_what_the_machine_api_lacks(changed: str, message: str) -> None:
    done = helm("template", "hr", str(CHART), *(word for each in (*MACHINE_API, changed) for word in ("--set", each)))
    assert done.returncode != 0
    assert message in done.stderr


def test_changed_pipeline_file_replaces_the_pods() -> None:
    def variable(text: str) -> str:
        made = rendered(*GIVEN, f"pipeline={text}")
        [name] = part(made, "ConfigMap", "hr-pipeline")["data"]
        found = part(made, "Deployment", "hr-labels")["spec"]["template"]["spec"]["containers"][0]["env"]
        [value] = [each["value"] for each in found if each["name"] == "HEADRACE_PIPELINE"]
        assert value == f"/etc/headrace-pipeline/{name}"
        return str(name)

    assert variable("a") != variable("b")


def test_machines_need_a_pipeline_file() -> None:
    given = (part for each in (*GIVEN, "machines.enabled=true") for part in ("--set", each))
    assert "pipeline is empty" in helm("template", "hr", str(CHART), *given).stderr


def part(made: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """Return the only object of a kind and a name."""
    (found,) = [each for each in made if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def secrets_of(made: list[dict[str, Any]], name: str) -> set[str]:
    """Return the secrets in the variables of a deployment."""
    container = part(made, "Deployment", name)["spec"]["template"]["spec"]["containers"][0]
    return {each["valueFrom"]["secretKeyRef"]["name"] for each in container["env"] if "valueFrom" in each}


def test_console_needs_a_login_and_reads_the_views_of_the_projector(tmp_path: Path) -> None:
    made = rendered(*CONSOLE)
    pod = part(made, "Deployment", "hr-console")["spec"]["template"]["spec"]
    variables = {each["name"]: each.get("value", "") for each in pod["containers"][0]["env"]}
    views = part(made, "Deployment", "hr-views")["spec"]["template"]["spec"]["containers"][0]["env"]
    assert [each for each in views if each["name"] == "HEADRACE_VIEWS"] == [
        each for each in pod["containers"][0]["env"] if each["name"] == "HEADRACE_VIEWS"
    ]
    assert {"name": "users", "secret": {"secretName": "users"}} in pod["volumes"]
    assert variables["HEADRACE_CONSOLE_USERS_FILE"] == f"{pod['containers'][0]['volumeMounts'][-1]['mountPath']}/users"

    store_entry(tmp_path / "users", UserEntry("password", "ann", UserRole.ADMIN, "$argon2id$x"))
    given = {
        name.removeprefix("HEADRACE_CONSOLE_").lower(): value
        for name, value in variables.items()
        if name.startswith("HEADRACE_CONSOLE_")
    } | {"users_file": tmp_path / "users"}
    assert access_control(WebConsoleSettings(**given), b"s" * 32, 8088).users
    with pytest.raises(CommandError, match="without a login"):
        access_control(WebConsoleSettings(**given | {"users_file": None}), b"s" * 32, 8088)


def test_console_may_do_what_an_operator_may_unless_it_is_read_only() -> None:
    changing, reading = rendered(*CONSOLE), rendered(*CONSOLE, "console.readOnly=true")
    assert secrets_of(changing, "hr-console") == {"headrace-kafka-operator", "database"}
    assert secrets_of(reading, "hr-console") == {"headrace-kafka-console", "database"}
    for made in (changing, reading):
        scaler = part(made, "TriggerAuthentication", "hr-kafka")["spec"]["secretTargetRef"]
        assert {each["name"] for each in scaler} == {"hr-keda", "headrace-kafka-console"}
    assert egress(changing, "console") == {53, 80, 443, 5432, 9096}
    policy = part(changing, "NetworkPolicy", "hr-console")["spec"]
    assert [port["port"] for rule in policy["ingress"] for port in rule["ports"]] == [8088]
    assert part(changing, "ServiceAccount", "hr-console")
    assert part(changing, "Service", "hr-console")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ("views.existingSecret=", "views.existingSecret is empty"),
        ("console.url=", "console.url is empty"),
        ("console.usersSecret=", "console.usersSecret is empty"),
        ("console.replicas=2", "console.existingSecret is empty"),
    ],
)
def test_chart_names_what_the_console_lacks(changed: str, message: str) -> None:
    done = helm("template", "hr", str(CHART), *(word for each in (*CONSOLE, changed) for word in ("--set", each)))
    assert done.returncode != 0
    assert message in done.stderr


def test_image_can_be_named_by_digest() -> None:
    made = rendered(*GIVEN, "image.digest=sha256:abc", "image.tag=1")
    images = {
        each["spec"]["template"]["spec"]["containers"][0]["image"] for each in made if each["kind"] == "Deployment"
    }

    assert images == {"headrace@sha256:abc"}


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


def test_roles_of_stages_cover_every_operation() -> None:
    """Each operation that a stage may call is in the role of a stage, and only there."""
    services = {name: calls for name, calls in OPERATIONS.items() if name != "s3"}
    expected = {iam_action(service, call) for service, calls in services.items() for call in calls}

    assert {each for stage in wanted()["stages"].values() for each in stage["actions"]} == expected


def test_module_grants_all_resources_only_where_the_service_has_no_resource_types() -> None:
    text = "".join(file.read_text("utf-8") for file in MODULE.glob("*.tf"))

    assert re.findall(r"^.*\"\*\".*$", text, re.MULTILINE) == [
        '      resources = lookup(local.resources, statement.value, ["*"])'
    ]
    restricted = set(re.findall(r'^    "(\w+:\w+)" += \[', text, re.MULTILINE))
    assert restricted == RESOURCES.keys() - set(FORGET_PEOPLE)
    assert restricted <= {each for stage in wanted()["stages"].values() for each in stage["actions"]}


def test_people_are_forgotten_by_operators_only() -> None:
    """No component has the actions of `headrace faces forget`; a policy that is attached to none has them."""
    granted = {action for stage in wanted()["stages"].values() for action in stage["actions"]}
    assert not granted & {*FORGET_PEOPLE, *OBJECT_ACTIONS["forget_people"]}
    text = "".join(file.read_text("utf-8") for file in MODULE.glob("*.tf"))
    assert re.findall(r"local\.wanted\.(\S*forget_people)", text) == ["forget_people", "objects.forget_people"]
    assert "aws_iam_role_policy_attachment" not in text


def test_tasks_of_machines_have_permissions_only_on_given_resources() -> None:
    """The actions are those of the allow-list; without resources, a task may call nothing."""
    text = (MODULE / "roles.tf").read_text("utf-8")
    (statement,) = re.findall(r'for_each = (each.key == "machine-tasks" .*)\n', text)
    assert statement == 'each.key == "machine-tasks" ? var.machine_task_resources : {}'
    assert {"lambda:InvokeFunction", "s3:ListBucket", "rekognition:*"} <= set(wanted()["tasks"])


def test_module_maps_every_acl_to_kafka_actions() -> None:
    text = (MODULE / "kafka.tf").read_text("utf-8")
    mapped = set(re.findall(r'^    "(\w+ \w+)" += \[', text, re.MULTILINE))

    assert {kind for grouped in wanted()["acls"].values() for kind in grouped} == mapped


def test_module_is_formatted() -> None:
    if not (terraform := shutil.which("terraform")):
        pytest.skip("no terraform on the path")
    done = subprocess.run([terraform, "fmt", "-check", str(MODULE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
