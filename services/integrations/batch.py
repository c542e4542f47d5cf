"""AWS Batch: `batch:submitJob`, with `.sync`, which ends with the bare job detail."""

from __future__ import annotations

from typing import Any, Final

from engine.asl.model import Resource
from services.integrations.failures import OptimisedNames
from services.integrations.optimised import Action, Job, Json, Service, by_status

_MANAGED: Final = {"Name": "MANAGED_BY_AWS", "Value": "STARTED_BY_STEP_FUNCTIONS"}


def _managed(parameters: Json, resource: Resource) -> Json:
    """`.sync` adds an environment variable to the container."""
    if resource.pattern != "sync":
        return parameters
    overrides = parameters.get("ContainerOverrides") or {}
    if not isinstance(overrides, dict) or not isinstance(overrides.get("Environment", []), list):
        return parameters
    environment = overrides.get("Environment", [])
    if _MANAGED in environment:
        return parameters
    environment = [*environment, _MANAGED]
    return {**parameters, "ContainerOverrides": {**overrides, "Environment": environment}}


def _job(described: Json) -> Any:
    jobs = described.get("Jobs") or [{}]
    return jobs[0]


SERVICE: Final = Service(
    name="batch",
    botocore="batch",
    names=OptimisedNames("Batch", "AWSBatch", "AWSBatchException"),
    actions={
        "submitJob": Action(
            operation="SubmitJob",
            complete=_managed,
            job=Job(
                reference=lambda result, parameters: {"JobId": result["JobId"]},
                describe="DescribeJobs",
                look=lambda reference: {"Jobs": [reference["JobId"]]},
                judge=by_status(_job, "Status", frozenset({"SUCCEEDED"}), frozenset({"FAILED"})),
                cancel=("TerminateJob", lambda reference: {**reference, "Reason": "Stopped by AWS Step Functions"}),
            ),
        )
    },
)
