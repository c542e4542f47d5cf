"""`make demo`: run the order workflow on a real server, kill the server in the middle, and watch the order go on.

What happens here is what a user would do: `stepwell up`, CreateStateMachine and StartExecution over the AWS wire
protocol, GetExecutionHistory. The server is killed with SIGKILL while the order waits for its pick-up.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from services.cli.client import Client, Target
from services.cli.commands.executions import print_history
from services.cli.follow import follow
from services.cli.timeline import Timeline
from services.runtime.clock import SystemClock

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
READY_SECONDS_MAX = 60.0


class Server:
    """A `stepwell up` of our own."""

    def __init__(self, folder: Path) -> None:
        """Choose a free port; nothing is started yet."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def client(self) -> Client:
        """A client for it."""
        return Client(Target(f"http://127.0.0.1:{self.port}", "us-east-1", "demo", "demo"), SystemClock())

    def start(self) -> float:
        """Start it; returns the seconds until it was ready."""
        begun = time.monotonic()
        line = [str(Path(sys.executable).parent / "stepwell"), "up", "--port", str(self.port)]
        line += ["--data", str(self._folder / "data"), "--functions", str(HERE / "functions.json")]
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(line, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        client = self.client
        while not client.ready():
            if self._process.poll() is not None or time.monotonic() - begun > READY_SECONDS_MAX:
                sys.exit(f"the server did not start:\n{(self._folder / 'server.log').read_text()}")
            time.sleep(0.02)
        return time.monotonic() - begun

    def kill(self) -> int:
        """Kill it with SIGKILL; returns its process id."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        return self._process.pid

    def stop(self) -> None:
        """Stop it cleanly."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()


class Killer:
    """Kills the server once, when it sees that the order waits, and starts it again."""

    def __init__(self, server: Server) -> None:
        """Keep the server to be killed."""
        self._server = server
        self.done = False

    def __call__(self, timeline: Timeline) -> None:
        """Look at the newest state."""
        waiting = any(node.kind == "Wait" and node.end is None for node in timeline.root.children)
        if waiting and not self.done:
            self.done = True
            pid = self._server.kill()
            print(f">>> kill -9 {pid}: the server is dead, in the middle of the order")
            seconds = self._server.start()
            print(f">>> started again in {seconds:.1f} s, on the same data; the order goes on where it was")


def main() -> None:
    """Run the demo; exit code 0 if the order was taken through the crash."""
    screen = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="stepwell-demo-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = Server(folder)
        try:
            play(server, screen)
        finally:
            server.stop()


def play(server: Server, screen: Console) -> None:
    """The demo itself."""
    screen.rule("1. stepwell up")
    print(f"ready in {server.start():.1f} s on http://127.0.0.1:{server.port}, with a Postgres of its own (fsync on)")
    client = server.client

    screen.rule("2. deploy and start over the AWS wire protocol")
    definition = (HERE / "order.asl.json").read_text("utf-8")
    role = "arn:aws:iam::000000000000:role/demo"
    machine = client.call("CreateStateMachine", name="order", definition=definition, roleArn=role)
    order = json.dumps(json.loads((HERE / "input.json").read_text("utf-8")))
    execution = client.call(
        "StartExecution", stateMachineArn=machine["stateMachineArn"], name="order-4711", input=order
    )
    arn = execution["executionArn"]
    print(f"CreateStateMachine -> {machine['stateMachineArn']}\nStartExecution     -> {arn}")

    screen.rule("3. the order, with a kill -9 in the middle")
    killer = Killer(server)
    timeline = follow(client, arn, patience_seconds=READY_SECONDS_MAX, on_change=killer)

    screen.rule("4. its history")
    events = list(client.pages("GetExecutionHistory", "events", executionArn=arn, maxResults=1000))
    print_history(events)
    print(f"\n{timeline.status}: {timeline.output or timeline.error}")
    whole = [event["id"] for event in events] == list(range(1, len(events) + 1))
    if timeline.status != "SUCCEEDED" or not killer.done or not whole:
        sys.exit("the demo did not go as it should have")
    print(f"{len(events)} history events, numbered 1 to {len(events)} without a gap, one server killed, nothing lost")


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
