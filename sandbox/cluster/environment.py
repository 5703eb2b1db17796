"""The variables under which everything else finds the sandbox."""

from __future__ import annotations

from pathlib import Path

from headrace.sandbox import names
from headrace.sandbox import names as sandbox_names
from headrace.sandbox.cluster.state_file import ClusterState, read
from headrace.sandbox.paths import default_data

PIPELINE_FILE = "pipeline.toml"
"""In a sandbox's folder, the pipeline that it runs, where that is not the usual one."""

AI_SERVICES = (
    "REKOGNITION",
    "TRANSCRIBE",
    "TEXTRACT",
    "COMPREHEND",
    "TRANSLATE",
    "POLLY",
    "MEDIACONVERT",
    "BEDROCK_RUNTIME",
)
"""The services of the AI endpoint, as the SDK's variables name them."""


def variables(state: ClusterState) -> dict[str, str]:
    """Headrace's settings and the AWS SDK's own variables for the parts of a sandbox, also for one that crashed."""
    ports = {name: part.port for name, part in state.parts.items()}
    found: dict[str, str] = {}
    if kafka := ports.get("kafka"):
        found["HEADRACE_BOOTSTRAP_SERVERS"] = f"{names.HOST}:{kafka}"
    if aws := ports.get("aws"):
        found |= cloud(aws)
    if ai := ports.get("ai"):
        found |= {f"AWS_ENDPOINT_URL_{service}": names.endpoint(ai) for service in AI_SERVICES}
    return found


def of(folder: Path) -> dict[str, str]:
    """The variables of the sandbox in a folder, with its pipeline file and its rules where it has some."""
    found = variables(read(folder))
    kept = {"HEADRACE_PIPELINE": folder / PIPELINE_FILE, "HEADRACE_RULES": folder / sandbox_names.FOLDER}
    return found | {name: str(place) for name, place in kept.items() if found and place.exists()}


def current() -> dict[str, str]:
    """The variables of the sandbox at the default place; none when it is not up."""
    from headrace.sandbox.cluster.processes import is_alive

    folder = default_data()
    return of(folder) if any(is_alive(part) for part in read(folder).parts.values()) else {}


def cloud(port: int) -> dict[str, str]:
    """The variables that lead to the local AWS on this port."""
    return {
        "HEADRACE_MEDIA_BUCKET": names.MEDIA_BUCKET,
        "HEADRACE_RESULTS_BUCKET": names.RESULTS_BUCKET,
        "HEADRACE_QUEUE_URLS": names.queue_url(port),
        "HEADRACE_JOBS_TOPIC_ARN": names.JOBS_TOPIC_ARN,
        "HEADRACE_JOBS_ROLE_ARN": names.JOBS_ROLE_ARN,
        "HEADRACE_MEDIACONVERT_ROLE_ARN": names.MEDIACONVERT_ROLE_ARN,
        "AWS_ACCESS_KEY_ID": names.ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": names.ACCESS_KEY,
        "AWS_DEFAULT_REGION": names.REGION,
        **{f"AWS_ENDPOINT_URL_{service}": names.endpoint(port) for service in ("S3", "SQS", "SNS", "EVENTBRIDGE")},
    }
