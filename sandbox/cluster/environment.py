"""Environment variables that configure clients for the sandbox."""

from __future__ import annotations

from pathlib import Path

from headrace.connectors.aws.sigv4 import AwsCredentials
from headrace.sandbox import names
from headrace.sandbox import names as sandbox_names
from headrace.sandbox.access.keys import CONTROL_VARIABLE, control_token
from headrace.sandbox.cluster.state_file import ClusterState, read
from headrace.sandbox.paths import default_data

PIPELINE_FILE = "pipeline.toml"
"""Name of the pipeline file in a sandbox's folder, if it does not run the default pipeline."""

CLOUD_SERVICES = ("S3", "SQS", "SNS", "EVENTBRIDGE", "IAM", "STS")
"""Service names of the local AWS in the SDK's environment variables."""

VIEWS = "views"
"""Name of the folder of the views in a sandbox's folder."""

AI_SERVICES = (
    "REKOGNITION",
    "TRANSCRIBE",
    "TEXTRACT",
    "COMPREHEND",
    "TRANSLATE",
    "POLLY",
    "MEDIACONVERT",
    "BEDROCK_RUNTIME",
    "SERVICE_QUOTAS",
    "BEDROCK_DATA_AUTOMATION_RUNTIME",
)
"""Service names of the AI endpoint in the SDK's environment variables."""


def variables(state: ClusterState) -> dict[str, str]:
    """Return the variables of Headrace and the AWS SDK for all started components, including crashed ones."""
    ports = {name: part.port for name, part in state.parts.items()}
    values: dict[str, str] = {}
    if kafka := ports.get("kafka"):
        values["HEADRACE_BOOTSTRAP_SERVERS"] = f"{names.HOST}:{kafka}"
    if aws := ports.get("aws"):
        values |= cloud(aws, state.access)
    if ai := ports.get("ai"):
        values |= {f"AWS_ENDPOINT_URL_{service}": names.endpoint(ai) for service in AI_SERVICES}
        values["HEADRACE_PRIVATE_TARGETS"] = names.HOST  # rules may post to its /inbox
        values[CONTROL_VARIABLE] = control_token(state.access)
    if sfn := ports.get("sfn"):
        values["AWS_ENDPOINT_URL_SFN"] = names.endpoint(sfn)
    return values


def of(folder: Path) -> dict[str, str]:
    """Return the variables of the sandbox in a folder, including its pipeline file and rules."""
    values = variables(read(folder))
    if values:
        values["HEADRACE_VIEWS"] = str(folder / VIEWS)
    files = {"HEADRACE_PIPELINE": folder / PIPELINE_FILE, "HEADRACE_RULES": folder / sandbox_names.FOLDER}
    return values | {name: str(path) for name, path in files.items() if values and path.exists()}


def current() -> dict[str, str]:
    """Return the variables of the sandbox in the default folder; empty if it is not up.

    Only a sandbox that was started needs psutil, which is not part of an installation without the extra `sandbox`.
    """
    folder = default_data()
    parts = read(folder).parts.values()
    if not parts:
        return {}
    from headrace.sandbox.cluster.processes import is_alive

    return of(folder) if any(is_alive(part) for part in parts) else {}


def cloud(port: int, access: AwsCredentials) -> dict[str, str]:
    """Return the variables for the local AWS on this port."""
    return {
        "HEADRACE_MEDIA_BUCKET": names.MEDIA_BUCKET,
        "HEADRACE_RESULTS_BUCKET": names.RESULTS_BUCKET,
        "HEADRACE_QUEUE_URLS": names.queue_url(port),
        "HEADRACE_JOBS_TOPIC_ARN": names.JOBS_TOPIC_ARN,
        "HEADRACE_JOBS_ROLE_ARN": names.JOBS_ROLE_ARN,
        "HEADRACE_MEDIACONVERT_ROLE_ARN": names.MEDIACONVERT_ROLE_ARN,
        "AWS_ACCESS_KEY_ID": access.access,
        "AWS_SECRET_ACCESS_KEY": access.secret,
        "AWS_DEFAULT_REGION": names.REGION,
        **{f"AWS_ENDPOINT_URL_{service}": names.endpoint(port) for service in CLOUD_SERVICES},
    }
