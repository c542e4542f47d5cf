"""One subprocess that runs one Python handler, one event at a time, and can be killed at any moment."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import orjson

from services.integrations.functions.invocation import FunctionCrashed
from services.integrations.functions.targets import PythonTarget

RUNNER: Final = str(Path(__file__).with_name("python_runner.py"))
LOG_TAIL_BYTES: Final = 4_096
_LOG_READ_BYTES: Final = 65_536
_LOG_LINE_BYTES: Final = 16_384
_SECRET_PREFIX: Final = "STEPWELL_"  # our own settings hold passwords, which are no business of a function
_LENGTHS: Final = struct.Struct("!II")
_ANSWER_HEAD: Final = struct.Struct("!?d")

log = logging.getLogger(__name__)
function_log = logging.getLogger("stepwell.functions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One event and what its context shows."""

    request_id: str
    name: str
    version: str
    arn: str
    seconds: float
    payload: bytes
    client_context: object = None
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the handler answered, or how it failed, as JSON text; how long it took; the end of what it printed."""

    failed: bool
    payload: bytes
    seconds: float
    log: bytes


class PythonProcess(asyncio.Protocol):
    """Parent's end. Broken after the first failure, cancellation or kill; then it must be dropped."""

    def __init__(self, target: PythonTarget) -> None:
        """Nothing runs yet; `start` it."""
        self.target = target
        self.alive = False
        self._process: subprocess.Popen[bytes] | None = None
        self._transport: asyncio.WriteTransport | None = None
        self._received = bytearray()
        self._answer: asyncio.Future[tuple[bool, float, bytes]] | None = None
        self._log_fd = -1
        self._log = bytearray()
        self._line = bytearray()
        self._name = target.function

    async def start(self) -> Reply:
        """Spawn it and wait until the handler is imported; the reply says how that failed, if it did.

        Raises:
            FunctionCrashed: it ended during the import, or could not be started.
        """
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = await asyncio.to_thread(self._spawn, theirs.fileno())
        except OSError as problem:
            ours.close()
            raise FunctionCrashed(f"The process of {self._handler} could not be started: {problem}") from None
        self.alive = True
        self._answer = loop.create_future()
        await loop.create_unix_connection(lambda: self, sock=ours)
        loop.add_reader(self._log_fd, self._read_log)
        return await self._wait("")

    async def invoke(self, request: Request) -> Reply:
        """Hand it one event. Cancelling kills it.

        Raises:
            FunctionCrashed: it ended without an answer.
        """
        assert self._transport is not None and self._answer is None
        self._name = request.name
        self._log.clear()
        head = orjson.dumps(
            {
                "request_id": request.request_id,
                "name": request.name,
                "version": request.version,
                "arn": request.arn,
                "seconds": request.seconds,
                "memory_mb": str(self.target.memory_mb or ""),
                "client_context": request.client_context,
                "trace": request.trace,
            }
        )
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(_LENGTHS.pack(len(head), len(request.payload)) + head + request.payload)
        return await self._wait(request.request_id)

    async def _wait(self, request_id: str) -> Reply:
        assert self._answer is not None
        try:
            failed, seconds, payload = await self._answer
        except EOFError:
            status = await self._end()
            raise FunctionCrashed(f"RequestId: {request_id} Error: {_exit_text(status)}") from None
        except BaseException:
            self.kill()
            raise
        finally:
            self._answer = None
        self._read_log()
        return Reply(failed, payload, seconds, bytes(self._log[-LOG_TAIL_BYTES:]))

    def kill(self) -> None:
        """End it and everything it started, at once."""
        if self._process is not None and self.alive:
            self.alive = False
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._let_go()
            asyncio.get_running_loop().run_in_executor(None, self._process.wait)

    async def _end(self) -> int:
        """It closed its end: collect what it printed and how it ended."""
        assert self._process is not None
        try:
            status = await asyncio.wait_for(asyncio.to_thread(self._process.wait), 1.0)
        except TimeoutError:
            status = 0
        self._read_log()
        self.kill()
        return status

    def _spawn(self, descriptor: int) -> subprocess.Popen[bytes]:
        target = self.target
        self._log_fd, log_write = os.pipe()
        os.set_blocking(self._log_fd, False)
        try:
            return subprocess.Popen(
                [
                    target.python or sys.executable,
                    RUNNER,
                    target.module,
                    target.function,
                    str(descriptor),
                    str(target.memory_mb or 0),
                ],
                stdin=subprocess.PIPE,
                stdout=log_write,
                stderr=log_write,
                cwd=target.search_path,
                env=self._environment(),
                pass_fds=(descriptor,),
                start_new_session=True,
            )
        finally:
            os.close(log_write)

    def _environment(self) -> dict[str, str]:
        target = self.target
        own = {"LAMBDA_TASK_ROOT": target.search_path, "_HANDLER": f"{target.module}.{target.function}"}
        if target.memory_mb:
            own["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = str(target.memory_mb)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_SECRET_PREFIX)}
        return {**inherited, "PYTHONUNBUFFERED": "1", **own, **dict(target.environment)}

    @property
    def _handler(self) -> str:
        return f"{self.target.module}:{self.target.function}"

    # ------------------------------------------------------------------------------------- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        """Gather a frame: whether it failed, the seconds it took, and a payload."""
        received = self._received
        received += data
        if len(received) < _LENGTHS.size:
            return
        head_bytes, body_bytes = _LENGTHS.unpack_from(received)
        end = _LENGTHS.size + head_bytes + body_bytes
        if len(received) < end:
            return
        failed, seconds = _ANSWER_HEAD.unpack_from(received, _LENGTHS.size)
        payload = bytes(received[end - body_bytes : end])
        del received[:end]
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((failed, seconds, payload))

    def connection_lost(self, exc: Exception | None) -> None:
        """The process ended, or we let go of it."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(EOFError())
        elif self.alive:
            self.kill()

    # ------------------------------------------------------------------------------------------------- its log

    def _read_log(self) -> None:
        """Take what it printed; the tail belongs to the invocation, whole lines go to the log."""
        while self._log_fd >= 0:
            try:
                printed = os.read(self._log_fd, _LOG_READ_BYTES)
            except BlockingIOError:
                return
            if not printed:
                self._close_log()
                return
            self._log += printed
            del self._log[:-LOG_TAIL_BYTES]
            self._line += printed
            *lines, rest = self._line.split(b"\n")
            self._line = rest[:_LOG_LINE_BYTES]
            for line in lines:
                text = line[:_LOG_LINE_BYTES].decode("utf-8", "replace")
                function_log.info("%s", text, extra={"function": self._name})
            if len(printed) < _LOG_READ_BYTES:
                return

    def _close_log(self) -> None:
        if self._log_fd >= 0:
            asyncio.get_running_loop().remove_reader(self._log_fd)
            os.close(self._log_fd)
            self._log_fd = -1

    def _let_go(self) -> None:
        self._close_log()
        if self._transport is not None:
            self._transport.abort()
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()


def _exit_text(status: int) -> str:
    """AWS's words for the end of a runtime."""
    if status < 0:
        return f"Runtime exited with error: signal: {signal.strsignal(-status) or -status}".lower().replace(
            "runtime", "Runtime", 1
        )
    return f"Runtime exited with error: exit status {status}" if status else "Runtime exited without providing a reason"
