"""Play the recordings of the real AWS against a server of our own; the score by file.

`python -m tests.e2e.conformance.recordings` prints the score and, when nothing got worse, writes it as
the new floor and into `docs/compatibility.md`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.e2e.conformance import report
from tests.fixtures.server import Server
from tests.fixtures.shared import CONFORMANCE, ROOT

FLOOR = ROOT / "docs" / "compatibility" / "floor.json"
_JOBS = "4"


def play(folder: Path, *arguments: str) -> dict[str, Any]:
    """Outcomes by case id, as the player writes them."""
    outcomes = folder / "outcomes.json"
    with stand_ins(folder) as environment:
        server = Server(folder, environment=environment)
        server.start()
        try:
            line = [sys.executable, str(CONFORMANCE / "run.py"), "--endpoint", server.endpoint]
            line += ["--jobs", _JOBS, "--json", str(outcomes), *arguments]
            with (folder / "player.log").open("wb") as log:
                # The other retry modes add words of their own to every error of a client that may not retry.
                subprocess.run(
                    line,
                    stdout=log,
                    stderr=log,
                    check=False,
                    env=os.environ | environment | {"AWS_RETRY_MODE": "legacy"},
                )
        finally:
            server.stop()
    found: dict[str, Any] = json.loads(outcomes.read_text())["outcomes"]
    return found


@contextlib.contextmanager
def stand_ins(folder: Path) -> Iterator[dict[str, str]]:
    """Stand-ins for the other AWS services; yields the variables that lead to them."""
    aws, functions = free_port(), free_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws}",
        "AWS_ENDPOINT_URL_LAMBDA": f"http://127.0.0.1:{functions}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with contextlib.ExitStack() as stack:
        # The stand-in for AWS must not be told of itself, nor the one for Lambda.
        for script, port, told in (
            ("aws_standin.py", aws, {}),
            ("lambda_shim.py", functions, {"AWS_ENDPOINT_URL": environment["AWS_ENDPOINT_URL"]}),
        ):
            log = stack.enter_context((folder / f"{script}.log").open("wb"))
            line = [sys.executable, str(CONFORMANCE / script), "--port", str(port)]
            process = subprocess.Popen(line, stdout=log, stderr=log, env=os.environ | told)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        yield environment


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def score(outcomes: dict[str, Any]) -> dict[str, list[int]]:
    """Passed and played cases by file."""
    counts: dict[str, list[int]] = {}
    for name, outcome in outcomes.items():
        file = re.split("::", name)[0].removeprefix("v2/")
        passed, played = counts.setdefault(file, [0, 0])
        counts[file] = [passed + bool(outcome["passed"]), played + 1]
    return dict(sorted(counts.items()))


def floor() -> dict[str, list[int]]:
    """The score that must not be lost."""
    found: dict[str, list[int]] = json.loads(FLOOR.read_text()) if FLOOR.exists() else {}
    return found


def main() -> None:
    """Print the score, file by file; keep it if nothing got worse."""
    with tempfile.TemporaryDirectory(prefix="stepwell-conformance-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        outcomes = play(folder, *sys.argv[1:])
    now, before = score(outcomes), floor()
    for file, (passed, played) in now.items():
        print(f"{passed:4} of {played:<4} {file}")
    print(f"{sum(it[0] for it in now.values()):4} of {sum(it[1] for it in now.values())} in all")
    worse = [file for file, (passed, _) in before.items() if now.get(file, [0, 0])[0] < passed]
    if worse:
        sys.exit(f"worse than the floor: {', '.join(worse)}")
    if not sys.argv[1:]:
        FLOOR.parent.mkdir(exist_ok=True)
        FLOOR.write_text(json.dumps(now, indent=1) + "\n")
        report.write(outcomes, now)


if __name__ == "__main__":
    main()
