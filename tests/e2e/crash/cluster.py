"""A cluster of real processes: an API, schedulers, workers, a Postgres, a Redis. Any of them may be killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from services.cli.client import Client, Target
from services.runtime.clock import SystemClock
from services.store.embedded import EmbeddedPostgres
from tests.fixtures.server import READY_SECONDS, ROOT, STEPWELL, STOP_SECONDS


class Cluster:
    """Processes by name: `api`, `scheduler-1`, `worker-2`, ..."""

    def __init__(
        self,
        folder: Path,
        port: int,
        database_url: str,
        broker_url: str,
        functions: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Nothing runs yet."""
        self.port = port
        self._folder = folder
        self._functions = [] if functions is None else ["--functions", str(functions)]
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STEPWELL_"))},
            "STEPWELL_DATABASE_URL": database_url,
            "STEPWELL_BROKER_URL": broker_url,
            **(environment or {}),
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def client(self) -> Client:
        """A client of the API."""
        return Client(Target(f"http://127.0.0.1:{self.port}", "us-east-1", "test", "test"), SystemClock())

    def migrate(self) -> None:
        """Make the tables."""
        subprocess.run([STEPWELL, "migrate"], cwd=ROOT, env=self._environment, check=True, capture_output=True)

    def start(self, name: str) -> None:
        """Start one process."""
        role = name.split("-")[0]
        extra = {"api": ["--port", str(self.port)], "worker": self._functions}.get(role, [])
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [STEPWELL, role, *extra], cwd=ROOT, env=self._environment, stdout=log, stderr=log
            )

    def wait_ready(self) -> None:
        """Wait until the API is."""
        deadline = time.monotonic() + READY_SECONDS
        while not self.client.ready():
            assert time.monotonic() < deadline, (self._folder / "api.log").read_text()
            time.sleep(0.05)

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self._processes[name].kill()
        self._processes.pop(name).wait()

    def stop(self) -> None:
        """End all of them."""
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            process.kill()


@contextlib.contextmanager
def cluster(
    folder: Path,
    port: int,
    broker_url: str,
    functions: Path | None,
    names: list[str],
    environment: Mapping[str, str] | None = None,
) -> Iterator[Cluster]:
    """Run a cluster on a Postgres of its own for the length of a `with` block."""
    postgres = EmbeddedPostgres(folder / "data")
    running = Cluster(folder, port, postgres.start(), broker_url, functions, environment)
    try:
        running.migrate()
        for name in names:
            running.start(name)
        running.wait_ready()
        yield running
    finally:
        running.stop()
        postgres.stop()
