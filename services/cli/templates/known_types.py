"""What the resources of a template are called when nobody deploys them: names, ARNs and URLs as AWS would form them.

A function's ARN, say, only has to name the function: where it runs is the server's affair. What is assumed here is told
to the user, and an entry of the map file wins.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class KnownType:
    """How one type of resource is named.

    Attributes:
        name: the property that gives the name; the logical id is the name without it.
        ref: what Ref answers, with {name}, {region}, {account}.
        attributes: what GetAtt answers.
    """

    name: str
    ref: str
    attributes: dict[str, str] = field(default_factory=dict)


def _named(service: str, kind: str, name: str, **more: str) -> KnownType:
    """Ref is the name, Arn the ARN."""
    return KnownType(name, "{name}", {"Arn": f"arn:aws:{service}:{{region}}:{{account}}:{kind}{{name}}", **more})


_FUNCTION: Final = _named("lambda", "function:", "FunctionName")
_TABLE: Final = _named("dynamodb", "table/", "TableName")

KNOWN_TYPES: Final[dict[str, KnownType]] = {
    "AWS::Lambda::Function": _FUNCTION,
    "AWS::Serverless::Function": _FUNCTION,
    "AWS::DynamoDB::Table": _TABLE,
    "AWS::Serverless::SimpleTable": _TABLE,
    "AWS::SQS::Queue": KnownType(
        "QueueName",
        "https://sqs.{region}.amazonaws.com/{account}/{name}",
        {"Arn": "arn:aws:sqs:{region}:{account}:{name}", "QueueName": "{name}"},
    ),
    "AWS::SNS::Topic": KnownType(
        "TopicName",
        "arn:aws:sns:{region}:{account}:{name}",
        {"TopicArn": "arn:aws:sns:{region}:{account}:{name}", "TopicName": "{name}"},
    ),
    "AWS::S3::Bucket": KnownType("BucketName", "{name}", {"Arn": "arn:aws:s3:::{name}"}),
    "AWS::IAM::Role": KnownType("RoleName", "{name}", {"Arn": "arn:aws:iam::{account}:role/{name}"}),
    "AWS::Logs::LogGroup": _named("logs", "log-group:", "LogGroupName"),
    "AWS::Events::EventBus": _named("events", "event-bus/", "Name", Name="{name}"),
    "AWS::ECS::Cluster": _named("ecs", "cluster/", "ClusterName"),
    "AWS::ECS::TaskDefinition": KnownType("Family", "arn:aws:ecs:{region}:{account}:task-definition/{name}:1"),
    "AWS::Batch::JobQueue": KnownType("JobQueueName", "arn:aws:batch:{region}:{account}:job-queue/{name}"),
    "AWS::Batch::JobDefinition": KnownType(
        "JobDefinitionName", "arn:aws:batch:{region}:{account}:job-definition/{name}:1"
    ),
    "AWS::CodeBuild::Project": _named("codebuild", "project/", "Name"),
    "AWS::Glue::Job": KnownType("Name", "{name}"),
    "AWS::Glue::Crawler": KnownType("Name", "{name}"),
}
KNOWN_TYPES["AWS::Logs::LogGroup"].attributes["Arn"] += ":*"
