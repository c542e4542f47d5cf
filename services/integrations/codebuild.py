"""AWS CodeBuild: builds and build batches; their starts have `.sync`, which ends with `{"Build": ...}` or its like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from services.integrations.failures import OptimisedNames
from services.integrations.optimised import Action, Job, Json, Service, by_status

_FAILED: Final = frozenset({"FAILED", "FAULT", "TIMED_OUT", "STOPPED"})


def _build_job(thing: str, describe: str, stop: str) -> Job:
    """Builds and batches differ in names alone."""

    def first(described: Json) -> Any:
        return (described.get(f"{thing}s") or described.get(f"{thing}es") or [{}])[0]

    show: Callable[[Json, Any], Any] = lambda described, found: {thing: found}  # noqa: E731
    return Job(
        reference=lambda result, parameters: {"Id": result[thing]["Id"]},
        describe=describe,
        look=lambda reference: {"Ids": [reference["Id"]]},
        judge=by_status(first, f"{thing}Status", frozenset({"SUCCEEDED"}), _FAILED, show),
        cancel=(stop, dict),
    )


SERVICE: Final = Service(
    name="codebuild",
    botocore="codebuild",
    names=OptimisedNames("CodeBuild", "AWSCodeBuild", "AWSCodeBuildException"),
    actions={
        "startBuild": Action(operation="StartBuild", job=_build_job("Build", "BatchGetBuilds", "StopBuild")),
        "startBuildBatch": Action(
            operation="StartBuildBatch", job=_build_job("BuildBatch", "BatchGetBuildBatches", "StopBuildBatch")
        ),
        "stopBuild": Action(operation="StopBuild"),
        "stopBuildBatch": Action(operation="StopBuildBatch"),
        "batchDeleteBuilds": Action(operation="BatchDeleteBuilds"),
        "batchGetReports": Action(operation="BatchGetReports"),
        "retryBuildBatch": Action(operation="RetryBuildBatch"),
        "deleteBuildBatch": Action(operation="DeleteBuildBatch"),
    },
)
