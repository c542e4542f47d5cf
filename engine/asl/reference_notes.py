"""What the reference page says beside the table of fields: functions, the context object, error names, our warnings."""

from __future__ import annotations

from typing import Final

INTRINSICS: Final[dict[str, str]] = {
    "States.Format(template, value...)": "puts values into the `{}` of a template",
    "States.StringToJson(text)": "the value of a JSON text",
    "States.JsonToString(value)": "the JSON text of a value",
    "States.Array(value...)": "an array of the values",
    "States.ArrayPartition(array, size)": "arrays of at most `size` elements",
    "States.ArrayContains(array, value)": "whether the value is in it",
    "States.ArrayRange(first, last, step)": "numbers from first to last, at most 1,000",
    "States.ArrayGetItem(array, index)": "the element at an index, from 0",
    "States.ArrayLength(array)": "how many elements it has",
    "States.ArrayUnique(array)": "without duplicates",
    "States.Base64Encode(text)": "at most 10,000 characters",
    "States.Base64Decode(text)": "at most 10,000 characters",
    "States.Hash(value, algorithm)": "MD5, SHA-1, SHA-256, SHA-384 or SHA-512, in hexadecimal",
    "States.JsonMerge(first, second, false)": "the members of both objects; the second wins",
    "States.MathRandom(start, end, seed)": "a whole number from start up to, not including, end; the seed is optional",
    "States.MathAdd(first, second)": "the sum of two whole numbers",
    "States.StringSplit(text, delimiters)": "the pieces between the delimiters, each of which is one character",
    "States.UUID()": "a random UUID",
}
"""The intrinsic functions of JSONPath, with what they give."""

JSONATA_FUNCTIONS: Final[dict[str, str]] = {
    "$partition(array, size)": "arrays of at most `size` elements",
    "$range(first, last, step)": "numbers from first to last",
    "$hash(value, algorithm)": "MD5, SHA-1, SHA-256, SHA-384 or SHA-512, in hexadecimal",
    "$random(seed)": "a number from 0 up to 1; the seed is optional",
    "$uuid()": "a random UUID",
    "$parse(text)": "the value of a JSON text",
}
"""What the service adds to JSONata; `$eval` is missing."""

CONTEXT: Final[dict[str, str]] = {
    "Execution.Id, .Name, .RoleArn, .StartTime, .Input": "of the execution",
    "Execution.RedriveCount, .RedriveTime": "how often it was redriven, and when last",
    "StateMachine.Id, .Name": "of the state machine",
    "State.Name, .EnteredTime": "of the state",
    "State.RetryCount": "retries so far, in states that may retry",
    "Task.Token": "for SendTaskSuccess and SendTaskFailure, in `.waitForTaskToken` and `.sync` tasks",
    "Map.Item.Index, .Value": "of the item, in ItemSelector and inside the Map",
    "Map.Item.Key, .Source": "of the item of a distributed Map: its key in an object, where it was read",
}
"""Members of the context object."""

ERRORS: Final[dict[str, str]] = {
    "States.ALL": "stands for every error that can be caught; alone and last",
    "States.TaskFailed": "stands for every error but States.Timeout",
    "States.Timeout": "a task, a heartbeat or the execution took too long",
    "States.HeartbeatTimeout": "stands for a missed heartbeat",
    "States.Runtime": "a path leads nowhere, a value has the wrong type; it is never caught",
    "States.QueryEvaluationError": "a JSONata expression failed",
    "States.DataLimitExceeded": "a payload is larger than 262,144 bytes",
    "States.Permissions": "the role may not do that",
    "States.ReferencePathConflict": "ResultPath cannot be applied to the input",
    "States.ItemReaderFailed": "the items of a distributed Map cannot be read",
    "States.ResultWriterFailed": "the results of a distributed Map cannot be written",
    "States.ExceedToleratedFailureThreshold": "more items of a distributed Map failed than it tolerates",
    "States.Http.StatusCode.404": "an HTTP task was answered with that status",
    "States.Http.Socket": "an HTTP task got no answer",
}
"""Error names that a Retry or Catch may name."""

WARNINGS: Final[dict[str, str]] = {
    "STEPWELL_NO_TIMEOUT": "A function, an activity, a callback or a job decides how long the task takes, and "
    "neither the task nor the machine has TimeoutSeconds.",
    "STEPWELL_USELESS_HEARTBEAT": "HeartbeatSeconds is not smaller than TimeoutSeconds.",
    "STEPWELL_UNHANDLED_ERRORS": "A task has no Retry and no Catch, nor has a Map or Parallel around it.",
    "STEPWELL_SHADOWED_RETRY": "Earlier retriers match every error of this one.",
    "STEPWELL_SHADOWED_CATCH": "Earlier catchers match every error of this one.",
    "STEPWELL_UNCATCHABLE_ERROR": "States.Runtime can be neither retried nor caught.",
    "STEPWELL_IMPOSSIBLE_PATH": "No state on any way here has produced what the path names.",
    "STEPWELL_WRITTEN_TWICE": "An object has two members of one name, and the first one is lost.",
}
"""Our own warnings by code; a definition with warnings is valid."""
