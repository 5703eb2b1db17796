"""Operations on state machines, their versions, and their definitions."""

from __future__ import annotations

from headrace.console.machines import arns, catalog, starts
from headrace.console.machines.api import paging
from headrace.console.machines.catalog import MachineChange, MachineDraft
from headrace.console.machines.errors import MachineServiceError, invalid, machine_missing
from headrace.console.machines.machine_details import LOGGING_OFF, TRACING_OFF, details_of, moment
from headrace.console.machines.port import ApiParams, MachineServices
from headrace.console.machines.tags import check_tags
from headrace.schemas.parsing import parse_int
from headrace.streams.executions.definitions import MachineRecord, VersionRecord
from headrace.streams.machines.test_state import TestStateError, answer_request
from headrace.streams.machines.validation import validate

_NOTHING_TO_UPDATE = (
    "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified"
)
_MOST_FINDINGS = 100


async def create_state_machine(params: ApiParams, services: MachineServices) -> ApiParams:
    """Create a machine."""
    _check_description(params)
    tags = {tag["key"]: tag.get("value", "") for tag in params.get("tags", ())}
    check_tags(tags, services.arns.machine(params["name"]))
    draft = MachineDraft(
        params["name"],
        params["definition"],
        params["roleArn"],
        params.get("type", "STANDARD"),
        {**LOGGING_OFF, **params.get("loggingConfiguration", {})},
        {**TRACING_OFF, **params.get("tracingConfiguration", {})},
        tags,
    )
    record = await catalog.create(services, draft)
    answer = {"stateMachineArn": record.arn, "creationDate": moment(record.created_at)}
    return answer | await _published(params, services, record)


async def update_state_machine(params: ApiParams, services: MachineServices) -> ApiParams:
    """Change a machine."""
    _check_description(params)
    record = _machine(params["stateMachineArn"], services)
    names = ("definition", "roleArn", "loggingConfiguration", "tracingConfiguration")
    change = MachineChange(*(params.get(name) for name in names))
    if change.is_empty and not params.get("publish"):
        raise MachineServiceError("MissingRequiredParameter", _NOTHING_TO_UPDATE)
    record = await catalog.update(services, record, change)
    answer: ApiParams = {"updateDate": moment(record.updated_at)}
    if revision := details_of(record).revision_id:
        answer["revisionId"] = revision
    return answer | await _published(params, services, record)


async def delete_state_machine(params: ApiParams, services: MachineServices) -> ApiParams:
    """Delete a machine; a missing one is ignored."""
    arn = arns.parse(params["stateMachineArn"], "stateMachine")
    record = services.table.machine_record(arn.name)
    if record is not None and record.arn == arn.text:
        await catalog.delete(services, record)
    return {}


async def describe_state_machine(params: ApiParams, services: MachineServices) -> ApiParams:
    """Return a machine, or a version of it."""
    arn = arns.parse(params["stateMachineArn"], "stateMachine")
    record = catalog.find(services, arn)
    if not arn.qualifier:
        details = details_of(record)
        answer = _described(services, record, record.arn, record.revision)
        answer |= {
            "creationDate": moment(record.created_at),
            "loggingConfiguration": dict(details.logging),
            "tracingConfiguration": dict(details.tracing),
        }
        return answer | ({"revisionId": details.revision_id} if details.revision_id else {})
    version = _version(services, record, starts.resolve(services, arn.text).version)
    kept = details_of(record).versions.get(str(version.number))
    answer = _described(services, record, f"{record.arn}:{version.number}", version.revision)
    answer["creationDate"] = moment(version.created_at)
    if kept is not None:
        answer |= {"roleArn": kept.role_arn or record.role_arn, "loggingConfiguration": dict(kept.logging)}
        answer |= {"tracingConfiguration": dict(kept.tracing)}
        answer |= {"revisionId": kept.revision_id} if kept.revision_id else {}
    return answer | ({"description": version.description} if version.description else {})


async def describe_state_machine_for_execution(params: ApiParams, services: MachineServices) -> ApiParams:
    """Return the definition that an execution runs."""
    execution = starts.find(services, params["executionArn"])
    record = services.table.machine_record(arns.parse(execution.machine, "stateMachine").name)
    if record is None or record.arn != execution.machine:
        raise machine_missing(execution.machine)
    details = details_of(record)
    kept = details.versions.get(str(execution.version))
    revision_id = kept.revision_id if kept else details.revision_id if execution.revision == record.revision else ""
    answer = _described(services, record, record.arn, execution.revision)
    del answer["type"], answer["status"]
    answer |= {
        "updateDate": moment(record.updated_at),
        "loggingConfiguration": dict(details.logging),
        "tracingConfiguration": dict(details.tracing),
    }
    answer |= {"mapRunArn": execution.map_run} if execution.map_run else {}
    return answer | ({"revisionId": revision_id} if revision_id else {})


async def list_state_machines(params: ApiParams, services: MachineServices) -> ApiParams:
    """List machines by name."""
    names = (key.removeprefix("machine/") for key in services.table.keys("machine/"))
    records = [record for name in names if (record := services.table.machine_record(name)) is not None]
    chosen, more = paging.page(params, "machines", records, lambda record: record.name)
    listed = [
        {
            "stateMachineArn": record.arn,
            "name": record.name,
            "type": record.type,
            "creationDate": moment(record.created_at),
        }
        for record in chosen
    ]
    return {"stateMachines": listed, **more}


async def publish_state_machine_version(params: ApiParams, services: MachineServices) -> ApiParams:
    """Publish the current revision of a machine."""
    record = _machine(params["stateMachineArn"], services)
    current, wanted = details_of(record).revision_id, params.get("revisionId")
    if wanted is not None and wanted != current:
        raise MachineServiceError(
            "ConflictException",
            f"Failed to publish the State Machine version for revision {wanted}. The current State Machine revision"
            f" is {current or 'null'}.",
        )
    version = await catalog.publish(services, record, params.get("description", ""))
    arn = f"{record.arn}:{version.number}"
    return {"stateMachineVersionArn": arn, "creationDate": moment(version.created_at)}


async def list_state_machine_versions(params: ApiParams, services: MachineServices) -> ApiParams:
    """List the versions of a machine, newest first."""
    arn = arns.parse(params["stateMachineArn"], "stateMachine")
    record = services.table.machine_record(arn.name)
    found = catalog.versions(services, arn.name) if record is not None and record.arn == arn.text else []
    chosen, more = paging.page(params, "versions", found, lambda version: str(version.number))
    listed = [
        {"stateMachineVersionArn": f"{arn.text}:{version.number}", "creationDate": moment(version.created_at)}
        for version in chosen
    ]
    return {"stateMachineVersions": listed, **more}


async def delete_state_machine_version(params: ApiParams, services: MachineServices) -> ApiParams:
    """Delete a version; a missing one is ignored."""
    arn = arns.parse(params["stateMachineVersionArn"], "stateMachine")
    if not arn.qualifier.isdecimal():
        raise invalid(f"{arn.text} is not the ARN of a version")
    record = services.table.machine_record(arn.name)
    if record is not None and record.arn == arn.unqualified:
        await catalog.delete_version(services, record, parse_int(arn.qualifier))
    return {}


async def validate_state_machine_definition(params: ApiParams, services: MachineServices) -> ApiParams:
    """Return the findings about a definition."""
    verdict = validate(params["definition"], params.get("type", "STANDARD"))
    shown = [
        finding.as_json()
        for finding in verdict.findings
        if params.get("severity") == "WARNING" or finding.severity == "ERROR"
    ]
    most = params.get("maxResults") or _MOST_FINDINGS
    truncated = verdict.truncated or len(shown) > most
    return {"result": "OK" if verdict.ok else "FAIL", "diagnostics": shown[:most], "truncated": truncated}


async def test_state(params: ApiParams, services: MachineServices) -> ApiParams:
    """Test one state with an input. Tasks need a mock: no service is called."""
    try:
        return answer_request(params, services.now())
    except TestStateError as error:
        raise MachineServiceError(error.code, error.message) from None


def _machine(arn: str, services: MachineServices) -> MachineRecord:
    parsed = arns.parse(arn, "stateMachine")
    if parsed.qualifier:
        raise machine_missing(arn)
    return catalog.find(services, parsed)


def _version(services: MachineServices, record: MachineRecord, number: int | None) -> VersionRecord:
    version = None if number is None else services.table.version(record.name, number)
    if version is None:
        raise machine_missing(f"{record.arn}:{number}")
    return version


def _described(services: MachineServices, record: MachineRecord, arn: str, revision: str) -> ApiParams:
    return {
        "stateMachineArn": arn,
        "name": record.name,
        "status": "ACTIVE",
        "definition": catalog.definition_text(services, revision),
        "roleArn": record.role_arn,
        "type": record.type,
    }


def _check_description(params: ApiParams) -> None:
    if "versionDescription" in params and not params.get("publish"):
        raise invalid("Version description can only be set when publish is true")


async def _published(params: ApiParams, services: MachineServices, record: MachineRecord) -> ApiParams:
    if not params.get("publish"):
        return {}
    version = await catalog.publish(services, record, params.get("versionDescription", ""))
    return {"stateMachineVersionArn": f"{record.arn}:{version.number}"}
