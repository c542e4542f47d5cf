"""The Kubernetes API of EKS clusters: `eks:call` and `eks:runJob`.

The caller proves who it is with a signed, short-lived request to STS, which the cluster takes as a bearer token.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from engine.asl.model import Resource
from engine.payload import JsonError, decode_json, encode_json
from services.integrations.address_check import AddressPolicy, AddressRefused
from services.integrations.aws import Aws
from services.integrations.credentials import KeyHolder
from services.integrations.failures import TooLarge, Unreachable, not_startable, sized, task_failed, too_large
from services.integrations.http_encoding import with_query
from services.integrations.interface import Call, Failed, Outcome, Pending, Submitted, Succeeded
from services.integrations.lambda_function import decode_object
from services.integrations.outside import Outside, OutsideAnswer
from services.integrations.shapes import BAD_FORMAT, MISSING, NOT_SUPPORTED, ParameterProblems, text_of
from services.runtime.clock import Clock

_CLUSTER: Final = ("CertificateAuthority", "ClusterName", "Endpoint")
PARAMETERS: Final = {
    "call": (*_CLUSTER, "Method", "Path", "QueryParameters", "RequestBody"),
    "runJob": (*_CLUSTER, "Job", "LogOptions", "Namespace"),
}
_METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"})
_TOKEN_SECONDS: Final = 60
_ANSWER_BYTES_MAX: Final = 2**20
_POLL_SECONDS: Final = (5.0, 300.0)


class Kubernetes:
    """Calls a cluster's API."""

    def __init__(self, aws: Aws, outside: Outside, clock: Clock, policy: AddressPolicy) -> None:
        """`policy` says which cluster endpoints may be called beside public ones."""
        self._aws = aws
        self._outside = outside
        self._clock = clock
        self._policy = policy

    async def call(self, call: Call) -> Outcome:
        """`call` answers with the response, `runJob` with the job, which `.sync` then waits for."""
        try:
            written = decode_object(call)
            check(written, call.resource)
            if call.resource.api_action == "call":
                return await self._call(call, written)
            return await self._run_job(call, written)
        except ParameterProblems as problem:
            return not_startable(call, problem.problems)
        except (AddressRefused, Unreachable) as problem:
            return Failed("EKS.SdkClientException", f"Unable to execute HTTP request: {problem}")
        except TooLarge:
            return too_large(call)

    async def poll(self, call: Call, job: Mapping[str, Any]) -> Succeeded | Failed | Pending:
        """Look at the job; when it has ended, fetch the logs if they were asked for."""
        cluster = dict(job["cluster"])
        try:
            answer = await self._request(call, cluster, "GET", job["path"])
            if answer.status == 404:
                return task_failed(answer.body.decode("utf-8", "replace"))
            found = _decoded(answer)
            standing = _standing(found)
            if answer.status >= 300 or standing == "running":
                return Pending(self._wait(job))
            if job.get("logs"):
                found["logs"] = await self._logs(call, cluster, job, found)
        except (AddressRefused, Unreachable, TooLarge):
            return Pending(self._wait(job))
        output = encode_json(found)
        return task_failed(output.decode("utf-8")) if standing == "failed" else sized(call, output)

    async def cancel(self, call: Call, job: Mapping[str, Any]) -> None:
        """Delete the job with its pods."""
        body = encode_json({"propagationPolicy": "Background"})
        try:
            await self._request(call, dict(job["cluster"]), "DELETE", job["path"], body=body)
        except (AddressRefused, Unreachable, TooLarge):
            return

    async def _call(self, call: Call, written: dict[str, Any]) -> Outcome:
        body = encode_json(written["RequestBody"]) if written.get("RequestBody") is not None else None
        answer = await self._request(
            call, written, written["Method"], written["Path"], body=body, query=written.get("QueryParameters") or {}
        )
        if not 200 <= answer.status < 300:
            return Failed(f"EKS.{answer.status}", answer.body.decode("utf-8", "replace"))
        return sized(call, encode_json({"ResponseBody": _decoded(answer), "StatusCode": answer.status}))

    async def _run_job(self, call: Call, written: dict[str, Any]) -> Outcome:
        namespace = text_of(written.get("Namespace") or "default")
        path = f"/apis/batch/v1/namespaces/{quote(namespace, safe='')}/jobs"
        body = text_of(written["Job"]).encode("utf-8")
        answer = await self._request(call, written, "POST", path, body=body)
        if not 200 <= answer.status < 300:
            return Failed(f"EKS.{answer.status}", answer.body.decode("utf-8", "replace"))
        made = _decoded(answer)
        done = sized(call, encode_json({"ResponseBody": made, "StatusCode": answer.status}))
        if isinstance(done, Failed) or call.resource.pattern == "request_response":
            return done
        name = made.get("metadata", {}).get("name", "")
        job = {
            "cluster": {key: written[key] for key in ("ClusterName", "CertificateAuthority", "Endpoint")},
            "path": f"{path}/{quote(name, safe='')}",
            "namespace": namespace,
            "name": name,
            "logs": (written.get("LogOptions") or {}).get("RetrieveLogs") or False,
            "raw_logs": (written.get("LogOptions") or {}).get("RawLogs") or False,
            "log_query": (written.get("LogOptions") or {}).get("LogParameters") or {},
            "submitted_ms": self._clock.now_ms(),
        }
        return Submitted(done.output, job)

    async def _logs(self, call: Call, cluster: dict[str, Any], job: Mapping[str, Any], found: Any) -> dict[str, Any]:
        """Logs by pod and container; one that cannot be read shows why."""
        pods_path = f"/api/v1/namespaces/{quote(job['namespace'], safe='')}/pods"
        query = {"labelSelector": f"job-name={job['name']}"}
        pods = _decoded(await self._request(call, cluster, "GET", pods_path, query=query))
        logs: dict[str, Any] = {}
        for pod in pods.get("items", []):
            name = pod["metadata"]["name"]
            containers: dict[str, Any] = {}
            for container in pod.get("spec", {}).get("containers", []):
                wanted = {**job["log_query"], "container": container["name"]}
                path = f"{pods_path}/{quote(name, safe='')}/log"
                containers[container["name"]] = await self._log(call, cluster, path, wanted, job["raw_logs"])
            logs[name] = {"containers": containers}
        return {"pods": logs}

    async def _log(
        self, call: Call, cluster: dict[str, Any], path: str, query: dict[str, Any], raw: bool
    ) -> dict[str, Any]:
        try:
            answer = await self._request(call, cluster, "GET", path, query=query)
        except (Unreachable, TooLarge) as error:
            return {"error": type(error).__name__, "cause": str(error) or "the log is too large"}
        text = answer.body.decode("utf-8", "replace")
        if answer.status >= 300:
            return {"error": f"EKS.{answer.status}", "cause": text}
        if raw:
            return {"log": text}
        try:
            return {"log": decode_json(text)}
        except JsonError:
            return {"log": text}

    async def _request(
        self,
        call: Call,
        cluster: Mapping[str, Any],
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> OutsideAnswer:
        keys = await self._aws.keys_for(call, "sts")
        token = bearer_token(keys, text_of(cluster["ClusterName"]), call.region)
        headers = [("Authorization", f"Bearer {token}"), ("Accept", "application/json")]
        if body is not None:
            kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
            headers.append(("Content-Type", kind))
        url = with_query(cluster["Endpoint"].rstrip("/") + "/" + path.lstrip("/"), query or {})
        return await self._outside.request(
            method,
            url,
            headers,
            body,
            self._policy,
            bytes_max=_ANSWER_BYTES_MAX,
            authority=_authority(cluster["CertificateAuthority"]),
        )

    def _wait(self, job: Mapping[str, Any]) -> float:
        shortest, longest = _POLL_SECONDS
        age = max(0, self._clock.now_ms() - int(job["submitted_ms"])) / 1000
        return min(longest, max(shortest, age / 5))


def bearer_token(keys: KeyHolder, cluster: str, region: str) -> str:
    """A presigned GetCallerIdentity for one cluster, in the form that EKS takes as a token."""
    from botocore.auth import SigV4QueryAuth
    from botocore.awsrequest import AWSRequest

    url = f"https://sts.{region}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    request = AWSRequest(method="GET", url=url, headers={"x-k8s-aws-id": cluster})
    SigV4QueryAuth(keys.get_frozen_credentials(), "sts", region, expires=_TOKEN_SECONDS).add_auth(request)
    return "k8s-aws-v1." + base64.urlsafe_b64encode(str(request.url).encode()).decode().rstrip("=")


def check(written: dict[str, Any], resource: Resource) -> dict[str, Any]:
    """The parameters of `call` and `runJob`, if they can be used.

    Raises:
        ParameterProblems: they cannot.
    """
    action = resource.api_action
    required = ["ClusterName", "CertificateAuthority", "Endpoint"]
    required += ["Method", "Path"] if action == "call" else ["Job"]
    problems = [NOT_SUPPORTED.format(name) for name in written if name not in PARAMETERS[action]]
    problems += [MISSING.format(name) for name in required if written.get(name) is None]
    endpoint = written.get("Endpoint", "https://a")
    if not isinstance(endpoint, str) or not endpoint.startswith("https://") or "@" in endpoint:
        problems.append(BAD_FORMAT.format("Endpoint"))
    if not isinstance(written.get("Path", "/"), str):
        problems.append(BAD_FORMAT.format("Path"))
    if action == "call" and written.get("Method", "GET") not in _METHODS:
        problems.append(BAD_FORMAT.format("Method"))
    if written.get("CertificateAuthority") is not None and not _is_base64(written["CertificateAuthority"]):
        problems.append(BAD_FORMAT.format("CertificateAuthority"))
    if problems:
        raise ParameterProblems(problems)
    return written


def _is_base64(text: Any) -> bool:
    try:
        return isinstance(text, str) and "CERTIFICATE" in base64.b64decode(text, validate=True).decode("ascii")
    except ValueError:
        return False


def _authority(text: str) -> str:
    return base64.b64decode(text).decode("ascii")


def _standing(job: Any) -> str:
    for condition in (job.get("status") or {}).get("conditions") or []:
        if condition.get("status") == "True" and condition.get("type") in ("Complete", "Failed"):
            return "succeeded" if condition["type"] == "Complete" else "failed"
    return "running"


def _decoded(answer: OutsideAnswer) -> Any:
    text = answer.body.decode("utf-8", "replace")
    try:
        return decode_json(text)
    except JsonError:
        return {"message": text} if answer.status >= 300 else text
