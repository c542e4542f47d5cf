"""Redrives of standard executions as commands: what stands against one, and what becomes of tokens and jobs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.execution.execution import Status
from services.broker.messages import pack, unpack
from services.integrations.interface import Submitted
from tests.fixtures.scheduler_world import ACCOUNT, REGION, TASK, states, wait
from tests.fixtures.virtual_loop import run_virtually
from tests.unit.services.scheduler.map_runs.test_redrives import Tasks, redrive, world_of
from tests.unit.services.scheduler.map_runs.test_runs import outcome, until_ended
from tests.unit.services.scheduler.test_commands import (
    CALLBACK,
    LEASED,
    answered,
    owned_world,
    secret_in,
    with_callback,
)

DAY_MS = 24 * 3600 * 1000


@pytest.mark.parametrize(
    ("events", "started_ago_ms", "stopped_ago_ms", "deleting", "reason"),
    [
        (24_998, 0, 0, False, None),
        (24_999, 0, 0, False, "Execution history event limit exceeded"),
        (9, 14 * DAY_MS, 14 * DAY_MS - 60_000, False, None),
        (9, 14 * DAY_MS, 14 * DAY_MS, False, "Execution redrivable period exceeded"),
        (9, 365 * DAY_MS - 60_000, DAY_MS, False, None),
        (9, 365 * DAY_MS, DAY_MS, False, "Execution has exceeded the max execution time"),
        (9, 0, 0, True, "State machine is in DELETING status"),
    ],
)
def test_what_stands_against_a_redrive_is_told_in_aws_words(
    events: int, started_ago_ms: int, stopped_ago_ms: int, deleting: bool, reason: str | None
) -> None:
    async def main():
        world = await owned_world()
        (execution_id,) = await world.start(world.machine(states("w", w=wait(1_000))))
        await world.clock.sleep(0.1)
        await answered(world, await world.command(execution_id, "stop"))
        stored, now_ms = world.store.executions[execution_id], world.clock.now_ms()
        stored.pages[-1] = replace(stored.pages[-1], last_event_id=events)
        stored.row = replace(
            stored.row,
            start_ms=now_ms - started_ago_ms,
            stop_ms=now_ms - stopped_ago_ms,
            machine_deleting=deleting,
        )
        reply = await answered(world, await world.command(execution_id, "redrive", pack(None)))
        assert reply.error == ("ExecutionNotRedrivable" if reason else "")
        if reason:
            assert unpack(reply.body) == [reason]

    run_virtually(main())


def test_a_token_of_before_the_redrive_has_timed_out_and_the_new_one_counts():
    async def main():
        world = await owned_world()
        execution_id, old = await with_callback(world)
        await answered(world, await world.command(execution_id, "stop"))
        await answered(world, await world.command(execution_id, "redrive", pack(None)))
        await world.until(lambda: world.events(execution_id)[-1] == "TaskSubmitted")
        late = await answered(world, await world.command(execution_id, "task-succeeded", pack("0", old, b"1")))
        assert late.error == "TaskTimedOut"
        waits = next(iter(world.committed(execution_id.hex).frames.values())).waits
        token = secret_in(waits.input.value["MessageBody"]["token"])
        done = await answered(world, await world.command(execution_id, "task-succeeded", pack("0", token, b"2")))
        assert (token != old, done.error) == (True, "")
        await world.until_ended()
        assert world.store.executions[execution_id].row.output == b"2"
        names = world.events(execution_id)
        redriven = names.index("ExecutionRedriven")
        assert names[redriven : redriven + 4] == ["ExecutionRedriven", "TaskScheduled", "TaskStarted", "TaskSubmitted"]

    run_virtually(main())


def test_a_leased_activity_is_scheduled_again_under_another_token():
    async def main():
        world = await owned_world()
        (execution_id,) = await world.start(world.machine(states("a", a=LEASED)))
        await world.until(lambda: "ActivityScheduled" in world.events(execution_id))
        old = world.committed(execution_id.hex).frames["0"].waits.token
        await answered(world, await world.command(execution_id, "stop"))
        await answered(world, await world.command(execution_id, "redrive", pack(None)))
        await world.until(lambda: world.events(execution_id)[-1] == "ActivityScheduled")
        assert world.committed(execution_id.hex).frames["0"].waits.token != old
        assert world.events(execution_id)[2:] == [
            "ActivityScheduled",
            "ExecutionAborted",
            "ExecutionRedriven",
            "ActivityScheduled",
        ]

    run_virtually(main())


def test_a_job_that_a_task_waited_for_is_started_anew():
    """A nested execution too: it gets another name with the new attempt's key."""

    async def main():
        world = await owned_world()
        world.worker()
        world.functions[0].answer = lambda call: Submitted(b"{}", {"id": call.key})
        nested = CALLBACK | {"Resource": "arn:aws:states:::states:startExecution.sync:2"}
        nested["Parameters"] = {"StateMachineArn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:n"}
        (execution_id,) = await world.start(world.machine(states("t", t=nested)))
        await world.until(lambda: "TaskSubmitted" in world.events(execution_id))
        await answered(world, await world.command(execution_id, "stop"))
        await answered(world, await world.command(execution_id, "redrive", pack(None)))
        await world.until(lambda: world.events(execution_id)[-1] == "TaskSubmitted")
        assert (len(set(world.ledger.keys)), world.ledger.wrong) == (2, [])

    run_virtually(main())


@pytest.mark.parametrize("handed_on", [False, True])
def test_a_client_token_answers_as_before_in_every_status_and_after_a_takeover(handed_on: bool) -> None:
    async def body() -> None:
        tasks = Tasks({})
        world = world_of(tasks, call_seconds=lambda: 1.0)
        task = {"StartAt": "T", "States": {"T": TASK | {"End": True}}}
        (execution,) = await world.start(world.machine(task))
        await until_ended(world, execution)
        first = await redrive(world, execution, "token")
        if handed_on:
            await world.kill_scheduler()
            world.scheduler()
            await world.clock.sleep(12)
        assert await redrive(world, execution, "token") == first
        await until_ended(world, execution)
        assert outcome(world, execution)[0] is Status.FAILED
        assert await redrive(world, execution, "token") == first
        tasks.wrong.clear()
        second = await redrive(world, execution, "other")
        assert second > first
        assert await redrive(world, execution, "third") == "ExecutionNotRedrivable"
        await until_ended(world, execution)
        assert outcome(world, execution)[0] is Status.SUCCEEDED
        assert [await redrive(world, execution, token) for token in ("token", "other")] == [first, second]
        assert await redrive(world, execution, "third") == "ExecutionNotRedrivable"
        assert world.events(execution).count("ExecutionRedriven") == 2
        await world.clock.sleep(15 * 60)
        assert await redrive(world, execution, "token") == "ExecutionNotRedrivable"

    run_virtually(body())
