"""Start the server as a user would: `stepwell up` alone, or one process for each role with Redis between them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadtest.bench.workloads import ECHO_FUNCTION, PYTHON_FUNCTION

READY_SECONDS_MAX = 60.0
_STOP_SECONDS_MAX = 20.0


@dataclass(slots=True)
class Server:
    """A running server: where it listens, its processes by role, where its lanes show metrics, its time to start."""

    endpoint: str
    folder: Path
    pids: dict[str, int] = field(default_factory=dict)
    ready_seconds: float = 0.0
    metrics: list[str] = field(default_factory=list)


@contextlib.contextmanager
def started(layout: str, folder: Path | None = None, workers: int = 1, lanes: int = 0) -> Iterator[Server]:
    """Run a server for the length of a `with` block.

    Args:
        layout: `up` (everything in one process, broker in memory), `up+redis`, or `roles`.
        folder: where its data is kept; a new one by default, which is deleted at the end.
        workers: how many worker processes the layout `roles` has.
        lanes: how many express processes it has.
    """
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stepwell-bench-")))
            folder.chmod(0o755)
        functions = folder / "functions.json"
        write_function_map(functions)
        port = free_port()
        server = Server(f"http://127.0.0.1:{port}", folder)
        broker = stack.enter_context(redis_server(folder, server)) if layout != "up" else None
        if layout == "roles":
            assert broker is not None
            _start_roles(stack, server, port, broker, functions, workers, lanes)
        else:
            extra = [] if broker is None else ["--broker-url", broker]
            _start_up(stack, server, port, functions, extra)
        yield server


def write_function_map(path: Path) -> None:
    """Write the function targets of the workloads."""
    import json

    targets = {
        PYTHON_FUNCTION: f"{Path(__file__).parent / 'functions.py'}:handler",
        ECHO_FUNCTION: "echo:",
    }
    path.write_text(json.dumps({"functions": targets}, indent=2))


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start_up(stack: contextlib.ExitStack, server: Server, port: int, functions: Path, extra: Sequence[str]) -> None:
    arguments = [
        "up",
        "--port",
        str(port),
        "--data",
        str(server.folder / "data"),
        "--functions",
        str(functions),
        *extra,
    ]
    begun = time.monotonic()
    server.pids["up"] = stack.enter_context(_process("up", arguments, server.folder)).pid
    wait_ready(server.endpoint)
    server.ready_seconds = time.monotonic() - begun


def _start_roles(
    stack: contextlib.ExitStack, server: Server, port: int, broker: str, functions: Path, workers: int, lanes: int
) -> None:
    from services.store.embedded import EmbeddedPostgres

    postgres = EmbeddedPostgres(server.folder / "data")
    url = postgres.start()
    stack.callback(postgres.stop)
    assert postgres.pid is not None
    server.pids["postgres"] = postgres.pid
    database = ["--database-url", url]
    begun = time.monotonic()
    _run(["migrate", *database], server.folder)
    roles = {
        "scheduler": ["scheduler", *database, "--broker-url", broker],
        **{
            f"worker{number}": ["worker", "--broker-url", broker, "--functions", str(functions)]
            for number in range(1, workers + 1)
        },
        **{
            f"express{number}": ["express", *database, "--broker-url", broker, "--functions", str(functions)]
            for number in range(1, lanes + 1)
        },
        "api": ["api", "--port", str(port), *database, "--broker-url", broker],
    }
    for name, arguments in roles.items():
        extra = {"STEPWELL_ENDPOINT": server.endpoint}  # where tasks start executions
        if name.startswith("express"):
            extra["STEPWELL_METRICS_PORT"] = str(free_port())
            server.metrics.append(f"http://127.0.0.1:{extra['STEPWELL_METRICS_PORT']}/metrics")
        server.pids[name] = stack.enter_context(_process(name, arguments, server.folder, extra)).pid
    wait_ready(server.endpoint)
    server.ready_seconds = time.monotonic() - begun


@contextlib.contextmanager
def redis_server(folder: Path, server: Server) -> Iterator[str]:
    """A Redis of our own, without persistence; yields its URL."""
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("the benchmark needs a redis-server on PATH (apt-get install redis-server)")
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    with _child([program, *options], folder / "redis.log") as process:
        server.pids["redis"] = process.pid
        _wait_listening(port)
        yield f"redis://127.0.0.1:{port}/0"


def wait_ready(endpoint: str, seconds_max: float = READY_SECONDS_MAX) -> None:
    """Wait until /readyz says 200."""
    deadline = time.monotonic() + seconds_max
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{endpoint}/readyz", timeout=1) as answer:
                if answer.status == 200:
                    return
        except (OSError, urllib.error.URLError):
            pass
        time.sleep(0.01)
    raise SystemExit(f"the server at {endpoint} was not ready within {seconds_max:.0f} s; see its log")


def _wait_listening(port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
    raise SystemExit(f"nothing listens on port {port}")


def command(arguments: Sequence[str]) -> list[str]:
    """The `stepwell` command line in this very environment."""
    return [str(Path(sys.executable).parent / "stepwell"), *arguments]


def _run(arguments: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command(arguments), cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"stepwell {arguments[0]} failed:\n{done.stdout}{done.stderr}")


@contextlib.contextmanager
def _process(
    name: str, arguments: Sequence[str], folder: Path, extra: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    with _child(command(arguments), folder / f"{name}.log", extra) as process:
        yield process


@contextlib.contextmanager
def _child(line: Sequence[str], log: Path, extra: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    environment = (
        os.environ
        | dict(extra or {})
        | {"PYTHONPATH": os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")]))}
    )
    with log.open("wb") as output:
        process = subprocess.Popen(line, stdout=output, stderr=output, stdin=subprocess.DEVNULL, env=environment)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
