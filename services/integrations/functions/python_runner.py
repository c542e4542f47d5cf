"""The program inside a function's subprocess: imports the handler once, then answers one event after the other.

It runs under the user's interpreter with nothing but the standard library, started as a file, never imported by
Stepwell. A frame is two lengths of four bytes, a head and a body: the event with a JSON head one way; the answer with
whether it failed and how many seconds it took the other way. Answers and errors are those of AWS's Python runtime.
Standard input is a pipe that nobody writes to: when it closes, the worker is gone and this process ends itself.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import struct
import sys
import threading
import traceback
from time import monotonic  # noqa: TID251 - nobody can hand a clock into this process

TYPE_CHECKING = False  # typing itself is not imported, to start fast
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

_LENGTHS = struct.Struct("!II")
_ANSWER_HEAD = struct.Struct("!?d")
_ANSWER_BYTES_MAX = 6_291_556


class ClientContext:
    """What the caller told about itself."""

    def __init__(self, told: dict[str, Any]) -> None:
        """Take the three members that AWS knows."""
        self.client = told.get("client")
        self.custom = told.get("custom")
        self.env = told.get("env")


class Context:
    """The second argument of a handler."""

    def __init__(self, head: dict[str, Any]) -> None:
        """Take what the invocation says."""
        self.aws_request_id = head["request_id"]
        self.function_name = head["name"]
        self.function_version = head["version"]
        self.invoked_function_arn = head["arn"]
        self.memory_limit_in_mb = head["memory_mb"]
        self.log_group_name = "/aws/lambda/" + head["name"]
        self.log_stream_name = head["version"]
        self.identity = None
        told = head["client_context"]
        self.client_context = ClientContext(told) if isinstance(told, dict) else None
        self._end = monotonic() + head["seconds"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is killed."""
        return max(0, int((self._end - monotonic()) * 1000))

    def log(self, message: object) -> None:
        """Print without a line end of our own."""
        sys.stdout.write(str(message))


def failure(error_type: str, message: str, request_id: str = "", stack_trace: Sequence[str] = ()) -> str:
    """An error as the Python runtime of Lambda writes it."""
    shown = {"errorMessage": message, "errorType": error_type, "requestId": request_id}
    return json.dumps(dict(shown, stackTrace=list(stack_trace)))


def frames_of(error: BaseException) -> list[str]:
    """The stack without this file's own frames."""
    entries = list(traceback.extract_tb(error.__traceback__))
    while entries and entries[0].filename == __file__:
        entries = entries[1:]
    return traceback.format_list([entry for entry in entries if "importlib._bootstrap" not in entry.filename])


def load(module_name: str, function_name: str) -> tuple[Callable[..., Any] | None, str | None]:
    """Import the handler; gives it and None, or None and what went wrong."""
    try:
        found: Any = importlib.import_module(module_name)
    except SyntaxError as error:
        place = f'File "{error.filename}" Line {error.lineno}\n    {error.text}'
        message = f"Syntax error in module '{module_name}': {error.msg}"
        return None, failure("Runtime.UserCodeSyntaxError", message, "", [place])
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        return None, failure("Runtime.ImportModuleError", message)
    except Exception as error:
        return None, failure(type(error).__name__, str(error), "", frames_of(error))
    try:
        for part in function_name.split("."):
            found = getattr(found, part)
    except AttributeError:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        return None, failure("Runtime.HandlerNotFound", message)
    return found, None


def plain(value: Any) -> object:
    """What JSON cannot hold by itself but Lambda's runtime writes all the same."""
    if type(value).__name__ == "Decimal":
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def answer(handler: Callable[..., Any], head: dict[str, Any], body: bytes) -> tuple[bool, str]:
    """Call the handler; gives whether it failed, and the JSON text to answer with."""
    request_id = head["request_id"]
    try:
        event = json.loads(body)
    except ValueError as error:
        return True, failure("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}", request_id)
    try:
        result = handler(event, Context(head))
    except Exception as error:
        return True, failure(type(error).__name__, str(error), request_id, frames_of(error))
    try:
        text = json.dumps(result, default=plain)
    except Exception as error:
        return True, failure("Runtime.MarshalError", f"Unable to marshal response: {error}", request_id)
    if len(text) > _ANSWER_BYTES_MAX:
        message = f"Response payload size exceeded maximum allowed payload size ({_ANSWER_BYTES_MAX} bytes)."
        return True, failure("Function.ResponseSizeTooLarge", message, request_id)
    return False, text


def end_with_the_worker() -> None:
    """Watch the pipe that was standard input, on a thread of its own."""
    lifeline = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def watch() -> None:
        os.read(lifeline, 1)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def limit_memory(memory_mb: int) -> None:
    """Bound what the process may allocate."""
    if memory_mb:
        import resource

        limit = memory_mb * 1_048_576
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def send(channel: socket.socket, failed: bool, text: str, seconds: float = 0.0) -> None:
    """Write one frame."""
    body = text.encode("utf-8", "surrogatepass")
    head = _ANSWER_HEAD.pack(failed, seconds)
    channel.sendall(_LENGTHS.pack(len(head), len(body)) + head + body)


def name_the_invocation(head: dict[str, Any]) -> None:
    """The variables that Lambda sets for each function or call."""
    if os.environ.get("AWS_LAMBDA_FUNCTION_NAME") != head["name"]:
        os.environ["AWS_LAMBDA_FUNCTION_NAME"] = head["name"]
        os.environ["AWS_LAMBDA_FUNCTION_VERSION"] = head["version"]
    if head["trace"]:
        os.environ["_X_AMZN_TRACE_ID"] = head["trace"]


def serve(channel: socket.socket, handler: Callable[..., Any]) -> None:
    """Answer until the worker closes the connection."""
    stream = channel.makefile("rb")
    while True:
        lengths = stream.read(_LENGTHS.size)
        if len(lengths) < _LENGTHS.size:
            return
        head_bytes, body_bytes = _LENGTHS.unpack(lengths)
        head = json.loads(stream.read(head_bytes))
        body = stream.read(body_bytes)
        name_the_invocation(head)
        begun = monotonic()
        failed, text = answer(handler, head, body)
        sys.stdout.flush()
        sys.stderr.flush()
        send(channel, failed, text, monotonic() - begun)


def main() -> None:
    """Import the handler, say whether that worked, then serve."""
    module_name, function_name, descriptor, memory_mb = sys.argv[1:]
    end_with_the_worker()
    sys.path[0] = os.getcwd()
    limit_memory(int(memory_mb))
    channel = socket.socket(fileno=int(descriptor))
    handler, problem = load(module_name, function_name)
    sys.stdout.flush()
    sys.stderr.flush()
    send(channel, problem is not None, problem or "")
    if handler is not None:
        serve(channel, handler)


if __name__ == "__main__":
    main()
