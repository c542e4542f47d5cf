"""AWS Glue: `glue:startJobRun`, with `.sync`, which ends with the bare job run."""

from __future__ import annotations

from typing import Final

from services.integrations.failures import OptimisedNames
from services.integrations.optimised import Action, Job, Json, Service, by_status

_FAILED: Final = frozenset({"FAILED", "TIMEOUT", "STOPPED", "ERROR", "EXPIRED"})


def _with_job_name(result: Json, parameters: Json) -> Json:
    """The answer names the job as the request did."""
    return {"JobName": parameters.get("JobName"), **result}


SERVICE: Final = Service(
    name="glue",
    botocore="glue",
    names=OptimisedNames("Glue", "AWSGlue", "AWSGlueException"),
    actions={
        "startJobRun": Action(
            operation="StartJobRun",
            finish=_with_job_name,
            job=Job(
                reference=lambda result, parameters: {"JobName": result["JobName"], "RunId": result["JobRunId"]},
                describe="GetJobRun",
                judge=by_status(
                    lambda described: described.get("JobRun", {}), "JobRunState", frozenset({"SUCCEEDED"}), _FAILED
                ),
                cancel=(
                    "BatchStopJobRun",
                    lambda reference: {"JobName": reference["JobName"], "JobRunIds": [reference["RunId"]]},
                ),
            ),
        )
    },
)
