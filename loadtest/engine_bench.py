"""`python -m loadtest.engine_bench`: the engine alone, in memory, on one core; history text included.

Each execution is started from its input's text and advanced to its end; every turn is encoded as the page that the
store would get, and at the end the history is rendered to the JSON that GetExecutionHistory answers with.
"""

from __future__ import annotations

import argparse
import gc
import os
import time
from uuid import UUID

import orjson

from engine.advance import advance
from engine.asl.model import Program
from engine.asl.parse import compile_definition
from engine.execution.execution import Execution, Origin, Status
from engine.execution.page import Page
from engine.execution.step import Step
from engine.execution.stimulus import Continue, Start
from engine.history.page_codec import decode_events
from engine.history.render import render as render_events
from engine.payload import Payload
from loadtest.bench.workloads import WORKLOADS, Workload

_START_MS = 1_700_000_000_000


def main() -> None:
    """Measure the workloads that need nothing but the engine."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.engine_bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each measurement (default: 5)")
    seconds = parser.parse_args().seconds
    gc.freeze()
    print("case                        executions/s  transitions/s  us/transition  with rendered history")
    for name in ("W1", "W3", "W4"):
        workload = WORKLOADS[name]
        rate, rendered = (measure(workload, seconds / 2, render) for render in (False, True))
        each = rate * workload.transitions
        print(
            f"{name} {workload.title:<26}{rate:>11,.0f}{each:>15,.0f}{1e6 / each:>15.1f}"
            f"{rendered * workload.transitions:>23,.0f}"
        )


def measure(workload: Workload, seconds: float, render: bool) -> float:
    """Executions a second of CPU time."""
    program = compile_definition(orjson.dumps(workload.definition).decode())
    given = orjson.dumps(workload.input)
    run_once(program, given, 0, render)
    count, begun = 0, time.process_time()
    while (spent := time.process_time() - begun) < seconds:
        for _ in range(20):
            count += 1
            run_once(program, given, count, render)
    return count / spent


def run_once(program: Program, given: bytes, number: int, render: bool) -> list[Page]:
    """One execution from its start to its end."""
    machine = "arn:aws:states:us-east-1:000000000000:stateMachine:bench"
    origin = Origin(
        id=UUID(int=number),
        arn=f"arn:aws:states:us-east-1:000000000000:execution:bench:{number}",
        name=str(number),
        machine_arn=machine,
        machine_name="bench",
        role_arn="arn:aws:iam::000000000000:role/bench",
        input=Payload.of_text(given),
        start_ms=_START_MS,
    )
    execution = Execution(origin, program)
    pages: list[Page] = []
    stimulus: Start | Continue = Start()
    while not execution.ended:
        step = Step(execution, _START_MS, os.urandom)
        advance(step, stimulus)
        pages.append(step.page())
        stimulus = Continue()
    assert execution.status is Status.SUCCEEDED
    if render:
        for page in pages:
            orjson.dumps(render_events(page.first_event_id, decode_events(page.events)))
    return pages


if __name__ == "__main__":
    main()
