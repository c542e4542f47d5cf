"""Amazon EventBridge: `events:putEvents`, with `.waitForTaskToken`.

One failed entry fails the task; the cause is the whole answer. The execution and its machine are named in the
Resources of every entry. An entry whose Detail is no JSON object, which EventBridge refuses, is refused here: not every
stand-in looks at it, and the other entries go out as they would from AWS.
"""

from __future__ import annotations

from typing import Any, Final

from engine.payload import JsonError, decode_json, encode_json
from services.integrations.aws import Aws
from services.integrations.failures import KnownFailure, OptimisedNames
from services.integrations.interface import Call, Failed
from services.integrations.optimised import Action, Json, Service

_MALFORMED: Final = {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}


async def _without_malformed(aws: Aws, call: Call, parameters: Json) -> Json:
    """Keep what can be sent; when nothing can, the failure is known without asking."""
    entries = parameters.get("Entries")
    if not isinstance(entries, list):
        return parameters
    sent = [_with_resources(entry, call) for entry in entries if not _malformed(entry)]
    if entries and not sent:
        raise KnownFailure(_failed([_MALFORMED] * len(entries), len(entries)))
    return {**parameters, "Entries": sent}


def _with_resources(entry: Any, call: Call) -> Any:
    if not isinstance(entry, dict) or not isinstance(entry.get("Resources", []), list):
        return entry
    return {**entry, "Resources": [*entry.get("Resources", []), call.execution_arn, call.machine_arn]}


def _malformed(entry: Any) -> bool:
    detail = entry.get("Detail") if isinstance(entry, dict) else None
    if not isinstance(detail, str):
        return False
    try:
        return not isinstance(decode_json(detail), dict)
    except JsonError:
        return True


def _with_malformed(result: Json, parameters: Json) -> Json:
    """Put the entries that were not sent back in their places."""
    answered = iter(result.get("Entries", []))
    written = parameters["Entries"]
    entries = [_MALFORMED if _malformed(entry) else next(answered, {}) for entry in written]
    unsent = sum(1 for entry in written if _malformed(entry))
    return {"Entries": entries, "FailedEntryCount": result.get("FailedEntryCount", 0) + unsent}


def _failed_entry(result: Json, call: Call) -> Failed | None:
    return _failed(result["Entries"], result["FailedEntryCount"]) if result["FailedEntryCount"] else None


def _failed(entries: list[Json], count: int) -> Failed:
    answer = {"Entries": entries, "FailedEntryCount": count}
    return Failed("EventBridge.FailedEntry", encode_json(answer).decode("utf-8"))


SERVICE: Final = Service(
    name="events",
    botocore="events",
    names=OptimisedNames("EventBridge", "AmazonEventBridge", "AmazonEventBridgeException"),
    actions={
        "putEvents": Action(
            operation="PutEvents",
            token=True,
            as_json=("Detail",),
            before=_without_malformed,
            finish=_with_malformed,
            check=_failed_entry,
            metadata=False,
        )
    },
)
