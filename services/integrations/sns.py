"""Amazon SNS: `sns:publish`, with `.waitForTaskToken`. A Message that is no text is sent as its JSON."""

from __future__ import annotations

from typing import Final

from services.integrations.failures import OptimisedNames
from services.integrations.optimised import Action, Service

SERVICE: Final = Service(
    name="sns",
    botocore="sns",
    names=OptimisedNames("SNS", "AmazonSNS", "AmazonSNSException"),
    actions={"publish": Action(operation="Publish", token=True, as_json=("Message",))},
)
