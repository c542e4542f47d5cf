"""AWS Glue DataBrew: `databrew:startJobRun`, with `.sync`, which ends with the bare job run."""

from __future__ import annotations

from typing import Final

from services.integrations.failures import OptimisedNames
from services.integrations.optimised import Action, Job, Json, Progress, Service

_FAILED: Final = frozenset({"FAILED", "TIMEOUT", "STOPPED"})


def _judge(described: Json, reference: Json) -> Progress:
    """Find the run among the newest runs of its job, which is the call that the role is granted."""
    for run in described.get("JobRuns", []):
        if run.get("RunId") == reference["RunId"]:
            if run.get("State") == "SUCCEEDED":
                return "succeeded", run
            return ("failed", run) if run.get("State") in _FAILED else ("running", None)
    return "running", None


SERVICE: Final = Service(
    name="databrew",
    botocore="databrew",
    names=OptimisedNames("DataBrew", "AWSGlueDataBrew", "AWSGlueDataBrewException"),
    actions={
        "startJobRun": Action(
            operation="StartJobRun",
            job=Job(
                reference=lambda result, parameters: {"Name": parameters["Name"], "RunId": result["RunId"]},
                describe="ListJobRuns",
                look=lambda reference: {"Name": reference["Name"], "MaxResults": 100},
                judge=_judge,
                cancel=("StopJobRun", dict),
            ),
        )
    },
)
