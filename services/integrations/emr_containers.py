"""Amazon EMR on EKS: virtual clusters and job runs."""

from __future__ import annotations

from typing import Final

from services.integrations.failures import OptimisedNames
from services.integrations.optimised import Action, Job, Service, by_status

_RUN: Final = Job(
    reference=lambda result, parameters: {"Id": result["Id"], "VirtualClusterId": parameters["VirtualClusterId"]},
    describe="DescribeJobRun",
    judge=by_status(
        lambda described: described.get("JobRun", {}),
        "State",
        frozenset({"COMPLETED"}),
        frozenset({"FAILED", "CANCELLED"}),
    ),
    cancel=("CancelJobRun", dict),
)
_DELETED: Final = Job(
    reference=lambda result, parameters: {"Id": parameters["Id"]},
    describe="DescribeVirtualCluster",
    judge=by_status(
        lambda described: described.get("VirtualCluster", {}),
        "State",
        frozenset({"TERMINATED"}),
        frozenset({"ARRESTED"}),
    ),
)

SERVICE: Final = Service(
    name="emr-containers",
    botocore="emr-containers",
    names=OptimisedNames("EMRContainers", "AmazonEMRContainers", "AmazonEMRContainersException"),
    actions={
        "createVirtualCluster": Action(operation="CreateVirtualCluster"),
        "deleteVirtualCluster": Action(operation="DeleteVirtualCluster", job=_DELETED),
        "startJobRun": Action(operation="StartJobRun", job=_RUN),
    },
)
