"""Commands, the inbox, and answers that need ownership (protocol R18, R19)."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

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


async def with_callback(world: World, **more):
    """An execution that waits for its callback; returns its id and its token's secret."""
    world.worker()
    world.functions[0].answer = lambda call: Submitted(b"{}")
    (execution_id,) = await world.start(world.machine(states("t", "p", t=CALLBACK | more, p=PASS)))
    await world.until(lambda: "TaskSubmitted" in world.events(execution_id))
    waits = next(iter(world.committed(execution_id.hex).frames.values())).waits
    return execution_id, secret_in(waits.input.value["MessageBody"]["token"])


def secret_in(text: str) -> bytes:
    return task_token.decode(text, f"{REGION}:{ACCOUNT}").secret


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
        execution_id, secret = await with_callback(world)
        first = await world.command(execution_id, "task-succeeded", pack("0", secret, b'{"x":1}'))
        second = await world.command(execution_id, "task-succeeded", pack("0", secret, b'{"x":2}'))
        assert (await answered(world, first)).error == ""
        late = await answered(world, second)
        assert late.error == "TaskTimedOut"
        await world.until_ended()
        assert world.store.executions[execution_id].row.output == b'{"x":1}'
        after = await answered(world, await world.command(execution_id, "task-heartbeat", pack("0", secret)))
        assert after.error == "TaskTimedOut"

    run_virtually(main())


def test_a_task_token_is_good_once_even_before_the_call_that_handed_it_out_has_answered():
    async def main():
        world = await owned_world()
        world.worker()
        calls = []
        answer = asyncio.get_running_loop().create_future()

        async def late(call):
            calls.append(call)
            await answer
            return Submitted(b"{}")

        world.functions[0].call = late
        (execution_id,) = await world.start(world.machine(states("t", "p", t=CALLBACK, p=PASS)))
        await world.until(lambda: bool(calls))
        secret = secret_in(json.loads(calls[0].input)["MessageBody"]["token"])
        first = await world.command(execution_id, "task-succeeded", pack("0", secret, b"1"))
        assert (await answered(world, first)).error == ""
        for kind, told in (("task-succeeded", [b"2"]), ("task-failed", ["E", None]), ("task-heartbeat", [])):
            again = await world.command(execution_id, kind, pack("0", secret, *told))
            assert (await answered(world, again)).error == "TaskTimedOut"
        answer.set_result(None)
        await world.until_ended()
        assert world.store.executions[execution_id].row.output == b"1"

    run_virtually(main())


def test_the_token_that_brought_a_result_is_still_shown_while_the_result_is_shaped():
    async def main():
        world = await owned_world()
        shaped = {"ResultSelector": {"result.$": "$", "token.$": "$$.Task.Token"}}
        execution_id, secret = await with_callback(world, **shaped)
        done = await world.command(execution_id, "task-succeeded", pack("0", secret, b"1"))
        assert (await answered(world, done)).error == ""
        await world.until_ended()
        output = json.loads(world.store.executions[execution_id].row.output)
        assert (output["result"], secret_in(output["token"])) == (1, secret)

    run_virtually(main())


def test_the_name_of_an_attempt_is_no_task_token():
    async def main():
        world = await owned_world()
        execution_id, _ = await with_callback(world)
        token = next(iter(world.committed(execution_id.hex).frames.values())).waits.token
        for guess in (token, token * 2, b""):
            told = await world.command(execution_id, "task-succeeded", pack("0", guess, b"1"))
            assert (await answered(world, told)).error == "TaskTimedOut"

    run_virtually(main())


def test_r18_a_task_token_can_fail_its_attempt_and_output_must_be_json():
    async def main():
        world = await owned_world()
        execution_id, secret = await with_callback(world)
        bad = await world.command(execution_id, "task-succeeded", pack("0", secret, b"{"))
        assert (await answered(world, bad)).error == "InvalidOutput"
        beat = await world.command(execution_id, "task-heartbeat", pack("0", secret))
        assert (await answered(world, beat)).error == ""
        failed = await world.command(execution_id, "task-failed", pack("0", secret, "E", None))
        assert (await answered(world, failed)).error == ""
        await world.until_ended()
        assert world.store.executions[execution_id].row.error == "E"

    run_virtually(main())


def test_a_callback_reaches_an_execution_that_memory_has_forgotten():
    async def main():
        world = await owned_world()
        execution_id, secret = await with_callback(world)
        await world.kill_scheduler()
        scheduler = world.scheduler()
        await world.until(lambda: scheduler.shards == [0], 15)
        await world.clock.sleep(1)
        assert scheduler.residents == 0
        done = await world.command(execution_id, "task-succeeded", pack("0", secret, b"1"))
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
            execution_id, "task-succeeded", pack("0", b"f" * 32, b"1"), to=world.schedulers[0][0].name
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
        self.secret = world.ids.entropy(task_token.SECRET_BYTES)

    def wish(self, count: int) -> None:
        owner = self.world.schedulers[0][0].name
        self.world.broker.send(owner, encode([Wish(queues.api(self.name), [(ACTIVITY, count)])]))

    def offers(self) -> list[Offer]:
        return [offer for queue, offer in self.world.sent(Offer) if queue == queues.api(self.name)]

    def grants(self) -> list[Grant]:
        return [grant for queue, grant in self.world.sent(Grant) if queue == queues.incarnation(self.name)]

    def claim(self, offer: Offer) -> None:
        """The secret is this node's own affair: the scheduler hears its digest."""
        place = (offer.execution_id, offer.shard, offer.path, offer.token)
        claim = Claim(*place, self.name, "worker name", task_token.digest(self.secret))
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
        assert world.events(execution_id)[-1] == "ActivityStarted"
        await world.clock.sleep(60)  # no worker is suspected, no grant repeated
        assert world.events(execution_id)[-1] == "ActivityStarted"
        assert len(one.grants()) == 1
        stored = b"".join(page.frames + page.events for page in world.store.executions[execution_id].pages)
        assert one.secret not in stored and task_token.digest(one.secret) in stored
        done = await world.command(execution_id, "task-succeeded", pack("0", one.secret, b"7"))
        foreign = await world.command(execution_id, "task-succeeded", pack("0", two.secret, b"8"))
        assert (await answered(world, foreign)).error == "TaskTimedOut"
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
