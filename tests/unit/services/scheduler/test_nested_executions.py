"""A task that waits for a nested execution hears of its end at once, and by polling when the message is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from engine.payload import decode_json
from services.broker import queues
from services.broker.messages import Command, Poll, decode, encode
from services.integrations.interface import FIRST_LOOK, Call, Pending, Submitted, Succeeded
from services.store.records import Parent
from tests.fixtures.scheduler_world import PASS, World, states, wait
from tests.fixtures.virtual_loop import run_virtually

FAIL = {"Type": "Fail", "Error": "Nope", "Cause": "because"}


def nested(pattern: str) -> dict[str, Any]:
    resource = f"arn:aws:states:::states:startExecution.{pattern}"
    return states("n", n={"Type": "Task", "Resource": resource, "Parameters": {"StateMachineArn": "child"}})


def starting(world: World, child: Any, pattern: str, input: Any = None) -> Callable[[Call], Any]:
    """What the integration does: start the child with the parent beside it, answer with its ARN."""
    started = []

    def answer(call: Call) -> Submitted:
        parent = Parent(call.execution_arn, pattern, call.attempt_name)
        started.append(asyncio.ensure_future(world.start(child, input=input, parent=parent)))
        return Submitted(b'{"ExecutionArn":"child"}', {"execution_arn": "child", FIRST_LOOK: 1.0})

    return answer


async def ready_world(pattern: str, child: dict[str, Any], input: Any = None) -> tuple[World, Any]:
    world = World()
    scheduler = world.scheduler()
    await world.until(lambda: scheduler.shards == [0, 1, 2, 3])
    world.worker()
    child_machine = world.machine(child, "child")
    world.functions[0].answer = starting(world, child_machine, pattern, input)
    (parent_id,) = await world.start(world.machine(nested(pattern), "parent"))
    return world, parent_id


def output_of(world: World, execution_id: Any) -> Any:
    return decode_json(world.store.executions[execution_id].row.output or b"null")


@pytest.mark.parametrize(("pattern", "output"), [("sync", '{"a":1}'), ("sync:2", {"a": 1})])
def test_the_end_arrives_without_a_single_poll(pattern: str, output: Any) -> None:
    async def main() -> None:
        world, parent_id = await ready_world(pattern, states("w", "p", w=wait(30), p=PASS), {"a": 1})
        begun = world.clock.monotonic()
        world.functions[0].poll_answers = [Pending(60)]
        await world.until_ended(32)
        assert world.clock.monotonic() - begun < 30.5
        shown = output_of(world, parent_id)
        assert shown["Output"] == output
        assert shown["Input"] == ('{"a": 1}' if pattern == "sync" else output)
        assert list(shown) == sorted(shown)
        assert (shown["Status"], shown["StopDate"] - shown["StartDate"] >= 30_000) == ("SUCCEEDED", True)
        assert "ParentExecutionArn" not in shown
        names = world.events(parent_id)
        assert names.count("TaskSubmitted") == names.count("TaskSucceeded") == 1

    run_virtually(main())


def test_a_child_that_fails_at_once_fails_the_task_after_its_submission() -> None:
    async def main() -> None:
        world, parent_id = await ready_world("sync:2", states_of(FAIL))
        await world.until_ended(1)
        row = world.store.executions[parent_id].row
        cause = json.loads(row.cause or "")
        assert (row.error, cause["Error"], cause["Cause"], cause["Status"]) == (
            "States.TaskFailed",
            "Nope",
            "because",
            "FAILED",
        )
        names = world.events(parent_id)
        assert names.index("TaskSubmitted") < names.index("TaskFailed")
        assert world.sent(Poll) == []

    run_virtually(main())


def states_of(state: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": "F", "States": {"F": state}}


def test_a_lost_message_is_made_good_by_polling() -> None:
    async def main() -> None:
        world, parent_id = await ready_world("sync:2", states("w", w=wait(3)))
        world.functions[0].poll_answers = [Pending(1), Pending(1), Pending(1), Succeeded(b'"polled"')]
        send = world.broker.send

        def lossy(queue: str, body: bytes) -> None:
            lost = any(isinstance(one, Command) and one.kind == "child-succeeded" for one in decode(body))
            if not lost:
                send(queue, body)

        world.broker.send = lossy  # type: ignore[method-assign]
        await world.until_ended(8)
        assert output_of(world, parent_id) == "polled"

    run_virtually(main())


def test_an_end_that_comes_twice_or_for_an_attempt_that_is_over_changes_nothing() -> None:
    async def main() -> None:
        world, parent_id = await ready_world("sync:2", states("p", p=PASS))
        await world.until_ended(1)
        (_, command), *_ = [sent for sent in world.sent(Command) if sent[1].kind == "child-succeeded"]
        before = world.events(parent_id)
        for _ in range(2):
            world.broker.send(queues.shard(command.shard), encode([command]))
        await world.clock.sleep(1)
        assert world.events(parent_id) == before

    run_virtually(main())


def test_an_execution_that_nobody_waits_for_tells_nobody() -> None:
    async def main() -> None:
        world = World()
        world.scheduler()
        await world.clock.sleep(1)
        machine = world.machine(states("p", p=PASS))
        parent = Parent("arn:aws:states:us-east-1:000000000000:execution:m:e", "request_response")
        await world.start(machine, parent=parent)
        await world.start(machine, parent=replace(parent, pattern="sync", attempt_name="nonsense"))
        await world.until_ended(1)
        assert world.sent(Command) == []

    run_virtually(main())
