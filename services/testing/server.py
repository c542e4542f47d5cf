"""A real server for tests: `stepwell up` in a process of its own, on a free port, with data that goes away with it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from services.runtime.clock import SystemClock

REGION: Final = "us-east-1"
ACCOUNT: Final = "000000000000"
KEY: Final = "stepwell"
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 15.0
_MAIN: Final = "from services.cli.main import main; main()"
_READY: Final = re.compile(r"is ready on (http://127\.0\.0\.1:\d+)")


class ServerError(Exception):
    """The server did not start; the text ends with what it said."""


class Server:
    """A running server; `with Server(...) as server` ends it and removes its data.

    Attributes:
        endpoint: its URL.
        folder: where its data and its log are.
    """

    def __init__(
        self,
        *,
        mocks: Path | str | None = None,
        functions: Sequence[Path | str] = (),
        targets: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Say what it needs; nothing is started yet.

        Args:
            mocks: mock file in the format of Step Functions Local.
            functions: map files of function targets.
            targets: more targets, such as `{"echo": "handlers.py:echo"}`.
            environment: more variables for the server's process.
        """
        self.endpoint = ""
        self.folder = Path()
        self._arguments = [f"--functions={file}" for file in functions]
        self._arguments += [f"--function={name}={target}" for name, target in (targets or {}).items()]
        self._environment = {**os.environ, **(environment or {})}
        self._environment.pop("SFN_MOCK_CONFIG", None)
        if mocks is not None:
            self._environment["SFN_MOCK_CONFIG"] = str(Path(mocks).absolute())
        self._process: subprocess.Popen[bytes] | None = None
        self._clock = SystemClock()

    def __enter__(self) -> Server:
        """Start it and wait until it answers."""
        self.folder = Path(tempfile.mkdtemp(prefix="stepwell-"))
        command = [sys.executable, "-c", _MAIN, "up", "--port=0", f"--data={self.folder / 'data'}"]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *self._arguments], env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            self.endpoint = self._wait_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End it, by force if it does not go."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def log(self) -> str:
        """What it has printed so far."""
        return (self.folder / "log").read_text("utf-8", "replace")

    def variables(self) -> dict[str, str]:
        """What AWS clients must find in their environment to reach it."""
        return {
            "AWS_ENDPOINT_URL_SFN": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        }

    def client(self, region: str = REGION, key: str = KEY, **config: Any) -> Any:
        """A client as `boto3.client("stepfunctions")` gives it; `config` goes into its botocore Config.

        An access key of twelve digits is an account of its own, in which nobody else's resources are seen.
        """
        from botocore.config import Config
        from botocore.session import get_session

        return get_session().create_client(
            "stepfunctions",
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=KEY,
            config=Config(**{"inject_host_prefix": False, **config}),
        )

    def wait_for(self, execution_arn: str, seconds: float = 30.0) -> dict[str, Any]:
        """Wait until an execution has ended; what DescribeExecution says then.

        Raises:
            TimeoutError: it still runs after so many seconds.
        """
        region, account = execution_arn.split(":")[3:5]
        client = self.client(region, account)
        until = self._clock.monotonic() + seconds
        while True:
            found: dict[str, Any] = client.describe_execution(executionArn=execution_arn)
            if found["status"] not in ("RUNNING", "PENDING_REDRIVE"):
                return found
            if self._clock.monotonic() > until:
                raise TimeoutError(f"{execution_arn} still runs after {seconds:g} s")
            time.sleep(0.02)

    def _wait_ready(self) -> str:
        assert self._process is not None
        until = self._clock.monotonic() + START_SECONDS
        while self._clock.monotonic() < until:
            found = _READY.search(self.log)
            if found is not None:
                return found[1]
            if self._process.poll() is not None:
                raise ServerError(f"the server ended with exit code {self._process.returncode}:\n{self.log}")
            time.sleep(0.02)
        raise ServerError(f"the server was not ready after {START_SECONDS:g} s:\n{self.log}")
