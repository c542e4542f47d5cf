"""Amazon DynamoDB: one item at a time, attribute values typed as on the wire (`{"S": "x"}`)."""

from __future__ import annotations

from typing import Final

from services.integrations.failures import OptimisedNames
from services.integrations.optimised import Action, Service

SERVICE: Final = Service(
    name="dynamodb",
    botocore="dynamodb",
    names=OptimisedNames("DynamoDB", "AmazonDynamoDBv2", "AmazonDynamoDBException"),
    actions={
        "getItem": Action(operation="GetItem"),
        "putItem": Action(operation="PutItem"),
        "updateItem": Action(operation="UpdateItem"),
        "deleteItem": Action(operation="DeleteItem"),
    },
)
