"""Commands, the inbox, and answers that need ownership (protocol R18, R19)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine import task_token
from services.broker import queues
from services.broker.messages import Claim, Command, Grant, Offer, Wish, encode, pack, unpack
from services.integrations.interface import Failed, Submitted, Succeeded
from tests.fixtures.memory_store import Faults
from tests.fixtures.scheduler_world import ACCOUNT, PASS, REGION, TASK, World, states, wait
from tests.fixtures.virtual_loop import run_virtually

ACTIVITY = f"arn:aws:states:{REGION}:{ACCOUNT}:activity:work"
LEASED = {"Type": "Task", "Resource": ACTIVITY, "TimeoutSeconds": 600}
CALLBACK = {
    "Type": "Task",
    "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    "Parameters": {"QueueUrl": "q", "MessageBody": {"token.$": "$$.Task.Token"}},
}


async def owned_world(**options) -> World:
    world = World(shards=1, **options)
    scheduler = world.scheduler()
    await world.until(lambda: scheduler.shards == [0], 10)
    await world.clock.sleep(0.1)
    return world


async def answered(world: World, request_id: str):
    await world.until(lambda: world.reply(request_id) is not None, 5)
    return world.reply(request_id)


async def with_callback(world: World):
    """An execution that waits for its callback; returns its id and token."""
    world.worker()
    world.functions[0].answer = lambda call: Submitted(b"{}")
    (execution_id,) = await world.start(world.machine(states("t", "p", t=CALLBACK, p=PASS)))
    await world.until(lambda: "TaskSubmitted" in world.events(execution_id))
    token = next(iter(world.committed(execution_id.hex).frames.values())).waits.token
    return execution_id, token


def test_r18_a_stop_is_answered_after_its_commit_with_the_stop_time():
    async def main():
        world = await owned_world()
        (execution_id,) = await world.start(world.machine(states("w", w=wait(1_000))))
        await world.clock.sleep(0.1)
        reply = await answered(world, await world.command(execution_id, "stop", pack("why", "because")))
        row = world.store.executions[execution_id].row
        assert (row.status.name, row.error, row.cause) == ("ABORTED", "why", "because")
        assert (reply.error, unpack(reply.body)) == ("", [row.stop_ms])
        await world.clock.sleep(5)
        again = await answered(world, await world.command(execution_id, "stop"))
        assert (again.error, unpack(again.body)) == ("", [row.stop_ms])

    run_virtually(main())


def test_r18_commands_for_shards_of_others_and_for_unknown_executions_are_refused():
    async def main():
        world = await owned_world()
        unknown = world.ids.execution_id(world.clock.now_ms())
        assert (await answered(world, await world.command(unknown, "stop"))).error == "ExecutionDoesNotExist"
        (execution_id,) = await world.start(world.machine(states("w", w=wait(1_000))))
        owner = world.schedulers[0][0].name
        foreign = Command("foreign", queues.api("test"), execution_id.bytes, 3, "stop", b"")
        world.broker.send(owner, encode([foreign]))
        assert (await answered(world, "foreign")).error == "NotOwner"
        nonsense = await world.command(execution_id, "no-such-kind")
        assert (await answered(world, nonsense)).error == "UnknownCommand"
        assert world.status(execution_id) == "RUNNING"

    run_virtually(main())


def test_r18_a_task_token_ends_its_attempt_once():
    async def main():
        world = await owned_world()
        execution_id, token = await with_callback(world)
        first = await world.command(execution_id, "task-succeeded", pack("0", token, b'{"x":1}'))
        second = await world.command(execution_id, "task-succeeded", pack("0", token, b'{"x":2}'))
        assert (await answered(world, first)).error == ""
        late = await answered(world, second)
        assert late.error == "TaskTimedOut"
        await world.until_ended()
        assert world.store.executions[execution_id].row.output == b'{"x":1}'
        after = await answered(world, await world.command(execution_id, "task-heartbeat", pack("0", token)))
        assert after.error == "TaskTimedOut"

    run_virtually(main())


def test_r18_a_task_token_can_fail_its_attempt_and_output_must_be_json():
    async def main():
        world = await owned_world()
        execution_id, token = await with_callback(world)
        bad = await world.command(execution_id, "task-succeeded", pack("0", token, b"{"))
        assert (await answered(world, bad)).error == "InvalidOutput"
        beat = await world.command(execution_id, "task-heartbeat", pack("0", token))
        assert (await answered(world, beat)).error == ""
        failed = await world.command(execution_id, "task-failed", pack("0", token, "E", None))
        assert (await answered(world, failed)).error == ""
        await world.until_ended()
        assert world.store.executions[execution_id].row.error == "E"

    run_virtually(main())


def test_a_callback_reaches_an_execution_that_memory_has_forgotten():
    async def main():
        world = await owned_world()
        execution_id, token = await with_callback(world)
        await world.kill_scheduler()
        scheduler = world.scheduler()
        await world.until(lambda: scheduler.shards == [0], 15)
        await world.clock.sleep(1)
        assert scheduler.residents == 0
        done = await world.command(execution_id, "task-succeeded", pack("0", token, b"1"))
        assert (await answered(world, done)).error == ""
        await world.until_ended(1)

    run_virtually(main())


def test_r19_a_negative_answer_waits_for_a_commit_that_proves_ownership():
    async def main():
        world = await owned_world()
        execution_id, _ = await with_callback(world)
        world.store.shard_rows[0].owner = world.ids.uuid()  # deposed, without knowing it
        world.store.shard_rows[0].lease_until = world.clock.monotonic() + 1_000
        stale = await world.command(
            execution_id, "task-succeeded", pack("0", b"f" * 16, b"1"), to=world.schedulers[0][0].name
        )
        await world.clock.sleep(5)
        assert world.reply(stale) is None

    run_virtually(main())


def test_r18_a_command_of_the_inbox_is_carried_out_and_its_row_removed_by_the_same_commit():
    async def main():
        world = World(shards=1)
        (execution_id,) = await world.start(world.machine(states("w", w=wait(1_000))))
        command = Command("", "", execution_id.bytes, 0, "stop", pack("late", None))
        await world.store.put_in_inbox(0, encode([command]))
        await world.store.put_in_inbox(0, b"\xffrubbish")
        world.scheduler()
        await world.until_ended(5)
        await world.clock.sleep(5)
        assert world.store.inbox_rows == {}
        assert world.store.executions[execution_id].row.error == "late"
        ending = next(batch for batch in world.store.commits if batch.changes)
        assert len(ending.inbox_done) == 1

    run_virtually(main())


def test_r18_an_inbox_row_survives_a_lost_commit():
    async def main():
        faults = Faults()
        world = World(shards=1, faults=faults)
        (execution_id,) = await world.start(world.machine(states("w", w=wait(1_000))))
        await world.store.put_in_inbox(0, encode([Command("", "", execution_id.bytes, 0, "stop", b"")]))
        plan = ["before"] * 3
        faults.commit = lambda: plan.pop() if plan else ""
        world.scheduler()
        await world.until_ended(20)
        await world.clock.sleep(5)
        assert world.store.inbox_rows == {}

    run_virtually(main())


def test_a_redrive_goes_on_and_a_client_token_answers_as_before():
    async def main():
        world = await owned_world()
        world.worker()
        functions = world.functions[0]
        functions.answer = lambda call: Failed("Boom", None)
        (execution_id,) = await world.start(world.machine(states("p", "t", p=PASS, t=TASK)))
        await world.until_ended()
        functions.answer = lambda call: Succeeded(call.input)
        first = await answered(world, await world.command(execution_id, "redrive", pack("token")))
        row = world.store.executions[execution_id].row
        assert (first.error, unpack(first.body), row.redrive_count) == ("", [row.redrive_ms], 1)
        await world.until_ended()
        assert world.status(execution_id) == "SUCCEEDED"
        again = await answered(world, await world.command(execution_id, "redrive", pack("token")))
        assert (again.error, again.body) == ("", first.body)
        other = await answered(world, await world.command(execution_id, "redrive", pack("another")))
        assert other.error == "ExecutionNotRedrivable"
        assert unpack(other.body) == ["Execution is SUCCEEDED and cannot be redriven"]

    run_virtually(main())


def test_the_next_transition_after_the_deletion_of_its_machine_ends_an_execution():
    async def main():
        world = await owned_world()
        machine, other = world.machine(states("w", "p", w=wait(20), p=PASS)), world.machine(states("w", w=wait(20)))
        (doomed,) = await world.start(machine)
        (spared,) = await world.start(other)
        await world.clock.sleep(0.5)
        one = world.store.executions[doomed]
        one.row = replace(one.row, machine_deleting=True)
        command = Command("", "", b"", 0, "machine-deleted", pack(machine.id.bytes))
        world.broker.send(world.schedulers[0][0].name, encode([command]))
        await world.until_ended(25)
        assert (world.status(doomed), world.status(spared)) == ("FAILED", "SUCCEEDED")
        assert "has been deleted" in (world.store.executions[doomed].row.cause or "")

    run_virtually(main())


class Node:
    """An API node with GetActivityTask callers, played by the test."""

    def __init__(self, world: World, name: str) -> None:
        self.world, self.name = world, name

    def wish(self, count: int) -> None:
        owner = self.world.schedulers[0][0].name
        self.world.broker.send(owner, encode([Wish(queues.api(self.name), [(ACTIVITY, count)])]))

    def offers(self) -> list[Offer]:
        return [offer for queue, offer in self.world.sent(Offer) if queue == queues.api(self.name)]

    def grants(self) -> list[Grant]:
        return [grant for queue, grant in self.world.sent(Grant) if queue == queues.incarnation(self.name)]

    def claim(self, offer: Offer) -> None:
        claim = Claim(offer.execution_id, offer.shard, offer.path, offer.token, self.name, "worker name")
        self.world.broker.send(offer.reply_to, encode([claim]))


def test_an_activity_is_offered_to_one_node_at_a_time_and_leased_by_a_committed_start():
    async def main():
        world = await owned_world()
        one, two = Node(world, "one"), Node(world, "two")
        (execution_id,) = await world.start(world.machine(states("t", t=LEASED)), input={"do": "it"})
        one.wish(1)
        two.wish(1)
        await world.clock.sleep(0.2)
        assert (len(one.offers()), len(two.offers())) == (1, 0)
        await world.clock.sleep(7)
        assert len(two.offers()) == 1  # the first node has not claimed
        one.claim(one.offers()[0])
        two.claim(two.offers()[0])
        await world.clock.sleep(0.2)
        assert (len(one.grants()), len(two.grants())) == (1, 0)
        grant = one.grants()[0]
        assert grant.job.input == b'{"do":"it"}'
        assert task_token.decode(grant.job.task_token, f"{REGION}:{ACCOUNT}").token == grant.token
        assert world.events(execution_id)[-1] == "ActivityStarted"
        await world.clock.sleep(60)  # no worker is suspected, no grant repeated
        assert world.events(execution_id)[-1] == "ActivityStarted"
        assert len(one.grants()) == 1
        done = await world.command(execution_id, "task-succeeded", pack("0", grant.token, b"7"))
        assert (await answered(world, done)).error == ""
        await world.until_ended()
        assert world.store.executions[execution_id].row.output == b"7"

    run_virtually(main())


def test_as_many_activities_are_offered_as_are_wished_for_and_a_wish_is_forgotten():
    async def main():
        world = await owned_world()
        node = Node(world, "one")
        node.wish(2)
        machine = world.machine(states("t", t=LEASED))
        await world.start(machine, 3)
        await world.clock.sleep(0.5)
        assert len(node.offers()) == 2
        for offer in node.offers():
            node.claim(offer)
        await world.clock.sleep(30)
        node.wish(1)
        await world.clock.sleep(0.1)
        assert len(node.offers()) == 3
        node.claim(node.offers()[2])
        await world.clock.sleep(20)
        await world.start(machine)
        await world.clock.sleep(5)
        assert len(node.offers()) == 3

    run_virtually(main())


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
        token = next(iter(world.committed(execution_id.hex).frames.values())).waits.token
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
