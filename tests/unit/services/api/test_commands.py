"""Commands: to the owner, again to the next owner, and refusals as the owner committed them."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from services.api.commands import Commands, NoAnswer, Refused
from services.api.owners import Owners
from services.broker.messages import Command, Reply, decode, pack
from tests.fixtures.virtual_loop import VirtualClock, run_virtually
from tests.unit.services.api.conftest import AdmissionFake, Broker, Ids

EXECUTION = UUID(int=2)


class Bench:
    """Commands on a virtual clock; shard 2 belongs to `s1`."""

    def __init__(self) -> None:
        self.store = AdmissionFake()
        self.broker = Broker()
        clock = VirtualClock()
        owners = Owners(self.store, clock, 1.0)
        ids = Ids()
        self.commands = Commands(
            self.store, self.broker, owners, clock, lambda: ids.entropy(4).hex(), reply_to="me", reply_seconds=2.0
        )

    async def sent(self, number: int) -> tuple[str, Command]:
        while len(self.broker.sent) < number:  # noqa: ASYNC110 (a turn of the loop at a time)
            await asyncio.sleep(0.01)
        queue, command = self.broker.sent[number - 1]
        assert isinstance(command, Command)
        return queue, command


def test_the_owner_answers_after_its_commit() -> None:
    async def play() -> None:
        bench = Bench()
        asking = asyncio.create_task(bench.commands.ask(EXECUTION, "stop", pack("E", None)))
        queue, command = await bench.sent(1)
        assert (queue, command.kind, command.shard, command.reply_to) == ("s1", "stop", 2, "me")
        bench.commands.on_reply(Reply("another", "", b""))
        bench.commands.on_reply(Reply(command.request_id, "", pack(17)))
        bench.commands.on_reply(Reply(command.request_id, "", pack(18)))
        assert await asking == [17]

    run_virtually(play())


def test_a_silent_owner_is_looked_up_and_asked_again() -> None:
    async def play() -> None:
        bench = Bench()
        asking = asyncio.create_task(bench.commands.ask(EXECUTION, "stop", b""))
        await bench.sent(1)
        bench.store.owners[2] = "s2"
        queue, command = await bench.sent(2)
        assert queue == "s2"
        bench.commands.on_reply(Reply(command.request_id, "", b""))
        assert await asking == []
        assert asyncio.get_running_loop().time() == pytest.approx(2.0, abs=0.1)

    run_virtually(play())


def test_an_owner_that_has_lost_the_shard_sends_on_at_once() -> None:
    async def play() -> None:
        bench = Bench()
        asking = asyncio.create_task(bench.commands.ask(EXECUTION, "stop", b""))
        _, command = await bench.sent(1)
        bench.store.owners[2] = "s2"
        bench.commands.on_reply(Reply(command.request_id, "NotOwner", b""))
        _, command = await bench.sent(2)
        bench.commands.on_reply(Reply(command.request_id, "", pack(1)))
        assert await asking == [1]
        assert asyncio.get_running_loop().time() < 1.0

    run_virtually(play())


def test_a_late_answer_to_the_first_try_counts() -> None:
    """The command took effect: a second one that finds the work done must not turn that into a refusal."""

    async def play() -> None:
        bench = Bench()
        asking = asyncio.create_task(bench.commands.ask(EXECUTION, "task-succeeded", b""))
        _, first = await bench.sent(1)
        _, second = await bench.sent(2)
        bench.commands.on_reply(Reply(first.request_id, "", pack(1)))
        bench.commands.on_reply(Reply(second.request_id, "TaskTimedOut", pack("resource")))
        assert await asking == [1]

    run_virtually(play())


def test_a_late_disowning_of_the_first_try_does_not_end_the_second() -> None:
    async def play() -> None:
        bench = Bench()
        asking = asyncio.create_task(bench.commands.ask(EXECUTION, "stop", b""))
        _, first = await bench.sent(1)
        bench.store.owners[2] = "s2"
        _, second = await bench.sent(2)
        bench.commands.on_reply(Reply(first.request_id, "NotOwner", b""))
        await asyncio.sleep(0.1)
        bench.commands.on_reply(Reply(second.request_id, "", pack(5)))
        assert await asking == [5]

    run_virtually(play())


def test_a_refusal_carries_what_its_text_names() -> None:
    async def play() -> None:
        bench = Bench()
        asking = asyncio.create_task(bench.commands.ask(EXECUTION, "task-heartbeat", b""))
        _, command = await bench.sent(1)
        bench.commands.on_reply(Reply(command.request_id, "TaskTimedOut", pack("resource")))
        with pytest.raises(Refused) as caught:
            await asking
        assert (caught.value.code, caught.value.values) == ("TaskTimedOut", ["resource"])

    run_virtually(play())


def test_nobody_answers_within_two_tries() -> None:
    async def play() -> None:
        bench = Bench()
        with pytest.raises(NoAnswer):
            await bench.commands.ask(UUID(int=3), "stop", b"")
        assert asyncio.get_running_loop().time() == pytest.approx(4.0, abs=0.1)

    run_virtually(play())


def test_a_command_can_be_left_in_the_inbox() -> None:
    async def play() -> None:
        bench = Bench()
        await bench.commands.leave(EXECUTION, "stop", pack(None, None))
        [(shard, body)] = bench.store.inbox
        assert shard == 2
        assert decode(body) == [Command("", "", EXECUTION.bytes, 2, "stop", pack(None, None))]

    run_virtually(play())


def test_a_shard_that_has_no_owner_yet_is_waited_for() -> None:
    async def play() -> None:
        bench = Bench()
        del bench.store.owners[2]
        asking = asyncio.create_task(bench.commands.ask(EXECUTION, "stop", b""))
        await asyncio.sleep(0.5)
        assert bench.broker.sent == []
        bench.store.owners[2] = "s9"
        queue, command = await bench.sent(1)
        assert queue == "s9"
        bench.commands.on_reply(Reply(command.request_id, "", b""))
        assert await asking == []

    run_virtually(play())
