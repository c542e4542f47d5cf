"""API Gateway, Bedrock, Kubernetes, our own API and mapped functions: what the tables do not say."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from services.integrations.credentials import FrozenKeys, KeyHolder
from services.integrations.functions.functions import Functions
from services.integrations.functions.targets import EchoTarget, Targets
from services.integrations.interface import Failed, Submitted, Succeeded
from services.integrations.kubernetes import bearer_token
from services.runtime.clock import SystemClock
from services.runtime.ids import SystemIds
from tests.integration.integrations.test_http_task import sent
from tests.unit.services.integrations.calls import task

API = "arn:aws:states:::apigateway:invoke"
JSON = (200, [("Content-Type", "application/json")], b'{"ok": true}')
PLACE = {"ApiEndpoint": "abc.execute-api.us-east-1.amazonaws.com", "Method": "POST", "Stage": "prod", "Path": "/pets/1"}


async def invoke(counting: Any, world: Any, conduct: Any, arn: str = API, **parameters: Any) -> tuple[Any, Any]:
    server = await counting(conduct)
    integrations = world({"AWS_ENDPOINT_URL_EXECUTE_API": server.url, "AWS_ENDPOINT_URL": server.url})
    return server, await integrations.call(task(arn, {**PLACE, **parameters}))


@pytest.mark.parametrize(("body", "text"), [("HelloWorld", '"HelloWorld"'), ({"a": [1]}, '{"a":[1]}'), (True, "true")])
async def test_api_gateway_gets_the_json_of_a_body(counting: Any, world: Any, body: Any, text: str) -> None:
    server, done = await invoke(
        counting,
        world,
        JSON,
        RequestBody=body,
        Headers={"TaskToken": ["t"], "Many": ["a", "b"]},
        QueryParameters={"q": ["1", "2 3"]},
    )
    first, headers, sent_body = sent(server)
    assert first == "POST /prod/pets/1?q=1&q=2%203 HTTP/1.1"
    assert headers["Host"] == PLACE["ApiEndpoint"] and headers["TaskToken"] == "t"
    assert sent_body == text
    assert list(json.loads(done.output)) == ["Headers", "ResponseBody", "StatusCode", "StatusText"]
    assert json.loads(done.output)["ResponseBody"] == {"ok": True}


@pytest.mark.parametrize(
    ("allow", "expected"),
    [
        (None, {"pet": {"type": "turtle", "tags": [None, {}]}}),
        (False, {"pet": {"type": "turtle", "tags": [None, {}]}}),
        (True, {"pet": {"type": "turtle", "category": None, "tags": [None, {"a": None}]}, "name": None}),
    ],
)
async def test_api_gateway_gets_members_without_value_only_when_asked(
    counting: Any, world: Any, allow: bool | None, expected: Any
) -> None:
    body = {"pet": {"type": "turtle", "category": None, "tags": [None, {"a": None}]}, "name": None}
    given = {} if allow is None else {"AllowNullValues": allow}
    server, _ = await invoke(counting, world, JSON, RequestBody=body, **given)
    assert json.loads(sent(server)[2]) == expected


async def test_api_gateway_refuses_headers_that_are_no_lists(counting: Any, world: Any) -> None:
    server, failed = await invoke(counting, world, JSON, Headers={"a": "b"})
    written = json.dumps({**PLACE, "Headers": {"a": "b"}}, separators=(",", ":"))
    assert failed == Failed(
        "States.Runtime",
        f"The Parameters '{written}' could not be used to start the Task: "
        "[The value of the field 'Headers' has an invalid format]",
    )
    assert not server.requests


async def test_api_gateways_status_names_the_error(counting: Any, world: Any) -> None:
    _, failed = await invoke(counting, world, (403, [], b'{"message":"Missing Authentication Token"}'))
    assert failed == Failed("ApiGateway.403", '{"message":"Missing Authentication Token"}')


async def test_api_gateway_requests_are_signed_when_asked(counting: Any, world: Any) -> None:
    server = await counting(JSON)
    from services.integrations.credentials import RoleEntry, RoleMap

    roles = RoleMap({"arn:aws:iam::*": RoleEntry(access_key_id="AKIAROLE", secret_access_key="s")})
    integrations = world({"AWS_ENDPOINT_URL_EXECUTE_API": server.url}, roles=roles)
    await integrations.call(task(API, {**PLACE, "AuthType": "IAM_ROLE"}))
    assert "Credential=AKIAROLE/" in sent(server)[1]["Authorization"]
    assert "/us-east-1/execute-api/aws4_request" in sent(server)[1]["Authorization"]
    unmapped = world({"AWS_ENDPOINT_URL_EXECUTE_API": server.url})
    failed = await unmapped.call(task(API, {**PLACE, "AuthType": "IAM_ROLE"}))
    assert failed.error == "States.TaskFailed" and "no credentials for this role" in failed.cause


async def test_api_gateway_may_wait_for_a_token(counting: Any, world: Any) -> None:
    _, submitted = await invoke(counting, world, JSON, arn=API + ".waitForTaskToken")
    assert isinstance(submitted, Submitted) and submitted.job is None


async def test_s3_itself_judges_the_name_of_a_bucket(counting: Any, world: Any) -> None:
    answer = b"<Error><Code>InvalidBucketName</Code><Message>The specified bucket is not valid.</Message></Error>"
    server = await counting((400, [("x-amz-request-id", "R")], answer))
    integrations = world({"AWS_ENDPOINT_URL": server.url, "AWS_ACCESS_KEY_ID": "test"})
    call = task("arn:aws:states:::aws-sdk:s3:listObjectsV2", {"Bucket": "no bucket!"})
    cause = "The specified bucket is not valid. (Service: S3, Status Code: 400, Request ID: R)"
    assert await integrations.call(call) == Failed("S3.S3Exception", cause)
    assert server.requests[0].startswith(b"GET /no%20bucket%21?")


@pytest.mark.parametrize("moment", ["Thu, 01 Dec 1994 16:00:00 GMT", "never"])
async def test_s3_shows_when_an_object_expires_as_a_time_and_as_sent(counting: Any, world: Any, moment: str) -> None:
    server = await counting((200, [("Expires", moment), ("ETag", '"e"')], b"hi"))
    integrations = world({"AWS_ENDPOINT_URL": server.url, "AWS_ACCESS_KEY_ID": "test"})
    done = await integrations.call(task("arn:aws:states:::aws-sdk:s3:getObject", {"Bucket": "b", "Key": "k"}))
    shown = json.loads(done.output)
    assert shown.pop("Expires", None) == (None if moment == "never" else "1994-12-01T16:00:00Z")
    assert list(shown.items()) == [
        ("ContentLength", 2),
        ("ETag", '"e"'),
        ("ExpiresString", moment),
        ("Metadata", {}),
        ("Body", "hi"),
    ]


async def test_bedrock_shows_the_parsed_body(counting: Any, world: Any) -> None:
    server, done = await invoke(
        counting, world, JSON, arn="arn:aws:states:::bedrock:invokeModel", ModelId="m", Body={"prompt": "p"}
    )
    assert json.loads(done.output) == {"Body": {"ok": True}, "ContentType": "application/json"}
    assert sent(server)[0] == "POST /model/m/invoke HTTP/1.1" and sent(server)[2] == '{"prompt":"p"}'


async def test_bedrock_takes_a_body_from_s3_and_puts_it_there(counting: Any, world: Any) -> None:
    server, done = await invoke(
        counting,
        world,
        lambda request: (200, [], b"") if request.startswith(b"PUT") else JSON,
        arn="arn:aws:states:::bedrock:invokeModel",
        ModelId="m",
        Input={"S3Uri": "s3://in/k"},
        Output={"S3Uri": "s3://out/o"},
    )
    lines = [request.split(b"\r\n")[0].decode() for request in server.requests]
    assert lines == ["GET /in/k HTTP/1.1", "POST /model/m/invoke HTTP/1.1", "PUT /out/o HTTP/1.1"]
    assert json.loads(done.output)["Body"] == "s3://out/o"


def test_a_clusters_token_is_a_signed_question_who_i_am() -> None:
    token = bearer_token(KeyHolder(FrozenKeys("AKIA", "secret")), "cluster", "eu-west-1")
    text = token.removeprefix("k8s-aws-v1.")
    url = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    assert url.startswith("https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-")
    assert "x-k8s-aws-id" in url and "secret" not in url


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"Endpoint": "http://cluster"}, "The value of the field 'Endpoint' has an invalid format"),
        ({"CertificateAuthority": "!"}, "The value of the field 'CertificateAuthority' has an invalid format"),
        ({"Job": None}, "The field 'Job' is required but was missing"),
    ],
)
async def test_kubernetes_parameters_are_checked(world: Any, change: Any, problem: str) -> None:
    authority = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
    good = {"ClusterName": "c", "CertificateAuthority": authority, "Endpoint": "https://cluster", "Job": {}}
    failed = await world({}).call(task("arn:aws:states:::eks:runJob.sync", {**good, **change}))
    assert isinstance(failed, Failed) and failed.cause.endswith(f"[{problem}]")


class OwnApi:
    """Our own API, answering as on the wire."""

    def __init__(self, status: int, body: Any) -> None:
        self.answer = status, body
        self.asked: list[tuple[str, Any, str, str]] = []

    async def request(self, operation: str, body: bytes, keys: str, region: str) -> tuple[int, Any, bytes]:
        self.asked.append((operation, json.loads(body), keys, region))
        status, answer = self.answer
        return status, [("x-amzn-RequestId", "r-1")], json.dumps(answer).encode()


async def test_aws_sdk_sfn_reaches_our_own_api(world: Any) -> None:
    own = OwnApi(200, {"executionArn": "arn:e", "startDate": 1713421621.5})
    integrations = world({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, own_api=own)
    call = task("arn:aws:states:::aws-sdk:sfn:startExecution", {"StateMachineArn": "a", "Input": {"b": 1}})
    assert await integrations.call(call) == Succeeded(
        b'{"ExecutionArn":"arn:e","StartDate":"2024-04-18T06:27:01.500Z"}'
    )
    assert own.asked == [("StartExecution", {"stateMachineArn": "a", "input": '{"b":1}'}, call.role_arn, "us-east-1")]


async def test_our_own_refusals_read_as_recorded(world: Any) -> None:
    own = OwnApi(400, {"__type": "com.amazonaws.swf.service.v2.model#InvalidToken", "message": "Invalid Token: 'x'"})
    call = task("arn:aws:states:::aws-sdk:sfn:sendTaskSuccess", {"Output": "o", "TaskToken": "t"})
    assert await world({}, own_api=own).call(call) == Failed(
        "Sfn.InvalidTokenException",
        "Invalid Token: 'x' (Service: Sfn, Status Code: 400, Request ID: r-1) (SDK Attempt Count: 1)",
    )


async def test_an_endpoint_of_its_own_wins_over_our_api(counting: Any, world: Any) -> None:
    server = await counting(JSON)
    own = OwnApi(200, {})
    integrations = world({"AWS_ENDPOINT_URL_SFN": server.url}, own_api=own)
    await integrations.call(task("arn:aws:states:::aws-sdk:sfn:listActivities", {}))
    assert len(server.requests) == 1 and not own.asked


def functions(**targets: Any) -> Functions:
    return Functions(Targets(targets), SystemClock(), SystemIds())


async def test_a_mapped_function_answers_in_the_same_envelope(world: Any) -> None:
    integrations = world({}, functions=functions(f=EchoTarget()))
    call = task("arn:aws:states:::lambda:invoke", {"FunctionName": "f", "Payload": {"a": 1}, "LogType": "Tail"})
    shown = json.loads((await integrations.call(call)).output)
    assert list(shown) == [
        "ExecutedVersion",
        "LogResult",
        "Payload",
        "SdkHttpMetadata",
        "SdkResponseMetadata",
        "StatusCode",
    ]
    assert (shown["ExecutedVersion"], shown["Payload"], shown["StatusCode"]) == ("$LATEST", {"a": 1}, 200)
    arn = task("arn:aws:lambda:us-east-1:000000000000:function:f", {"b": 2})
    assert await integrations.call(arn) == Succeeded(b'{"b":2}')


async def test_an_unmapped_function_says_how_to_map_it(world: Any) -> None:
    integrations = world({}, functions=functions(f=EchoTarget()))
    failed = await integrations.call(task("arn:aws:lambda:us-east-1:000000000000:function:g", {}))
    assert failed.error == "Lambda.ResourceNotFoundException"
    assert "Function not found" in failed.cause and "--function g=" in failed.cause


async def test_calls_to_the_real_aws_fail_closed_without_a_mapped_role(world: Any) -> None:
    environment = {"AWS_ACCESS_KEY_ID": "AKIAWORKER", "AWS_SECRET_ACCESS_KEY": "s"}
    failed = await world(environment).call(
        task("arn:aws:states:::sqs:sendMessage", {"QueueUrl": "q", "MessageBody": "m"})
    )
    assert failed.error == "States.TaskFailed"
    assert failed.cause.endswith("to the role map, or set AWS_ENDPOINT_URL_SQS.")


async def test_an_unknown_resource_is_refused_in_awss_words(world: Any) -> None:
    failed = await world({}).call(task("arn:aws:states:::aws-sdk:s3:nope", {}))
    assert failed.error == "States.TaskFailed" and "aws-sdk:s3:nope is not recognized" in failed.cause
