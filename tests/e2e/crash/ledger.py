"""The judge of every crash test: the ledger of what really ran against the histories of what is said to have run."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from services.cli.client import Client

Attempt = tuple[str, str, int]
"""Execution name, state name, retries before."""

STATES = ("First", "Second", "Third")


def definition() -> str:
    """Three tasks with a nap in between; an attempt that was lost is tried again."""
    states: dict[str, Any] = {"Nap": {"Type": "Wait", "Seconds": 1, "Next": "Third"}}
    for name, way in zip(STATES, ({"Next": "Second"}, {"Next": "Nap"}, {"End": True}), strict=True):
        states[name] = {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {
                "FunctionName": "work",
                "Payload": {
                    "execution.$": "$$.Execution.Name",
                    "state": name,
                    "attempt.$": "$$.State.RetryCount",
                },
            },
            "Retry": [{"ErrorEquals": ["Lambda.SdkClientException"], "IntervalSeconds": 1, "MaxAttempts": 5}],
            "ResultPath": None,
            **way,
        }
    return json.dumps({"StartAt": "First", "States": states})


def judge(client: Client, machine: str, names: set[str], ledger: Path) -> dict[str, int]:
    """Assert what must hold; returns counts for the curious."""
    ran = Counter(_lines(ledger))
    assert max(ran.values()) == 1, [attempt for attempt, count in ran.items() if count > 1]
    listed = list(client.pages("ListExecutions", "executions", stateMachineArn=machine, maxResults=1000))
    assert {it["name"] for it in listed} == names
    assert {it["status"] for it in listed} == {"SUCCEEDED"}
    started = lost = 0
    for execution in listed:
        history = list(
            client.pages("GetExecutionHistory", "events", executionArn=execution["executionArn"], maxResults=1000)
        )
        assert [event["id"] for event in history] == list(range(1, len(history) + 1))
        begun, succeeded = _attempts(execution["name"], history)
        mine = {attempt for attempt in ran if attempt[0] == execution["name"]}
        assert mine <= begun, "ran without a start record"
        assert succeeded <= mine, "succeeded without having run"
        assert {state for _, state, _ in succeeded} == set(STATES)
        started += len(begun)
        lost += len(begun) - len(succeeded)
    return {"executions": len(listed), "ran": len(ran), "started": started, "lost": lost}


def _lines(ledger: Path) -> list[Attempt]:
    return [tuple(json.loads(line)) for line in ledger.read_text().splitlines()]


def _attempts(name: str, history: list[dict[str, Any]]) -> tuple[set[Attempt], set[Attempt]]:
    """Attempts with a start record, and those that succeeded."""
    begun: set[Attempt] = set()
    succeeded: set[Attempt] = set()
    open_attempt: dict[int, Attempt] = {}
    for event in history:
        match event["type"]:
            case "TaskScheduled":
                payload = json.loads(event["taskScheduledEventDetails"]["parameters"])["Payload"]
                attempt = (name, payload["state"], payload["attempt"])
            case "TaskStarted" | "TaskSucceeded":
                attempt = open_attempt[event["previousEventId"]]
                (begun if event["type"] == "TaskStarted" else succeeded).add(attempt)
            case _:
                continue
        open_attempt[event["id"]] = attempt
    return begun, succeeded
