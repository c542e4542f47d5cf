"""`.sync`: what is submitted, how it is looked at, how it ends and how it is stopped."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.integrations.interface import Failed, Pending, Submitted, Succeeded
from tests.unit.services.integrations.calls import task

ECS_TASK = {
    "taskArn": "arn:task",
    "clusterArn": "arn:cluster",
    "lastStatus": "RUNNING",
    "createdAt": 1713421621.5,
    "containers": [{"name": "c", "containerArn": "arn:c"}],
}


class JsonService:
    """Answers operations of JSON services by name, and notes what they were asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[str, Any]] = []

    def __call__(self, request: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        head, _, body = request.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        operation = next((line.split(".")[-1] for line in lines if line.lower().startswith("x-amz-target")), "")
        operation = operation or lines[0].split(" ")[1]
        self.asked.append((operation, json.loads(body or b"null")))
        answer = self.answers[operation.replace("/", "_").strip("_")]
        status = 400 if "__type" in answer else 200
        return (
            status,
            [("x-amzn-RequestId", "r"), ("Content-Type", "application/x-amz-json-1.1")],
            json.dumps(answer).encode(),
        )


async def started(counting: Any, world: Any, service: JsonService, arn: str, parameters: Any) -> tuple[Any, Any, Any]:
    server = await counting(service)
    integrations = world({"AWS_ENDPOINT_URL": server.url, "AWS_ACCESS_KEY_ID": "test"})
    call = task(arn, parameters)
    return integrations, call, await integrations.call(call)


@pytest.fixture
def ecs() -> JsonService:
    return JsonService(RunTask={"tasks": [ECS_TASK], "failures": []}, DescribeTasks={"tasks": [ECS_TASK]}, StopTask={})


async def test_an_ecs_task_is_submitted_as_started_by_step_functions(
    counting: Any, world: Any, ecs: JsonService
) -> None:
    _, _, submitted = await started(
        counting, world, ecs, "arn:aws:states:::ecs:runTask.sync", {"Cluster": "c", "TaskDefinition": "t"}
    )
    assert isinstance(submitted, Submitted) and submitted.job is not None
    assert ecs.asked[0][1]["startedBy"] == "AWS Step Functions"
    shown = json.loads(submitted.output)
    assert list(shown) == ["Failures", "SdkHttpMetadata", "SdkResponseMetadata", "Tasks"]
    assert shown["Tasks"][0]["CreatedAt"] == 1713421621500
    assert json.loads(json.dumps(submitted.job)) == submitted.job


async def test_a_running_task_is_looked_at_again_and_ends_with_the_bare_task(
    counting: Any, world: Any, ecs: JsonService
) -> None:
    integrations, call, submitted = await started(
        counting, world, ecs, "arn:aws:states:::ecs:runTask.sync", {"TaskDefinition": "t"}
    )
    assert await integrations.poll(call, submitted.job) == Pending(1.0)
    assert ecs.asked[-1] == ("DescribeTasks", {"cluster": "arn:cluster", "tasks": ["arn:task"]})
    stopped = {**ECS_TASK, "lastStatus": "STOPPED", "containers": [{"name": "c", "exitCode": 0}]}
    ecs.answers["DescribeTasks"] = {"tasks": [stopped]}
    ended = await integrations.poll(call, submitted.job)
    assert isinstance(ended, Succeeded)
    assert json.loads(ended.output)["Containers"] == [{"ExitCode": 0, "Name": "c"}]


async def test_an_exit_code_fails_the_task_with_the_task_as_cause(counting: Any, world: Any, ecs: JsonService) -> None:
    integrations, call, submitted = await started(
        counting, world, ecs, "arn:aws:states:::ecs:runTask.sync", {"TaskDefinition": "t"}
    )
    ecs.answers["DescribeTasks"] = {"tasks": [{**ECS_TASK, "lastStatus": "STOPPED", "containers": [{"exitCode": 3}]}]}
    failed = await integrations.poll(call, submitted.job)
    assert isinstance(failed, Failed) and failed.error == "States.TaskFailed"
    assert json.loads(failed.cause)["Containers"] == [{"ExitCode": 3}]


async def test_a_job_is_stopped_where_aws_stops_it(counting: Any, world: Any, ecs: JsonService) -> None:
    integrations, call, submitted = await started(
        counting, world, ecs, "arn:aws:states:::ecs:runTask.sync", {"TaskDefinition": "t"}
    )
    await integrations.cancel(call, submitted.job)
    assert ecs.asked[-1][0] == "StopTask" and ecs.asked[-1][1]["task"] == "arn:task"


@pytest.mark.parametrize(("pattern", "expected"), [("", Succeeded), (".sync", Failed), (".waitForTaskToken", Failed)])
async def test_a_task_that_was_not_placed_fails_only_what_waits(
    counting: Any, world: Any, pattern: str, expected: type
) -> None:
    service = JsonService(RunTask={"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]})
    _, _, outcome = await started(
        counting, world, service, f"arn:aws:states:::ecs:runTask{pattern}", {"TaskDefinition": "t"}
    )
    assert isinstance(outcome, expected)
    if isinstance(outcome, Failed):
        assert outcome.error == "AmazonECS.Unknown"


async def test_a_lost_look_is_no_failure_of_the_job(counting: Any, world: Any, ecs: JsonService) -> None:
    integrations, call, submitted = await started(
        counting, world, ecs, "arn:aws:states:::ecs:runTask.sync", {"TaskDefinition": "t"}
    )
    ecs.answers["DescribeTasks"] = {"__type": "ThrottlingException", "message": "slow down"}
    assert isinstance(await integrations.poll(call, submitted.job), Pending)
    ecs.answers["DescribeTasks"] = {"__type": "AccessDeniedException", "message": "no"}
    failed = await integrations.poll(call, submitted.job)
    assert isinstance(failed, Failed) and failed.error == "ECS.AccessDeniedException"


async def test_looks_become_rarer_with_the_jobs_age(counting: Any, world: Any, ecs: JsonService) -> None:
    integrations, call, submitted = await started(
        counting, world, ecs, "arn:aws:states:::ecs:runTask.sync", {"TaskDefinition": "t"}
    )
    old = {**submitted.job, "submitted_ms": submitted.job["submitted_ms"] - 50_000}
    ancient = {**submitted.job, "submitted_ms": 0}
    assert (await integrations.poll(call, old)).seconds == pytest.approx(10, abs=1)
    assert await integrations.poll(call, ancient) == Pending(60.0)


async def test_batch_marks_the_container_and_ends_with_the_bare_job(counting: Any, world: Any) -> None:
    service = JsonService(
        v1_submitjob={"jobId": "j", "jobName": "n", "jobArn": "a"},
        v1_describejobs={"jobs": [{"jobId": "j", "status": "FAILED", "createdAt": 1545128831000, "attempts": []}]},
    )
    integrations, call, submitted = await started(
        counting,
        world,
        service,
        "arn:aws:states:::batch:submitJob.sync",
        {
            "JobName": "n",
            "JobQueue": "q",
            "JobDefinition": "d",
            "ContainerOverrides": {"Environment": [{"Name": "A", "Value": "b"}]},
        },
    )
    assert service.asked[0][1]["containerOverrides"]["environment"] == [
        {"name": "A", "value": "b"},
        {"name": "MANAGED_BY_AWS", "value": "STARTED_BY_STEP_FUNCTIONS"},
    ]
    failed = await integrations.poll(call, submitted.job)
    assert failed == Failed(
        "States.TaskFailed", '{"Attempts":[],"CreatedAt":1545128831000,"JobId":"j","Status":"FAILED"}'
    )


async def test_glue_names_the_job_and_ends_with_the_bare_run(counting: Any, world: Any) -> None:
    run = {"Id": "run", "JobName": "etl", "JobRunState": "SUCCEEDED", "StartedOn": 1713421621.0}
    service = JsonService(StartJobRun={"JobRunId": "run"}, GetJobRun={"JobRun": run}, BatchStopJobRun={})
    integrations, call, submitted = await started(
        counting, world, service, "arn:aws:states:::glue:startJobRun.sync", {"JobName": "etl"}
    )
    assert json.loads(submitted.output)["JobName"] == "etl"
    ended = await integrations.poll(call, submitted.job)
    assert json.loads(ended.output) == {**run, "StartedOn": 1713421621000}
    await integrations.cancel(call, submitted.job)
    assert service.asked[-1] == ("BatchStopJobRun", {"JobName": "etl", "JobRunIds": ["run"]})


async def test_athena_ends_with_the_wrapped_query(counting: Any, world: Any) -> None:
    query = {"QueryExecutionId": "q", "Status": {"State": "CANCELLED"}}
    service = JsonService(StartQueryExecution={"QueryExecutionId": "q"}, GetQueryExecution={"QueryExecution": query})
    integrations, call, submitted = await started(
        counting, world, service, "arn:aws:states:::athena:startQueryExecution.sync", {"QueryString": "SELECT 1"}
    )
    failed = await integrations.poll(call, submitted.job)
    assert json.loads(failed.cause) == {"QueryExecution": query}


async def test_one_attempt_has_one_idempotency_token(counting: Any, world: Any) -> None:
    service = JsonService(StartQueryExecution={"QueryExecutionId": "q"})
    server = await counting(service)
    integrations = world({"AWS_ENDPOINT_URL": server.url, "AWS_ACCESS_KEY_ID": "test"})
    for key in ("a", "a", "b"):
        await integrations.call(task("arn:aws:states:::athena:startQueryExecution", {"QueryString": "x"}, key=key))
    first, again, other = [asked["ClientRequestToken"] for _, asked in service.asked]
    assert first == again != other


async def test_a_token_that_the_api_requires_is_made_where_none_is_given(counting: Any, world: Any) -> None:
    service = JsonService(applications_a_jobruns={"applicationId": "a", "jobRunId": "j", "arn": "arn"})
    parameters = {"ApplicationId": "a", "ExecutionRoleArn": "r"}
    _, _, run = await started(counting, world, service, "arn:aws:states:::emr-serverless:startJobRun", parameters)
    assert isinstance(run, Succeeded)
    assert service.asked[0][1]["clientToken"]


async def test_emr_takes_one_step_and_one_cluster(counting: Any, world: Any) -> None:
    service = JsonService(
        AddJobFlowSteps={"StepIds": ["s-1"]},
        TerminateJobFlows={},
        DescribeStep={"Step": {"Id": "s-1", "Status": {"State": "COMPLETED"}}},
        DescribeCluster={"Cluster": {"Id": "j-1", "Status": {"State": "TERMINATED"}}},
    )
    integrations, call, submitted = await started(
        counting,
        world,
        service,
        "arn:aws:states:::elasticmapreduce:addStep.sync",
        {"ClusterId": "j-1", "Step": {"Name": "n", "HadoopJarStep": {"Jar": "command-runner.jar"}}},
    )
    assert json.loads(submitted.output)["StepId"] == "s-1"
    assert service.asked[0][1] == {
        "JobFlowId": "j-1",
        "Steps": [{"Name": "n", "HadoopJarStep": {"Jar": "command-runner.jar"}}],
    }
    assert json.loads((await integrations.poll(call, submitted.job)).output)["Step"]["Id"] == "s-1"
    end = task("arn:aws:states:::elasticmapreduce:terminateCluster.sync", {"ClusterId": "j-1"})
    ending = await integrations.call(end)
    assert service.asked[-1] == ("TerminateJobFlows", {"JobFlowIds": ["j-1"]})
    assert json.loads((await integrations.poll(end, ending.job)).output)["ClusterId"] == "j-1"


async def test_an_emr_cluster_must_stay_alive_and_bring_no_steps(counting: Any, world: Any) -> None:
    arn = "arn:aws:states:::elasticmapreduce:createCluster"
    _, _, failed = await started(counting, world, JsonService(), arn, {"Name": "c", "Instances": {}, "Steps": []})
    assert 'The field "Steps" is not supported' in failed.cause
    _, _, failed = await started(counting, world, JsonService(), arn, {"Name": "c", "Instances": {}})
    assert "KeepJobFlowAliveWhenNoSteps" in failed.cause


async def test_fleets_are_found_by_name(counting: Any, world: Any) -> None:
    service = JsonService(
        ListInstanceFleets={"InstanceFleets": [{"Id": "if-1", "Name": "core"}]}, ModifyInstanceFleet={}
    )
    _, _, done = await started(
        counting,
        world,
        service,
        "arn:aws:states:::elasticmapreduce:modifyInstanceFleetByName",
        {"ClusterId": "j-1", "InstanceFleetName": "core", "InstanceFleet": {"TargetOnDemandCapacity": 2}},
    )
    assert isinstance(done, Succeeded)
    assert service.asked[-1] == (
        "ModifyInstanceFleet",
        {"ClusterId": "j-1", "InstanceFleet": {"InstanceFleetId": "if-1", "TargetOnDemandCapacity": 2}},
    )


async def test_sagemaker_jobs_are_described_by_their_name(counting: Any, world: Any) -> None:
    service = JsonService(
        CreateTrainingJob={"TrainingJobArn": "a"},
        DescribeTrainingJob={"TrainingJobName": "n", "TrainingJobStatus": "Completed"},
    )
    integrations, call, submitted = await started(
        counting,
        world,
        service,
        "arn:aws:states:::sagemaker:createTrainingJob.sync",
        {
            "TrainingJobName": "n",
            "AlgorithmSpecification": {},
            "RoleArn": "r",
            "OutputDataConfig": {},
            "ResourceConfig": {},
            "StoppingCondition": {},
        },
    )
    assert json.loads((await integrations.poll(call, submitted.job)).output)["TrainingJobStatus"] == "Completed"


async def test_codebuild_shows_the_build_under_its_name(counting: Any, world: Any) -> None:
    service = JsonService(
        StartBuild={"build": {"id": "p:1", "buildStatus": "IN_PROGRESS"}},
        BatchGetBuilds={"builds": [{"id": "p:1", "buildStatus": "SUCCEEDED"}]},
    )
    integrations, call, submitted = await started(
        counting, world, service, "arn:aws:states:::codebuild:startBuild.sync", {"ProjectName": "p"}
    )
    assert json.loads((await integrations.poll(call, submitted.job)).output) == {
        "Build": {"BuildStatus": "SUCCEEDED", "Id": "p:1"}
    }
