"""All functions that are mapped, behind one call."""

from __future__ import annotations

import asyncio
import base64
import logging
from functools import lru_cache
from typing import Final

import orjson

from services.integrations.functions.http_target import HttpFunctions
from services.integrations.functions.invocation import FunctionProblem, FunctionTimedOut, Invocation
from services.integrations.functions.python_pool import PythonPool
from services.integrations.functions.python_process import Request
from services.integrations.functions.targets import (
    EchoTarget,
    FunctionName,
    FunctionTarget,
    HttpTarget,
    LambdaTarget,
    PythonTarget,
    Targets,
    parse_name,
)
from services.runtime.clock import Clock
from services.runtime.ids import Ids

LATEST: Final = "$LATEST"
BACKGROUND_MAX: Final = 1_000
_UNHEARD: Final = "a function that nobody waits for failed"

log = logging.getLogger(__name__)


class Functions:
    """Runs functions by name or ARN. The Lambda API itself is not called from here: `target_of` tells who needs it."""

    def __init__(self, targets: Targets, clock: Clock, ids: Ids, *, processes_max: int | None = None) -> None:
        """Nothing is started until it is needed."""
        self._targets = targets
        self._find = lru_cache(maxsize=4_096)(targets.find)
        self._ids = ids
        self._pool = PythonPool(clock, processes_max)
        self._http = HttpFunctions()
        self._background: set[asyncio.Task[None]] = set()

    def target_of(self, function: str, qualifier: str | None = None) -> FunctionTarget:
        """Where a function runs; a `LambdaTarget` is for the caller to reach.

        Raises:
            UnmappedFunction: nowhere; the message says how to map it.
        """
        return self._find(function, qualifier)

    async def invoke(
        self,
        function: str,
        payload: bytes,
        *,
        qualifier: str | None = None,
        timeout_seconds: float | None = None,
        client_context: str | None = None,
        invocation_type: str = "RequestResponse",
        key: str = "",
        trace_header: str | None = None,
        region: str = "us-east-1",
        account: str = "000000000000",
    ) -> Invocation:
        """Run a function once. Cancelling ends what it started.

        Args:
            function: name, partial ARN or ARN, with or without a qualifier.
            payload: the event, JSON text.
            timeout_seconds: what is left of the task; the function's own limit holds as well.
            client_context: base64 of a JSON object, as the Lambda API takes it.
            invocation_type: `Event` answers at once and lets it run, `DryRun` does not run it.
            key: constant for one attempt; an HTTP function gets it as `Idempotency-Key`.
            region, account: for the ARN that the function sees, where `function` names none.

        Raises:
            FunctionProblem: one of its kinds; it holds the payload that Lambda would have answered.
        """
        target = self.target_of(function, qualifier)
        asked = parse_name(function, qualifier)
        request_id = str(self._ids.uuid())
        request = Request(
            request_id=request_id,
            name=asked.name,
            version=_version(asked),
            arn=asked.arn(region, account),
            seconds=_limit(target, timeout_seconds),
            payload=payload or b"{}",
            client_context=_decoded(client_context),
            trace=trace_header or "",
        )
        if invocation_type == "DryRun":
            return Invocation(204, None, b"", request.version, request_id)
        if invocation_type == "Event":
            self._run_in_background(target, request, key)
            return Invocation(202, None, b"", request.version, request_id)
        return await self._run(target, request, key)

    async def warm(self) -> None:
        """Start one process of each Python function, so that the first event does not wait for the import."""
        targets = dict.fromkeys(one for one in self._targets.by_name.values() if isinstance(one, PythonTarget))
        await asyncio.gather(*map(self._warm, targets))

    async def close(self) -> None:
        """End subprocesses, connections and what runs in the background."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._pool.close()
        await self._http.close()

    async def _warm(self, target: PythonTarget) -> None:
        try:
            await self._pool.warm(target)
        except FunctionProblem as problem:
            handler = f"{target.module}:{target.function}"
            log.warning("a function cannot be started", extra={"handler": handler, "problem": str(problem)})

    async def _run(self, target: FunctionTarget, request: Request, key: str) -> Invocation:
        match target:
            case PythonTarget():
                failed, payload, printed = await self._run_python(target, request)
            case HttpTarget():
                headers = _headers(request, key)
                failed, payload = await self._http.invoke(
                    target, request.payload, headers, request.seconds, request.request_id
                )
                printed = b""
            case EchoTarget():
                failed, payload, printed = False, request.payload, b""
            case LambdaTarget():
                raise FunctionProblem(f"{request.name} is mapped to the Lambda API, which the caller must reach itself")
        return Invocation(200, "Unhandled" if failed else None, payload, request.version, request.request_id, printed)

    async def _run_python(self, target: PythonTarget, request: Request) -> tuple[bool, bytes, bytes]:
        try:
            async with asyncio.timeout(request.seconds):
                reply = await self._pool.invoke(target, request)
        except TimeoutError:
            text = f"RequestId: {request.request_id} Error: Task timed out after {request.seconds:.2f} seconds"
            raise FunctionTimedOut(text) from None
        return reply.failed, reply.payload, reply.log

    def _run_in_background(self, target: FunctionTarget, request: Request, key: str) -> None:
        async def run() -> None:
            try:
                answer = await self._run(target, request, key)
            except FunctionProblem as problem:
                log.warning(_UNHEARD, extra={"function": request.name, "problem": str(problem)})
            else:
                if answer.function_error:
                    log.warning(_UNHEARD, extra={"function": request.name, "problem": answer.function_error})

        if len(self._background) >= BACKGROUND_MAX:
            raise FunctionProblem("Too many invocations run that nobody waits for")
        task = asyncio.get_running_loop().create_task(run())
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _limit(target: FunctionTarget, timeout_seconds: float | None) -> float:
    own = target.timeout_seconds if isinstance(target, PythonTarget | HttpTarget) else float("inf")
    return own if timeout_seconds is None else min(own, timeout_seconds)


def _version(asked: FunctionName) -> str:
    return asked.qualifier if asked.qualifier.isdigit() else LATEST


def _decoded(client_context: str | None) -> object:
    if not client_context:
        return None
    try:
        return orjson.loads(base64.b64decode(client_context))
    except ValueError:
        return None


def _headers(request: Request, key: str) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "X-Amz-Invocation-Type": "RequestResponse",
        "X-Amzn-RequestId": request.request_id,
        "X-Stepwell-Function": request.arn,
    }
    if key:
        headers["Idempotency-Key"] = key
    if request.trace:
        headers["X-Amzn-Trace-Id"] = request.trace
    if request.client_context is not None:
        headers["X-Amz-Client-Context"] = base64.b64encode(orjson.dumps(request.client_context)).decode()
    return headers
