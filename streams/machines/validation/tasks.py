"""Checks of Task states: resources and credentials."""

from __future__ import annotations

import re

from headrace.streams.machines.validation.expressions import payload
from headrace.streams.machines.validation.node import Node

_SERVICE = re.compile(
    r"arn:[a-z0-9-]+:states:[^:]*:[^:]*:"
    r"(?P<api>(?:aws-sdk:)?[A-Za-z0-9-]+:[A-Za-z0-9]+)(?P<pattern>\.sync(?::\d+)?|\.waitForTaskToken)?"
)
_STAGE = re.compile(r"arn:[a-z0-9-]+:states:[^:]*:[^:]*:headrace:stage:[a-z0-9-]{1,80}")
_ACTIVITY = re.compile(r"arn:[a-z0-9-]+:states:[^:]*:[^:]*:activity:[^\s:]{1,80}")
_FUNCTION = re.compile(r"arn:[a-z0-9-]+:lambda:[^:]*:[^:]*:function:\S{1,170}")

_SYNC = (".sync",)
_TOKEN = (".waitForTaskToken",)
_BOTH = (*_SYNC, *_TOKEN)
INTEGRATIONS: dict[str, tuple[str, ...]] = {
    "apigateway:invoke": _TOKEN,
    "athena:startQueryExecution": _SYNC,
    **dict.fromkeys(("athena:stopQueryExecution", "athena:getQueryExecution", "athena:getQueryResults"), ()),
    "batch:submitJob": _BOTH,
    "bedrock:invokeModel": (),
    "bedrock:createModelCustomizationJob": _SYNC,
    **dict.fromkeys((f"codebuild:{name}" for name in ("startBuild", "startBuildBatch", "retryBuildBatch")), _SYNC),
    **dict.fromkeys(
        (
            f"codebuild:{name}"
            for name in ("stopBuild", "batchDeleteBuilds", "batchGetReports", "stopBuildBatch", "deleteBuildBatch")
        ),
        (),
    ),
    "databrew:startJobRun": _SYNC,
    **dict.fromkeys((f"dynamodb:{name}" for name in ("getItem", "putItem", "updateItem", "deleteItem")), ()),
    "ecs:runTask": _BOTH,
    "eks:call": _TOKEN,
    "eks:runJob": _BOTH,
    **dict.fromkeys(
        (f"eks:{verb}{what}" for verb in ("create", "delete") for what in ("Cluster", "Nodegroup", "FargateProfile")),
        _SYNC,
    ),
    **dict.fromkeys((f"elasticmapreduce:{name}" for name in ("createCluster", "terminateCluster", "addStep")), _SYNC),
    **dict.fromkeys(
        (
            f"elasticmapreduce:{name}"
            for name in (
                "cancelStep",
                "setClusterTerminationProtection",
                "modifyInstanceFleetByName",
                "modifyInstanceGroupByName",
            )
        ),
        (),
    ),
    "emr-containers:createVirtualCluster": (),
    "emr-containers:deleteVirtualCluster": _SYNC,
    "emr-containers:startJobRun": _SYNC,
    **dict.fromkeys(
        (
            f"emr-serverless:{name}"
            for name in ("createApplication", "startApplication", "stopApplication", "deleteApplication")
        ),
        _SYNC,
    ),
    **dict.fromkeys((f"emr-serverless:{name}" for name in ("startJobRun", "cancelJobRun")), _SYNC),
    "events:putEvents": _TOKEN,
    "glue:startJobRun": _SYNC,
    "http:invoke": (),
    "lambda:invoke": _TOKEN,
    "mediaconvert:createJob": _SYNC,
    **dict.fromkeys(
        (
            f"sagemaker:{name}"
            for name in (
                "createHyperParameterTuningJob",
                "createLabelingJob",
                "createProcessingJob",
                "createTrainingJob",
                "createTransformJob",
            )
        ),
        _SYNC,
    ),
    **dict.fromkeys(
        (f"sagemaker:{name}" for name in ("createEndpoint", "createEndpointConfig", "createModel", "updateEndpoint")),
        (),
    ),
    "sns:publish": _TOKEN,
    "sqs:sendMessage": _TOKEN,
    "states:startExecution": (*_BOTH, ".sync:2"),
}
"""The optimised integrations with the patterns that each supports besides request and response.

Source: Step Functions Developer Guide, "Integrating services with Step Functions".
"""


def resource(node: Node) -> None:
    """Check the Resource of a Task: a function, an activity, a stage or a service integration."""
    if not isinstance(node.value, str):
        node.error("Expected value of type String")
        return
    integration = _SERVICE.fullmatch(node.value)
    if any(form.fullmatch(node.value) for form in (_FUNCTION, _ACTIVITY, _STAGE)):
        return
    if integration is None or not _is_supported(integration["api"], integration["pattern"] or ""):
        node.error(
            f"The resource provided {node.value} is not recognized. The value is not a valid resource ARN, "
            "or the resource is not available in this region."
        )
    elif node.setting.express and integration["pattern"]:
        end = " " if integration["pattern"] in _TOKEN else ""  # the message of AWS ends with a space
        node.error(f"Express state machine does not support '{integration['pattern']}' service integration{end}")


def _is_supported(api: str, pattern: str) -> bool:
    if api.startswith("aws-sdk:"):
        return pattern in ("", *_TOKEN)
    return api in INTEGRATIONS and pattern in ("", *INTEGRATIONS[api])


def credentials(node: Node) -> None:
    """Check Credentials: RoleArn, as text, path or expression."""
    if not isinstance(node.value, dict):
        node.error("Expected value of type Object")
        return
    names = ("RoleArn",) if node.is_jsonata else ("RoleArn", "RoleArn.$")
    if not any(name in node.value for name in names):
        node.error("The field 'RoleArn' is required but was missing")
        return
    for name in node.value:
        if name not in names:
            node.error(f"Field '{name}' is not supported")
    if not isinstance(node.value.get("RoleArn", ""), str):
        node.child("RoleArn").error("Expected value of type String")
    payload(node)


def heartbeat(node: Node) -> None:
    """Check that the heartbeat is shorter than the timeout."""
    seconds, timeout = node.value.get("HeartbeatSeconds"), node.value.get("TimeoutSeconds")
    if isinstance(seconds, int) and isinstance(timeout, int) and seconds >= timeout:
        node.error("The value of 'HeartbeatSeconds' must be smaller than the value of 'TimeoutSeconds'")
