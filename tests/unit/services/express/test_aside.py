"""Express turns that may take long: on a thread, one at a time, and whoever is not known to be slow comes first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from engine.asl.model import Program
from engine.asl.parse import compile_definition
from engine.execution.execution import Execution, Status
from engine.payload import Payload
from services.execution_logs.log import ExecutionLog
from services.execution_logs.policy import OFF
from services.express.aside import REST_SHARE, Aside
from services.express.lane import Lane
from services.express.settings import ExpressSettings
from services.integrations.interface import Call, Outcome, Succeeded
from services.runtime.ids import SystemIds
from services.runtime.pace import QUICK_TURNS, SLOW_SECONDS
from tests.fixtures.virtual_loop import VirtualClock, run_virtually
from tests.unit.services.express.material import Answer, Calls, compiled, echo, machine, origin

LONG, SHORT = SLOW_SECONDS * 10, SLOW_SECONDS / 10


def program(language: str) -> Program:
    return compile_definition(
        f'{{"QueryLanguage": "{language}", "StartAt": "A", "States": {{"A": {{"Type": "Succeed"}}}}}}'
    )


class Thread:
    """In place of a thread: work takes virtual time, and what runs when is written down."""

    def __init__(self, seconds: float = SHORT) -> None:
        self.clock = VirtualClock()
        self.seconds = seconds
        self.running = self.most = 0
        self.aside = Aside(self.clock.monotonic, self.run)

    async def run(self, work: Callable[[], None]) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(self.seconds)
        work()
        self.running -= 1


def test_a_machine_that_evaluates_jsonata_is_taken_aside_until_a_turn_was_quick() -> None:
    aside = Aside(lambda: 0.0)
    assert aside.expects_slow("a", program("JSONata"))
    aside.took("a", SHORT)
    assert not aside.expects_slow("a", program("JSONata"))


def test_a_machine_that_took_long_is_taken_aside_until_many_turns_were_quick() -> None:
    aside = Aside(lambda: 0.0)
    assert not aside.expects_slow("a", program("JSONPath"))
    aside.took("a", LONG)
    for _ in range(QUICK_TURNS):
        assert aside.expects_slow("a", program("JSONPath"))
        aside.took("a", SHORT)
    assert not aside.expects_slow("a", program("JSONPath"))


def test_one_works_at_a_time_and_whoever_has_not_proved_slow_goes_first() -> None:
    async def main() -> tuple[list[str], int]:
        thread, told = Thread(), []
        thread.aside.took("slow", LONG)
        for name in ("slow", "slow", "new", "new"):
            thread.aside.take(name, lambda: None, lambda problem, name=name: told.append(name))  # type: ignore[misc]
        await asyncio.sleep(60)
        return told, thread.most

    assert run_virtually(main()) == (["new", "new", "slow", "slow"], 1)


def test_after_a_long_turn_the_thread_rests() -> None:
    async def main() -> list[float]:
        thread, ended = Thread(LONG), []
        for _ in range(2):
            thread.aside.take("a", lambda: None, lambda problem: ended.append(thread.clock.monotonic()))
        await asyncio.sleep(60)
        return [round(at - ended[0], 6) for at in ended]

    assert run_virtually(main()) == [0, round(LONG * (1 + REST_SHARE), 6)]


def test_a_problem_is_told_and_the_next_one_goes_on() -> None:
    def break_down() -> None:
        raise RuntimeError("why")

    async def main() -> list[str]:
        thread, told = Thread(), []
        for work in (break_down, lambda: None):
            thread.aside.take("a", work, lambda problem: told.append(str(problem)))
        await asyncio.sleep(60)
        return told

    assert run_virtually(main()) == ["why", "None"]


# --- executions whose turns are taken aside ---------------------------------------------------------------------------


def lane_of(thread: Thread, answer: Answer = echo) -> Lane:
    return Lane(Calls(answer), ExecutionLog([]), thread.clock, SystemIds(), ExpressSettings(), thread.aside)


def jsonata(**states: dict[str, Any]) -> dict[str, Any]:
    return {"QueryLanguage": "JSONata", **machine(**states)}


def branches(count: int) -> dict[str, Any]:
    task = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f", "End": True}
    return jsonata(
        P={"Type": "Parallel", "Branches": [machine(**{f"T{at}": task}) for at in range(count)], "End": True}
    )


def test_what_reaches_an_execution_during_such_a_turn_has_its_turn_afterwards() -> None:
    async def at_once(call: Call) -> Outcome:
        return Succeeded(b"1")

    async def main() -> Execution:
        thread = Thread(LONG)  # every turn is aside, and both answers come while one is under way
        return await lane_of(thread, at_once).run(origin({}), compiled(branches(2)), OFF)

    execution = run_virtually(main())
    assert (execution.status, execution.output) == (Status.SUCCEEDED, Payload([1, 1]))


def test_a_lane_that_goes_away_hears_no_more_of_a_turn_under_way() -> None:
    async def main() -> list[Execution]:
        ended: list[Execution] = []
        lane = lane_of(Thread(LONG))
        lane.begin(origin({}), compiled(jsonata(A={"Type": "Succeed"})), OFF, ended.append, lambda _: None)
        lane.abandon()
        await asyncio.sleep(60)
        return ended

    assert run_virtually(main()) == []


def test_an_execution_that_breaks_aside_is_told_of() -> None:
    class Broken(Thread):
        async def run(self, work: Callable[[], None]) -> None:
            raise RuntimeError("why")

    async def main() -> tuple[list[str], int]:
        broken: list[str] = []
        lane = lane_of(Broken())
        definition = compiled(jsonata(A={"Type": "Succeed"}))
        lane.begin(origin({}), definition, OFF, lambda _: None, lambda error: broken.append(str(error)))
        await asyncio.sleep(1)
        return broken, lane.running

    assert run_virtually(main()) == (["why"], 0)
