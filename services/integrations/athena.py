"""Amazon Athena: queries, `athena:startQueryExecution` with `.sync`, which ends with `{"QueryExecution": {...}}`."""

from __future__ import annotations

from typing import Final

from services.integrations.failures import OptimisedNames
from services.integrations.optimised import Action, Job, Service, by_status

SERVICE: Final = Service(
    name="athena",
    botocore="athena",
    names=OptimisedNames("Athena", "AmazonAthena", "AmazonAthenaException"),
    actions={
        "startQueryExecution": Action(
            operation="StartQueryExecution",
            job=Job(
                reference=lambda result, parameters: {"QueryExecutionId": result["QueryExecutionId"]},
                describe="GetQueryExecution",
                judge=by_status(
                    lambda described: described,
                    "QueryExecution.Status.State",
                    frozenset({"SUCCEEDED"}),
                    frozenset({"FAILED", "CANCELLED"}),
                ),
                cancel=("StopQueryExecution", dict),
            ),
        ),
        "stopQueryExecution": Action(operation="StopQueryExecution"),
        "getQueryExecution": Action(operation="GetQueryExecution"),
        "getQueryResults": Action(operation="GetQueryResults"),
    },
)
