"""AWS Elemental MediaConvert: `mediaconvert:createJob`, with `.sync`, which ends with `{"Job": {...}}`."""

from __future__ import annotations

from typing import Final

from services.integrations.failures import OptimisedNames
from services.integrations.optimised import Action, Job, Service, by_status

SERVICE: Final = Service(
    name="mediaconvert",
    botocore="mediaconvert",
    names=OptimisedNames("MediaConvert", "AWSMediaConvert", "AWSMediaConvertException"),
    actions={
        "createJob": Action(
            operation="CreateJob",
            job=Job(
                reference=lambda result, parameters: {"Id": result["Job"]["Id"]},
                describe="GetJob",
                judge=by_status(
                    lambda described: described,
                    "Job.Status",
                    frozenset({"COMPLETE"}),
                    frozenset({"ERROR", "CANCELED"}),
                ),
                cancel=("CancelJob", dict),
            ),
        )
    },
)
