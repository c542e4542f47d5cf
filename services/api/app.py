"""The front: one raw ASGI application that speaks AWS JSON 1.0, and the health and metrics endpoints beside it.

A request goes: limits on size and time, who asks, JSON, shape (contract), tokens of the throttle, the operation.
Every answer is AWS's, also to what is not a request at all; only what is our own fault is a 5xx.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

import orjson
from prometheus_client import generate_latest

from engine import task_token
from services.api import errors
from services.api.admission import Admission
from services.api.body import Bodies, Disconnected, Receive
from services.api.collaborators import ExpressHistory, ExpressLane, LogGroups, MapRuns, StateTester
from services.api.commands import Commands
from services.api.context import Context
from services.api.definitions import VariableReferences
from services.api.errors import ApiError
from services.api.inbound import Inbound
from services.api.intake import Head, Intake, Scope
from services.api.known_activities import KnownActivities
from services.api.owners import Owners
from services.api.page_token import PageTokens
from services.api.pollers import Pollers
from services.api.quotas import Quotas
from services.api.request import Request
from services.api.settings import ApiSettings
from services.api.sigv4 import Verifier
from services.api.targets import Targets
from services.api.throttle import Throttle, read_sizes
from services.broker import queues
from services.broker.interface import Broker
from services.runtime.clock import Clock
from services.runtime.faults import Fault, Overloaded
from services.runtime.ids import Ids, uuid4_text
from services.runtime.metrics import ApiMetrics, expose
from services.store.interface import ApiStore
from services.store.records import Parent

Send = Callable[[dict[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

READY_SECONDS: Final = 2.0
_CONTENT_TYPE: Final = (b"content-type", b"application/x-amz-json-1.0")
_PLAIN_TEXT: Final = (b"content-type", b"text/plain; charset=utf-8")
_EMPTY_OBJECT: Final = b"{}"

log = logging.getLogger("stepwell.api")


class Reply(NamedTuple):
    """An answer as it goes over the wire."""

    status: int
    request_id: bytes
    body: bytes

    @property
    def closes(self) -> bool:
        """Whether the connection must end: what was not read of this request must not be taken for the next one."""
        return self.status in (408, 413)


class Api:
    """The API of one process. Give it to an ASGI server, which starts and closes it by the lifespan protocol."""

    def __init__(
        self,
        store: ApiStore,
        broker: Broker,
        clock: Clock,
        ids: Ids,
        settings: ApiSettings,
        *,
        express: ExpressLane | None = None,
        express_history: ExpressHistory | None = None,
        state_tester: StateTester | None = None,
        map_runs: MapRuns | None = None,
        log_groups: LogGroups | None = None,
        mocked: bool = False,
        verifier: Verifier | None = None,
    ) -> None:
        """Put the parts together; nothing is connected before `start`."""
        self._ids = ids
        self._settings = settings
        self._store = store
        self._owners = Owners(store, clock, settings.owner_cache_seconds)
        own_queue = queues.api(settings.node)
        commands = Commands(
            store,
            broker,
            self._owners,
            clock,
            lambda: ids.entropy(12).hex(),
            reply_to=own_queue,
            reply_seconds=settings.reply_seconds,
        )
        pollers = Pollers(
            broker, self._owners, clock, ids.entropy(task_token.SECRET_BYTES), f"api-{settings.node}", own_queue
        )
        self.context = Context(
            store=store,
            clock=clock,
            ids=ids,
            settings=settings,
            admission=Admission(store, broker, self._owners),
            commands=commands,
            pollers=pollers,
            known_activities=KnownActivities(store, clock, settings.machine_cache_seconds),
            targets=Targets(store, clock, settings.machine_cache_seconds),
            page_tokens=PageTokens(settings.seal),
            throttle=Throttle(read_sizes(settings.throttle), clock.monotonic),
            quotas=Quotas(store, clock, settings),
            variable_references=VariableReferences(),
            express=express,
            express_history=express_history,
            state_tester=state_tester,
            map_runs=map_runs,
            log_groups=log_groups,
            mocked=mocked,
        )
        self._inbound = Inbound(broker, commands, pollers, [own_queue, queues.incarnation(f"api-{settings.node}")])
        self._intake = Intake(settings, self.context.throttle, verifier)
        self._metrics = ApiMetrics()
        self._hide_metrics: Callable[[], None] | None = None
        self._mounted: list[tuple[str, Asgi]] = []
        self._housekeeping: asyncio.Task[None] | None = None

    def mount(self, prefix: str, application: Asgi) -> None:
        """Hand requests whose path begins with `prefix` to another application."""
        self._mounted.append((prefix, application))

    async def start(self) -> None:
        """Listen to the schedulers' replies and begin the housekeeping."""
        self._inbound.start()
        self._hide_metrics = expose(self._metrics)
        self._housekeeping = asyncio.create_task(self._finish_deletions(), name="finish deletions")

    async def close(self) -> None:
        """Answer the long polls and stop listening."""
        self.context.pollers.close()
        if self._hide_metrics is not None:
            self._hide_metrics()
        if self._housekeeping is not None:
            self._housekeeping.cancel()
        await self._inbound.close()

    async def _finish_deletions(self) -> None:
        """Let deleted state machines go once their last execution has ended."""
        wait = self._settings.deletion_seconds
        while True:
            await self.context.clock.sleep(max(wait / 2, 1.0))
            try:
                await self._store.finish_deletions(self.context.clock.now_ms() - round(wait * 1000))
            except Fault:
                log.warning("deletions wait for the store")

    async def ask(
        self, operation: str, body: dict[str, Any], account: str, region: str, parent: Parent | None = None
    ) -> dict[str, Any]:
        """Answer an operation of AWS's that a task in this process asks for, without a request on the wire.

        Raises:
            ApiError: as the caller of the API would be refused.
            Fault: the store does not answer.
        """
        act = self._intake.checked(operation, body)
        return await act(self.context, Request(operation, body, account, region, parent=parent))

    # --- ASGI -----------------------------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        if scope["type"] == "http":
            if scope["path"] == "/" and scope["method"] == "POST":
                await self._answer(scope, receive, send)
            else:
                await self._beside(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        elif (mounted := self._mounted_at(scope["path"])) is not None:
            await mounted(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One operation through an ASGI server."""
        head = Head(scope)
        try:
            data = await self._intake.receive(head, receive)
        except Disconnected:
            return
        except ApiError as refused:
            reply = self.refusal(head, refused)
        else:
            reply = await self.reply(head, data, receive)
        headers = [
            _CONTENT_TYPE,
            (b"x-amzn-requestid", reply.request_id),
            (b"content-length", str(len(reply.body)).encode()),
        ]
        if reply.closes:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    # --- operations -----------------------------------------------------------------------------------------------

    @property
    def bodies(self) -> Bodies:
        """The limits of request bodies, for a server that receives them itself."""
        return self._intake.bodies

    async def reply(self, head: Head, data: bytes, next_message: Receive) -> Reply:
        """Answer one request: 200 with its answer, or the error's status with AWS's error body. Never raises."""
        begun = self.context.clock.monotonic()
        request_id = self._request_id()
        try:
            operation, request = self._intake.read(head, data, next_message)
            head.forget()
            answer = await operation(self.context, request)
            reply = Reply(200, request_id, orjson.dumps(answer) if answer else _EMPTY_OBJECT)
            code = None
        except Exception as error:
            # The top of a request: a bug in one must not end the process, and the caller must hear something.
            refused = _as_answer(error)
            reply = Reply(refused.status, request_id, orjson.dumps(refused.body))
            code = refused.code
        self._metrics.answered(self._intake.operation_of(head), self.context.clock.monotonic() - begun, code)
        return reply

    def refusal(self, head: Head, refused: ApiError) -> Reply:
        """The answer to a request that is refused before it was read."""
        self._metrics.answered(self._intake.operation_of(head), 0.0, refused.code)
        return Reply(refused.status, self._request_id(), orjson.dumps(refused.body))

    def _request_id(self) -> bytes:
        return uuid4_text(self._ids.entropy(16)).encode()

    # --- beside the API -------------------------------------------------------------------------------------------

    async def _beside(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if (mounted := self._mounted_at(path)) is not None:
            await mounted(scope, receive, send)
        elif method in ("GET", "HEAD") and path == "/livez":
            await _send_text(send, 200, b"ok\n")
        elif method in ("GET", "HEAD") and path == "/readyz":
            ready = await self._ready()
            await _send_text(send, 200 if ready else 503, b"ok\n" if ready else b"the store does not answer\n")
        elif method == "GET" and path == "/metrics":
            await _send_text(send, 200, generate_latest())
        else:
            await self._refuse_beside(send, errors.unknown_operation(404 if path != "/" else 405), method)

    async def _refuse_beside(self, send: Send, error: ApiError, method: str) -> None:
        body = orjson.dumps(error.body)
        headers = [
            _CONTENT_TYPE,
            (b"x-amzn-requestid", self._request_id()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": error.status, "headers": headers})
        await send({"type": "http.response.body", "body": body if method != "HEAD" else b""})

    def _mounted_at(self, path: str) -> Asgi | None:
        for prefix, application in self._mounted:
            if path == prefix or path.startswith(prefix.rstrip("/") + "/"):
                return application
        return None

    async def _ready(self) -> bool:
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._owners.refresh()
        except (Fault, TimeoutError):
            return False
        return True


def _as_answer(error: Exception) -> ApiError:
    """What the caller hears of it."""
    match error:
        case ApiError():
            return error
        case Overloaded():
            return errors.throttled()
        case Fault():
            log.warning("request failed by a fault", exc_info=error)
            return errors.unavailable()
        case _:
            log.error("request failed", exc_info=error)
            return errors.internal_failure()


async def _send_text(send: Send, status: int, body: bytes) -> None:
    headers = [_PLAIN_TEXT, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
