"""Amazon EMR: `elasticmapreduce:...`, which has its own small parameters instead of EMR's.

One step, one cluster id, fleets and groups by name; the API takes lists and ids.
"""

from __future__ import annotations

from typing import Any, Final

from engine.asl.model import Resource
from services.integrations.aws import Aws
from services.integrations.failures import OptimisedNames
from services.integrations.interface import Call
from services.integrations.optimised import Action, Job, Json, Service, by_status
from services.integrations.shapes import MISSING, NOT_SUPPORTED, OPTIMISED, ParameterProblems, to_json

# Source: the guide; a cluster is looked at every 60 s for ten minutes, then every 300 s.
_POLL_SECONDS: Final = (60.0, 300.0)
_ENDED_BADLY: Final = frozenset({"TERMINATED", "TERMINATED_WITH_ERRORS"})


def _cluster_request(parameters: Json, resource: Resource) -> Json:
    if "Steps" in parameters:
        raise ParameterProblems([NOT_SUPPORTED.format("Steps")])
    instances = parameters.get("Instances")
    if not isinstance(instances, dict) or instances.get("KeepJobFlowAliveWhenNoSteps") not in (True, "true"):
        raise ParameterProblems(["The value of the field 'KeepJobFlowAliveWhenNoSteps' must be true"])
    return parameters


def _cluster_answer(result: Json, parameters: Json) -> Json:
    shown = {"ClusterId": result.get("JobFlowId")}
    return {"ClusterArn": result["ClusterArn"], **shown} if "ClusterArn" in result else shown


def _cluster_job(succeeded: frozenset[str], failed: frozenset[str]) -> Job:
    return Job(
        reference=lambda result, parameters: {"ClusterId": result.get("ClusterId") or parameters.get("ClusterId")},
        describe="DescribeCluster",
        judge=by_status(
            lambda described: described.get("Cluster", {}),
            "Status.State",
            succeeded,
            failed,
            lambda described, found: {"Cluster": found, "ClusterId": found.get("Id")},
        ),
        poll_seconds=_POLL_SECONDS,
    )


def _step_request(parameters: Json) -> Json:
    request: Json = {"JobFlowId": parameters.get("ClusterId"), "Steps": [parameters.get("Step")]}
    if "ExecutionRoleArn" in parameters:
        request["ExecutionRoleArn"] = parameters["ExecutionRoleArn"]
    return request


def _step_answer(result: Json, parameters: Json) -> Json:
    return {"StepId": (result.get("StepIds") or [None])[0]}


def _step_reference(result: Json, parameters: Json) -> Json:
    return {"ClusterId": parameters["ClusterId"], "StepId": result["StepId"]}


def _step_ids(reference: Json) -> Json:
    return {"ClusterId": reference["ClusterId"], "StepIds": [reference["StepId"]]}


def _cancel_answer(result: Json, parameters: Json) -> Json:
    return {"CancelStepsInfo": (result.get("CancelStepsInfoList") or [{}])[0]}


async def _fleet_id(aws: Aws, call: Call, parameters: Json) -> Json:
    """ModifyInstanceFleet wants an id: look the name up."""
    fleet = await _named(aws, call, parameters, "ListInstanceFleets", "InstanceFleets", "InstanceFleetName")
    return {
        "ClusterId": parameters["ClusterId"],
        "InstanceFleet": {**_inner(parameters, "InstanceFleet"), "InstanceFleetId": fleet["Id"]},
    }


async def _group_id(aws: Aws, call: Call, parameters: Json) -> Json:
    """ModifyInstanceGroups wants ids: look the name up."""
    group = await _named(aws, call, parameters, "ListInstanceGroups", "InstanceGroups", "InstanceGroupName")
    return {
        "ClusterId": parameters["ClusterId"],
        "InstanceGroups": [{**_inner(parameters, "InstanceGroup"), "InstanceGroupId": group["Id"]}],
    }


async def _named(aws: Aws, call: Call, parameters: Json, operation: str, members: str, field: str) -> Json:
    absent = [name for name in ("ClusterId", field) if name not in parameters]
    if absent:
        raise ParameterProblems([MISSING.format(name) for name in absent])
    answer = await aws.request(call, "emr", operation, {"ClusterId": parameters["ClusterId"]})
    listed: Json = to_json(answer.parsed, answer.operation.output_shape, OPTIMISED)
    for found in listed.get(members, []):
        if found.get("Name") == parameters[field]:
            return dict(found)
    raise ParameterProblems([f"The cluster has no member of {members} with the name '{parameters[field]}'"])


def _inner(parameters: Json, field: str) -> Json:
    value: Any = parameters.get(field)
    return value if isinstance(value, dict) else {}


SERVICE: Final = Service(
    name="elasticmapreduce",
    botocore="emr",
    names=OptimisedNames("EMR", "AmazonElasticMapReduce", "AmazonElasticMapReduceException"),
    actions={
        "createCluster": Action(
            operation="RunJobFlow",
            complete=_cluster_request,
            finish=_cluster_answer,
            job=_cluster_job(frozenset({"WAITING"}), _ENDED_BADLY),
        ),
        "addStep": Action(
            operation="AddJobFlowSteps",
            required=("ClusterId", "Step"),
            own_members=True,
            given=("JobFlowId", "Steps"),
            prepare=_step_request,
            finish=_step_answer,
            job=Job(
                reference=_step_reference,
                describe="DescribeStep",
                judge=by_status(
                    lambda described: described.get("Step", {}),
                    "Status.State",
                    frozenset({"COMPLETED"}),
                    frozenset({"FAILED", "CANCELLED", "INTERRUPTED"}),
                    lambda described, found: {"Step": found},
                ),
                cancel=("CancelSteps", _step_ids),
                poll_seconds=_POLL_SECONDS,
            ),
        ),
        "cancelStep": Action(
            operation="CancelSteps",
            required=("ClusterId", "StepId"),
            own_members=True,
            given=("StepIds",),
            prepare=_step_ids,
            finish=_cancel_answer,
        ),
        "terminateCluster": Action(
            operation="TerminateJobFlows",
            required=("ClusterId",),
            own_members=True,
            given=("JobFlowIds",),
            prepare=lambda parameters: {"JobFlowIds": [parameters["ClusterId"]]},
            job=_cluster_job(_ENDED_BADLY, frozenset()),
        ),
        "setClusterTerminationProtection": Action(
            operation="SetTerminationProtection",
            required=("ClusterId", "TerminationProtected"),
            own_members=True,
            given=("JobFlowIds",),
            prepare=lambda parameters: {
                "JobFlowIds": [parameters["ClusterId"]],
                "TerminationProtected": parameters["TerminationProtected"],
            },
        ),
        "modifyInstanceFleetByName": Action(
            operation="ModifyInstanceFleet",
            required=("ClusterId", "InstanceFleetName", "InstanceFleet"),
            own_members=True,
            before=_fleet_id,
        ),
        "modifyInstanceGroupByName": Action(
            operation="ModifyInstanceGroups",
            required=("ClusterId", "InstanceGroupName", "InstanceGroup"),
            own_members=True,
            given=("InstanceGroups",),
            before=_group_id,
        ),
    },
)
