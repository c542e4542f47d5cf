"""Amazon EKS: clusters, node groups and Fargate profiles (`.sync`), Kubernetes calls (`call`) and jobs (`runJob`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from services.integrations.aws import Aws
from services.integrations.failures import OptimisedNames
from services.integrations.interface import Call, Failed, Outcome, Pending, Succeeded
from services.integrations.kubernetes import Kubernetes
from services.integrations.optimised import Action, Job, Json, OptimisedHandler, Service, by_status
from services.runtime.clock import Clock

_NO_LONGER: Final = frozenset({"ResourceNotFoundException", "NotFoundException"})
_FAILED: Final = frozenset({"FAILED", "CREATE_FAILED", "DELETE_FAILED"})


def _names(thing: str) -> Callable[[Json, Json], Json]:
    """What identifies a cluster, a node group or a profile, taken from the parameters."""
    member = {"Cluster": "Name", "Nodegroup": "NodegroupName", "FargateProfile": "FargateProfileName"}[thing]

    def reference(result: Json, parameters: Json) -> Json:
        if thing == "Cluster":
            return {"Name": parameters["Name"]}
        return {"ClusterName": parameters["ClusterName"], member: parameters[member]}

    return reference


def _show(thing: str) -> Callable[[Json, Any], Any]:
    return lambda described, found: {thing: found}


def _created(thing: str) -> Action:
    return Action(operation=f"Create{thing}", job=_job(thing, frozenset({"ACTIVE"}), frozenset()))


def _deleted(thing: str) -> Action:
    return Action(operation=f"Delete{thing}", job=_job(thing, frozenset(), _NO_LONGER))


def _job(thing: str, succeeded: frozenset[str], gone: frozenset[str]) -> Job:
    return Job(
        reference=_names(thing),
        describe=f"Describe{thing}",
        judge=by_status(lambda described: described.get(thing, {}), "Status", succeeded, _FAILED, _show(thing)),
        gone=gone,
    )


SERVICE: Final = Service(
    name="eks",
    botocore="eks",
    names=OptimisedNames("EKS", "AmazonEKS", "AmazonEKSException"),
    actions={
        "createCluster": _created("Cluster"),
        "deleteCluster": _deleted("Cluster"),
        "createNodegroup": _created("Nodegroup"),
        "deleteNodegroup": _deleted("Nodegroup"),
        "createFargateProfile": _created("FargateProfile"),
        "deleteFargateProfile": _deleted("FargateProfile"),
    },
)


class Eks:
    """The service's own API by the table, its clusters' API by `Kubernetes`."""

    def __init__(self, aws: Aws, clock: Clock, kubernetes: Kubernetes) -> None:
        """Join both."""
        self._table = OptimisedHandler(aws, SERVICE, clock)
        self._kubernetes = kubernetes

    async def call(self, call: Call) -> Outcome:
        """Run the attempt."""
        return await self._of(call).call(call)

    async def poll(self, call: Call, job: Mapping[str, Any]) -> Succeeded | Failed | Pending:
        """Look at a job."""
        return await self._of(call).poll(call, job)

    async def cancel(self, call: Call, job: Mapping[str, Any]) -> None:
        """Stop a job; clusters stay, as in AWS."""
        await self._of(call).cancel(call, job)

    def _of(self, call: Call) -> OptimisedHandler | Kubernetes:
        return self._kubernetes if call.resource.api_action in ("call", "runJob") else self._table
