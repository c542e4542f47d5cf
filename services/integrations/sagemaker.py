"""Amazon SageMaker: models, endpoints and jobs; the jobs have `.sync`, which ends with the bare description."""

from __future__ import annotations

from typing import Final

from services.integrations.failures import OptimisedNames
from services.integrations.optimised import Action, Job, Service, by_status


def _job(kind: str) -> Action:
    """`Create<kind>`, with the names that all kinds of jobs share."""
    name = f"{kind}Name"
    return Action(
        operation=f"Create{kind}",
        job=Job(
            reference=lambda result, parameters: {name: parameters[name]},
            describe=f"Describe{kind}",
            judge=by_status(
                lambda described: described,
                f"{kind}Status",
                frozenset({"Completed"}),
                frozenset({"Failed", "Stopped"}),
            ),
            cancel=(f"Stop{kind}", dict),
        ),
    )


SERVICE: Final = Service(
    name="sagemaker",
    botocore="sagemaker",
    names=OptimisedNames("SageMaker", "AmazonSageMaker", "AmazonSageMakerException"),
    actions={
        "createEndpoint": Action(operation="CreateEndpoint"),
        "createEndpointConfig": Action(operation="CreateEndpointConfig"),
        "createModel": Action(operation="CreateModel"),
        "updateEndpoint": Action(operation="UpdateEndpoint"),
        "createHyperParameterTuningJob": _job("HyperParameterTuningJob"),
        "createLabelingJob": _job("LabelingJob"),
        "createProcessingJob": _job("ProcessingJob"),
        "createTrainingJob": _job("TrainingJob"),
        "createTransformJob": _job("TransformJob"),
    },
)
