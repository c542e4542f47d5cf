"""Amazon EMR Serverless: applications and job runs, all with `.sync`."""

from __future__ import annotations

from typing import Final

from services.integrations.failures import OptimisedNames
from services.integrations.optimised import Action, Job, Json, Service, by_status


def _application_job(state: str, failed: frozenset[str] = frozenset()) -> Job:
    return Job(
        reference=lambda result, parameters: {
            "ApplicationId": result.get("ApplicationId") or parameters.get("ApplicationId")
        },
        describe="GetApplication",
        judge=by_status(lambda described: described.get("Application", {}), "State", frozenset({state}), failed),
    )


def _run_reference(result: Json, parameters: Json) -> Json:
    return {"ApplicationId": parameters["ApplicationId"], "JobRunId": result["JobRunId"]}


def _run_job(succeeded: frozenset[str], failed: frozenset[str]) -> Job:
    return Job(
        reference=_run_reference,
        describe="GetJobRun",
        judge=by_status(lambda described: described.get("JobRun", {}), "State", succeeded, failed),
        cancel=("CancelJobRun", dict),
    )


_ENDED: Final = frozenset({"SUCCESS", "FAILED", "CANCELLED"})

SERVICE: Final = Service(
    name="emr-serverless",
    botocore="emr-serverless",
    names=OptimisedNames("EMRServerless", "AWSEMRServerless", "AWSEMRServerlessException"),
    actions={
        "createApplication": Action(
            operation="CreateApplication", job=_application_job("CREATED", frozenset({"TERMINATED"}))
        ),
        "startApplication": Action(
            operation="StartApplication", job=_application_job("STARTED", frozenset({"STOPPED", "TERMINATED"}))
        ),
        "stopApplication": Action(operation="StopApplication", job=_application_job("STOPPED")),
        "deleteApplication": Action(operation="DeleteApplication", job=_application_job("TERMINATED")),
        "startJobRun": Action(
            operation="StartJobRun", job=_run_job(frozenset({"SUCCESS"}), frozenset({"FAILED", "CANCELLED"}))
        ),
        "cancelJobRun": Action(operation="CancelJobRun", job=_run_job(_ENDED, frozenset())),
    },
)
