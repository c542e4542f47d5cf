"""The express lane on virtual time, its tasks answered by a function."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from engine.execution.execution import Execution, Status
from engine.payload import Payload
from services.execution_logs.log import ExecutionLog
from services.execution_logs.policy import OFF, LogPolicy
from services.express.lane import Lane
from services.express.settings import ExpressSettings
from services.integrations.interface import Call, Failed, Outcome, Succeeded
from services.runtime.ids import SystemIds
from tests.fixtures.virtual_loop import EPOCH_MS, VirtualClock, run_virtually
from tests.unit.services.express.material import Answer, Calls, Records, compiled, echo, inline, machine, origin, task


def run(
    definition: dict[str, Any],
    value: Any = None,
    answer: Answer = echo,
    *,
    policy: LogPolicy = OFF,
    records: Records | None = None,
    settings: ExpressSettings | None = None,
) -> Execution:
    async def main() -> Execution:
        log = ExecutionLog([] if records is None else [records])
        lane = Lane(Calls(answer), log, VirtualClock(), SystemIds(), settings or ExpressSettings(), inline())
        execution = await lane.run(origin(value), compiled(definition), policy)
        assert lane.running == 0
        return execution

    return run_virtually(main())


def test_plain_states_end_in_one_turn() -> None:
    execution = run(machine(A={"Type": "Pass", "Result": 5, "End": True}))
    assert (execution.status, execution.output) == (Status.SUCCEEDED, Payload(5))


def test_map_and_parallel_call_their_tasks_side_by_side() -> None:
    under_way, most = 0, 0

    async def slow(call: Call) -> Outcome:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(1)
        under_way -= 1
        return Succeeded(call.input)

    processor = machine(T=task())
    execution = run(machine(M={"Type": "Map", "ItemProcessor": processor, "End": True}), [1, 2, 3], slow)
    assert (execution.output, most) == (Payload([1, 2, 3]), 3)
    assert execution.stop_ms == EPOCH_MS + 1000


def test_a_failed_task_is_retried_after_its_back_off() -> None:
    calls: list[int] = []

    async def second_time_lucky(call: Call) -> Outcome:
        calls.append(call.attempt)
        return Failed("E", "why") if len(calls) == 1 else Succeeded(b"7")

    retry = [{"ErrorEquals": ["E"], "IntervalSeconds": 3}]
    execution = run(machine(T=task(Retry=retry)), {}, second_time_lucky)
    assert (execution.output, calls, execution.stop_ms) == (Payload(7), [0, 1], EPOCH_MS + 3000)


def test_a_task_that_times_out_is_cut_off() -> None:
    calls = Calls(lambda call: asyncio.sleep(1000, Succeeded(b"1")))

    async def main() -> Execution:
        lane = Lane(calls, ExecutionLog([]), VirtualClock(), SystemIds(), ExpressSettings(), inline())
        program = compiled(machine(T=task(TimeoutSeconds=2)))
        execution = await lane.run(origin({}), program, OFF)
        await asyncio.sleep(0)
        return execution

    assert run_virtually(main()).error == "States.Timeout"
    assert calls.cancelled == 1


def test_five_minutes_are_the_end() -> None:
    execution = run(machine(W={"Type": "Wait", "Seconds": 400, "End": True}))
    assert (execution.status, execution.stop_ms) == (Status.TIMED_OUT, EPOCH_MS + 300_000)


def test_an_execution_that_holds_too_much_fails() -> None:
    settings = ExpressSettings(express_execution_bytes_max=100)
    definition = machine(W={"Type": "Wait", "Seconds": 1, "End": True})
    execution = run(definition, "x" * 200, settings=settings)
    assert (execution.status, execution.error) == (Status.FAILED, "States.DataLimitExceeded")


def test_the_caller_may_go_away_and_the_execution_goes_on() -> None:
    ended: list[str] = []

    async def answer(call: Call) -> Outcome:
        await asyncio.sleep(5)
        ended.append(call.state)
        return Succeeded(b"1")

    async def main() -> int:
        lane = Lane(Calls(answer), ExecutionLog([]), VirtualClock(), SystemIds(), ExpressSettings(), inline())
        program = compiled(machine(T=task()))
        caller = asyncio.create_task(lane.run(origin({}), program, OFF))
        await asyncio.sleep(1)
        caller.cancel()
        await asyncio.sleep(10)
        return lane.running

    assert run_virtually(main()) == 0
    assert len(ended) == 1


def types(policy: LogPolicy, definition: dict[str, Any]) -> list[str]:
    records = Records()
    run(definition, {}, policy=policy, records=records)
    return [record["type"] for record in records.records]


def test_levels_choose_what_is_logged() -> None:
    failing = machine(F={"Type": "Fail", "Error": "E", "Cause": "C"})
    assert types(LogPolicy("ALL", True), failing) == ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"]
    assert types(LogPolicy("ERROR", True), failing) == ["FailStateEntered", "ExecutionFailed"]
    assert types(LogPolicy("FATAL", True), failing) == ["ExecutionFailed"]
    assert types(OFF, failing) == []


def test_a_log_record_has_text_only_and_no_data_unless_asked() -> None:
    records = Records()
    definition = machine(A={"Type": "Pass", "End": True})
    run(definition, {"secret": 1}, policy=LogPolicy("ALL", False), records=records)
    assert records.records[1] == {
        "id": "2",
        "type": "PassStateEntered",
        "details": {"name": "A"},
        "previous_event_id": "0",
        "event_timestamp": str(EPOCH_MS),
        "execution_arn": "arn:aws:states:us-east-1:000000000000:express:m:e:1",
        "redrive_count": "0",
    }


def test_a_wide_map_fails_when_its_items_grow_beyond_the_budget() -> None:
    async def grow(call: Call) -> Outcome:
        await asyncio.sleep(1)
        return Succeeded(b'"' + b"x" * 1000 + b'"')

    processor = machine(T=task())
    settings = ExpressSettings(express_execution_bytes_max=20_000)
    execution = run(
        machine(M={"Type": "Map", "ItemProcessor": processor, "End": True}), list(range(100)), grow, settings=settings
    )
    assert execution.error == "States.DataLimitExceeded"


def test_nothing_of_an_ended_execution_stays_armed() -> None:
    async def main() -> int:
        lane = Lane(Calls(echo), ExecutionLog([]), VirtualClock(), SystemIds(), ExpressSettings(), inline())
        program = compiled(machine(T=task(TimeoutSeconds=200)))
        await lane.run(origin({}), program, OFF)
        return sum(not timer.cancelled() for timer in asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]

    assert run_virtually(main()) == 0


def test_what_was_abandoned_calls_nothing_any_more() -> None:
    calls: list[str] = []

    async def note(call: Call) -> Outcome:
        calls.append(call.state)
        return Succeeded(b"1")

    async def main() -> int:
        lane = Lane(Calls(note), ExecutionLog([]), VirtualClock(), SystemIds(), ExpressSettings(), inline())
        states = machine(W={"Type": "Wait", "Seconds": 5, "Next": "T"}, T=task())
        lane.begin(origin({}), compiled(states), OFF, lambda _: None, lambda _: None)
        lane.abandon()
        await asyncio.sleep(60)
        return lane.running

    assert (run_virtually(main()), calls) == (0, [])


def test_a_lane_that_holds_too_much_is_full() -> None:
    async def main() -> tuple[bool, bool, bool]:
        lane = Lane(
            Calls(echo),
            ExecutionLog([]),
            VirtualClock(),
            SystemIds(),
            ExpressSettings(express_lane_bytes_max=1000),
            inline(),
        )
        program = compiled(machine(W={"Type": "Wait", "Seconds": 5, "End": True}))
        lane.begin(origin("x" * 600, 1), program, OFF, lambda _: None, lambda _: None)
        first = lane.full
        lane.begin(origin("x" * 600, 2), program, OFF, lambda _: None, lambda _: None)
        second = lane.full
        await asyncio.sleep(6)
        return first, second, lane.full

    assert run_virtually(main()) == (False, True, False)


def test_an_execution_that_breaks_an_invariant_fails_its_caller_alone() -> None:
    async def main() -> int:
        lane = Lane(Calls(echo), ExecutionLog([]), VirtualClock(), SystemIds(), ExpressSettings(), inline())
        broken = compiled(machine(A={"Type": "Pass", "End": True}))
        with pytest.raises(KeyError):
            await lane.run(origin({}), replace(broken, program=replace(broken.program, all_states={})), OFF)
        return lane.running

    assert run_virtually(main()) == 0


def test_a_timer_that_fires_early_waits_for_the_rest() -> None:
    class SlowClock(VirtualClock):
        """Behind the loop's own clock by a millisecond."""

        def now_ms(self) -> int:
            return super().now_ms() - (self.monotonic() > 0)

    async def main() -> Execution:
        lane = Lane(Calls(echo), ExecutionLog([]), SlowClock(), SystemIds(), ExpressSettings(), inline())
        program = compiled(machine(W={"Type": "Wait", "Seconds": 2, "End": True}))
        return await lane.run(origin({}), program, OFF)

    assert run_virtually(main()).stop_ms == EPOCH_MS + 2000
