"""Amazon ECS and Fargate: `ecs:runTask`, with `.sync` and `.waitForTaskToken`.

`.sync` marks the task as started by Step Functions and ends with the bare task, well when every container's exit
code is 0. A task that could not be placed fails `.sync` and `.waitForTaskToken`, but not request response.
"""

from __future__ import annotations

from typing import Final

from engine.asl.model import Resource
from engine.payload import encode_json
from services.integrations.failures import OptimisedNames
from services.integrations.interface import Call, Failed
from services.integrations.optimised import Action, Job, Json, Progress, Service


def _started_by(parameters: Json, resource: Resource) -> Json:
    return {**parameters, "StartedBy": "AWS Step Functions"} if resource.pattern == "sync" else parameters


def _not_placed(result: Json, call: Call) -> Failed | None:
    if call.resource.pattern == "request_response" or (result.get("Tasks") and not result.get("Failures")):
        return None
    return Failed("AmazonECS.Unknown", encode_json({"Failures": result.get("Failures", [])}).decode("utf-8"))


def _reference(result: Json, parameters: Json) -> Json:
    task = result["Tasks"][0]
    return {"Cluster": task.get("ClusterArn") or parameters.get("Cluster"), "Task": task["TaskArn"]}


def _look(reference: Json) -> Json:
    return {"Cluster": reference["Cluster"], "Tasks": [reference["Task"]]}


def _judge(described: Json, reference: Json) -> Progress:
    tasks = described.get("Tasks") or []
    if not tasks:
        return "failed", {"Failures": described.get("Failures", []), "TaskArn": reference["Task"]}
    task = tasks[0]
    if task.get("LastStatus") != "STOPPED":
        return "running", None
    codes = [container.get("ExitCode") for container in task.get("Containers", [])]
    well = task.get("StopCode") != "TaskFailedToStart" and all(code == 0 for code in codes)
    return ("succeeded" if well else "failed"), task


SERVICE: Final = Service(
    name="ecs",
    botocore="ecs",
    names=OptimisedNames("ECS", "AmazonECS", "AmazonECSException"),
    actions={
        "runTask": Action(
            operation="RunTask",
            token=True,
            complete=_started_by,
            sync_only_own=("Count", "StartedBy"),
            check=_not_placed,
            job=Job(
                reference=_reference,
                describe="DescribeTasks",
                look=_look,
                judge=_judge,
                cancel=("StopTask", lambda reference: {**reference, "Reason": "Stopped by AWS Step Functions"}),
            ),
        )
    },
)
