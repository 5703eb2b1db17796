"""Amazon Rekognition Custom Labels without a trained model: measured labels, marked in their names.

The name of a version is its state, if it is that of one, such as `stopped`; any other version runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from headrace.sandbox.ai.framework import image_analysis
from headrace.sandbox.ai.framework.errors import ServiceError
from headrace.sandbox.ai.framework.service import Params, ServiceContext
from headrace.sandbox.ai.rekognition.inputs import seen
from headrace.streams.limits.service_inputs import media_rule

STATES = ("STARTING", "STOPPING", "STOPPED", "TRAINING_IN_PROGRESS", "TRAINING_COMPLETED", "FAILED")
RULE = media_rule("rekognition", "DetectCustomLabels")
NO_PROJECT = "missing"
CONFIDENCE = 50.0
CREATED = 1_700_000_000_000


def describe_project_versions(params: Params, context: ServiceContext) -> Params:
    """Return the state of each version that is named; a project named `missing` does not exist."""
    prefix, _, name_and_time = params["ProjectArn"].partition(":project/")
    project = name_and_time.partition("/")[0]
    if project == NO_PROJECT:
        raise ServiceError("ResourceNotFoundException", "The requested resource was not found.")
    versions = params.get("VersionNames", ["1"])
    return {
        "ProjectVersionDescriptions": [
            {
                "ProjectVersionArn": f"{prefix}:project/{project}/version/{version}/{CREATED}",
                "Status": state(version),
                "MinInferenceUnits": 1,
            }
            for version in versions
        ]
    }


def detect_custom_labels(params: Params, context: ServiceContext) -> Params:
    """Return the measured labels of an image. Raises `ServiceError` if the model does not run."""
    version = params["ProjectVersionArn"].split("/")[-2]
    if state(version) != "RUNNING":
        why = f"Project version {params['ProjectVersionArn']} isn't in RUNNING state."
        raise ServiceError("ResourceNotReadyException", why)
    least = params.get("MinConfidence", CONFIDENCE)
    measured = image_analysis.labels(seen(params["Image"], context.cloud, image_analysis.measure, RULE))
    labels = [
        {"Name": f"SYNTHETIC {each.name}", "Confidence": each.confidence}
        for each in measured
        if each.confidence >= least
    ]
    return {"CustomLabels": labels[: params.get("MaxResults", len(labels))]}


def state(version: str) -> str:
    """Return the state of a version."""
    name = version.upper().replace("-", "_")
    return name if name in STATES else "RUNNING"


OPERATIONS: Mapping[str, Callable[[Params, ServiceContext], Params]] = {
    "DescribeProjectVersions": describe_project_versions,
    "DetectCustomLabels": detect_custom_labels,
}
SYNTHETIC = frozenset(OPERATIONS)
