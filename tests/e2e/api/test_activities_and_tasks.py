"""Activities, task tokens and tags through boto3."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.api.conftest import PASS, Server, ended
from tests.e2e.api.refusal import refused


@pytest.fixture
def activity(sfn: Any) -> str:
    return str(sfn.create_activity(name="work")["activityArn"])


@pytest.fixture
def working(machine: Callable[..., str], activity: str) -> str:
    """A state machine with one activity task."""
    task = {"Type": "Task", "Resource": activity, "End": True}
    return machine(json.dumps({"StartAt": "Work", "States": {"Work": task}}))


def test_an_activity_is_created_once_described_listed_and_deleted(sfn: Any, activity: str) -> None:
    first = sfn.describe_activity(activityArn=activity)
    assert (first["name"], first["encryptionConfiguration"]) == ("work", {"type": "AWS_OWNED_KEY"})
    again = sfn.create_activity(name="work", tags=[{"key": "k", "value": "v"}])
    assert again["creationDate"] == first["creationDate"]
    assert [item["activityArn"] for item in sfn.list_activities()["activities"]] == [activity]
    sfn.delete_activity(activityArn=activity)
    missing = ("ActivityDoesNotExist", f"Activity Does Not Exist: '{activity}'")
    assert refused(sfn.describe_activity, activityArn=activity) == missing
    assert refused(sfn.get_activity_task, activityArn=activity) == missing


def test_a_task_goes_to_one_worker_and_its_answer_into_the_execution(sfn: Any, activity: str, working: str) -> None:
    execution = sfn.start_execution(stateMachineArn=working, input='{"x":1}')["executionArn"]
    task = sfn.get_activity_task(activityArn=activity, workerName="me")
    assert task["input"] == '{"x":1}'
    assert 1 <= len(task["taskToken"]) <= 2048
    sfn.send_task_heartbeat(taskToken=task["taskToken"])
    assert refused(sfn.send_task_success, taskToken=task["taskToken"], output="no json") == (
        "InvalidOutput",
        "Invalid output: 'Output is not valid JSON.'",
    )
    sfn.send_task_success(taskToken=task["taskToken"], output='{"y": 2}')
    described = ended(sfn, execution)
    assert (described["status"], json.loads(described["output"])) == ("SUCCEEDED", {"y": 2})
    types = [event["type"] for event in sfn.get_execution_history(executionArn=execution)["events"]]
    assert types[2:5] == ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded"]
    for call, more in (
        (sfn.send_task_success, {"output": "{}"}),
        (sfn.send_task_failure, {}),
        (sfn.send_task_heartbeat, {}),
    ):
        assert refused(call, taskToken=task["taskToken"], **more)[0] == "TaskTimedOut"
    assert refused(sfn.send_task_success, taskToken=task["taskToken"], output="no json")[0] == "InvalidOutput"


def test_a_failure_without_error_and_cause_has_neither(sfn: Any, activity: str, working: str) -> None:
    execution = sfn.start_execution(stateMachineArn=working)["executionArn"]
    sfn.send_task_failure(taskToken=sfn.get_activity_task(activityArn=activity)["taskToken"])
    described = ended(sfn, execution)
    assert described["status"] == "FAILED"
    assert "error" not in described
    assert "cause" not in described


def test_a_waiting_worker_gets_the_task_that_comes_later(server: Server, sfn: Any, activity: str, working: str) -> None:
    worker = server.client(key=activity.split(":")[4])
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(worker.get_activity_task, activityArn=activity)
        threading.Event().wait(0.2)
        sfn.start_execution(stateMachineArn=working)
        assert waiting.result(timeout=10)["input"] == "{}"


def test_every_task_goes_to_exactly_one_of_many_workers(server: Server, sfn: Any, activity: str, working: str) -> None:
    workers = [server.client(key=activity.split(":")[4]) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(worker.get_activity_task, activityArn=activity) for worker in workers]
        for number in range(5):
            sfn.start_execution(stateMachineArn=working, input=str(number))
        tasks = [call.result(timeout=20) for call in waiting]
    assert sorted(task["input"] for task in tasks if "input" in task) == ["0", "1", "2", "3", "4"]
    assert len({task["taskToken"] for task in tasks if "taskToken" in task}) == 5


def test_an_empty_poll_answers_nothing(sfn: Any, activity: str) -> None:
    answer = sfn.get_activity_task(activityArn=activity)
    assert set(answer) == {"ResponseMetadata"}


@pytest.mark.parametrize("token", ["x", "AAAA", "é" * 10, "A" * 2048, "AQ=="])
def test_a_token_that_is_not_ours_is_invalid_whatever_the_output(sfn: Any, token: str) -> None:
    wanted = ("InvalidToken", "Invalid Token: 'Invalid token'")
    assert refused(sfn.send_task_success, taskToken=token, output="no json") == wanted
    assert refused(sfn.send_task_heartbeat, taskToken=token) == wanted


def test_a_token_of_another_region_is_invalid(server: Server, sfn: Any, activity: str, working: str) -> None:
    sfn.start_execution(stateMachineArn=working)
    token = sfn.get_activity_task(activityArn=activity)["taskToken"]
    elsewhere = server.client(region="eu-west-1")
    assert refused(elsewhere.send_task_heartbeat, taskToken=token)[0] == "InvalidToken"
    sfn.send_task_success(taskToken=token, output="{}")


def test_tags_of_machines_and_activities(sfn: Any, machine: Callable[..., str], activity: str) -> None:
    for arn in (machine(PASS, tags=[{"key": "first", "value": "1"}]), activity):
        sfn.tag_resource(resourceArn=arn, tags=[{"key": "b", "value": "2"}, {"key": "a", "value": ""}])
        sfn.tag_resource(resourceArn=arn, tags=[])
        sfn.untag_resource(resourceArn=arn, tagKeys=["first", "unknown"])
        assert sfn.list_tags_for_resource(resourceArn=arn)["tags"] == [
            {"key": "a", "value": ""},
            {"key": "b", "value": "2"},
        ]


def test_fifty_tags_are_enough(sfn: Any, activity: str) -> None:
    sfn.tag_resource(resourceArn=activity, tags=[{"key": str(n), "value": ""} for n in range(50)])
    assert refused(sfn.tag_resource, resourceArn=activity, tags=[{"key": "more", "value": ""}])[0] == "TooManyTags"
    sfn.tag_resource(resourceArn=activity, tags=[{"key": "49", "value": "changed"}])


def test_only_machines_and_activities_have_tags(sfn: Any, machine: Callable[..., str]) -> None:
    version = machine(PASS, publish=True) + ":1"
    wanted = ("ResourceNotFound", f"Resource not found: '{version}'")
    assert refused(sfn.tag_resource, resourceArn=version, tags=[{"key": "k", "value": "v"}]) == wanted
    assert refused(sfn.list_tags_for_resource, resourceArn=version) == wanted


def test_a_definition_is_validated_without_being_created(sfn: Any) -> None:
    good = sfn.validate_state_machine_definition(definition=PASS)
    assert (good["result"], good["diagnostics"], good["truncated"]) == ("OK", [], False)
    bad = sfn.validate_state_machine_definition(definition='{"States": {"A": {"Type": "Pass", "End": true}}}')
    assert bad["result"] == "FAIL"
    assert bad["diagnostics"][0]["message"] == "These fields are required: [StartAt]"


def test_what_this_process_does_not_serve_says_so(sfn: Any, machine: Callable[..., str]) -> None:
    express = machine(PASS, type="EXPRESS")
    assert refused(sfn.start_sync_execution, stateMachineArn=express)[0] == "UnsupportedOperationException"
    assert refused(sfn.list_executions, stateMachineArn=express) == (
        "StateMachineTypeNotSupported",
        "This operation is not supported by this type of state machine",
    )
    assert refused(sfn.start_sync_execution, stateMachineArn=machine(PASS)) == (
        "StateMachineTypeNotSupported",
        "This operation is not supported by this type of state machine",
    )
