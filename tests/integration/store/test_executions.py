"""Admission, loading, what is due, describing, listing, history."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from engine.execution.execution import Status
from services.store import executions
from services.store.postgres import PostgresStore
from services.store.records import Batch, ExecutionFilter, NewExecution, StateMachine
from tests.integration.store.samples import (
    ACCOUNT,
    IDS,
    NOW_MS,
    REGION,
    all_shards,
    end,
    execution,
    machine,
    page,
    write_history,
    written_machine,
)

pytestmark = pytest.mark.asyncio


async def admitted(store: PostgresStore, of: StateMachine, count: int, **changes: Any) -> list[NewExecution]:
    """That many executions, a second apart, the oldest first."""
    news = [execution(of, start_ms=NOW_MS + 1_000 * number, **changes) for number in range(count)]
    assert await store.admit(news) == [None] * count
    return news


async def finish(store: PostgresStore, news: list[NewExecution], status: Status, **changes: Any) -> None:
    """End these executions."""
    tenures = await all_shards(store)
    batch = Batch(list(tenures.values()), changes=[(new.shard, end(new.id, status, **changes)) for new in news])
    assert len((await store.commit(batch, 0)).shards) == store.shards


async def test_an_admitted_execution_is_described_as_it_was_given(store: PostgresStore) -> None:
    of = await written_machine(store)
    about = {"version_number": 3, "alias_name": "live", "trace_header": "Root=1", "test_case": "Happy Path"}
    new = execution(of, name="Grüße", input=b"[1]", **about)
    assert await store.admit([new]) == [None]
    row = await store.execution_by_name(ACCOUNT, REGION, "Order", "Grüße")
    assert row is not None
    assert row == await store.execution_by_id(new.id)
    assert (row.id, row.shard, row.name, row.input, row.start_ms) == (new.id, new.shard, "Grüße", b"[1]", NOW_MS)
    assert {name: getattr(row, name) for name in about} == about
    assert (row.account, row.region, row.machine_name, row.role_arn) == (ACCOUNT, REGION, "Order", of.revision.role_arn)
    assert (row.status, row.machine_deleting, row.output, row.stop_ms) == (Status.RUNNING, False, None, None)


async def test_a_name_is_given_once_and_the_loser_hears_who_has_it(store: PostgresStore) -> None:
    of = await written_machine(store)
    first, second = execution(of, name="n"), execution(of, name="n")
    other = execution(of, name="m")
    assert await store.admit([first]) == [None]
    answers = await store.admit([other, second])
    assert answers[0] is None
    assert answers[1] is not None
    assert answers[1].id == first.id
    assert await store.execution_by_id(second.id) is None


async def test_the_first_of_two_equal_names_in_one_batch_wins(store: PostgresStore) -> None:
    of = await written_machine(store)
    first, second = execution(of, name="n"), execution(of, name="n")
    answers = await store.admit([first, second])
    winners = [answer is None for answer in answers]
    assert sorted(winners) == [False, True]


async def test_of_many_admissions_at_once_one_wins_each_name(store: PostgresStore) -> None:
    of = await written_machine(store)
    rounds = [[execution(of, name=f"n{number}") for number in range(20)] for _ in range(6)]
    answers = await asyncio.gather(*(store.admit(news) for news in rounds))
    for number in range(20):
        holders = [(answer[number] or news[number]).id for news, answer in zip(rounds, answers, strict=True)]
        assert len(set(holders)) == 1
    assert sum(answer is None for answered in answers for answer in answered) == 20


async def test_the_same_name_is_free_in_another_machine(store: PostgresStore) -> None:
    first, second = await written_machine(store, "A"), await written_machine(store, "B")
    assert await store.admit([execution(first, name="n"), execution(second, name="n")]) == [None, None]


async def test_loading_begins_at_the_newest_checkpoint(store: PostgresStore) -> None:
    new, bare = await admitted(store, await written_machine(store), 2)
    pages = [page(1), page(2, checkpoint=True), page(3), page(4, checkpoint=True), page(5), page(6)]
    await write_history(store, new, pages)
    loaded = {one.row.id: one.pages for one in await store.load([new.id, IDS.uuid(), bare.id])}
    assert loaded == {new.id: pages[3:], bare.id: []}


async def test_due_executions_come_oldest_first_and_within_their_bounds(store: PostgresStore) -> None:
    news = await admitted(store, await written_machine(store), 5)
    every = range(16)
    assert await store.due(every, NOW_MS + 3_000, 10) == [new.id for new in news[:3]]
    assert await store.due(every, NOW_MS + 3_001, 10, from_ms=NOW_MS + 1_000) == [new.id for new in news[1:4]]
    assert await store.due(every, NOW_MS + 9_000, 2) == [new.id for new in news[:2]]
    assert await store.due([news[0].shard], NOW_MS + 1, 10) == [news[0].id]
    await finish(store, news, Status.SUCCEEDED)
    assert await store.due(every, NOW_MS + 9_000, 10) == []


async def test_lists_are_newest_first_and_go_on_at_the_cursor(store: PostgresStore) -> None:
    of = await written_machine(store)
    news = await admitted(store, of, 5)
    await finish(store, news[1:3], Status.FAILED, error="E")
    wanted = ExecutionFilter(machine_ids=(of.id,))
    first = await store.list_executions(wanted, 3)
    assert [one.id for one in first] == [new.id for new in news[:1:-1]]
    rest = await store.list_executions(ExecutionFilter(machine_ids=(of.id,), before=first[-1].id), 3)
    assert [one.id for one in rest] == [news[1].id, news[0].id]
    assert (rest[0].status, rest[0].error, rest[0].stop_ms) == (Status.FAILED, "E", NOW_MS + 5)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"statuses": (Status.RUNNING,)}, [5, 4, 0], id="one-status"),
        pytest.param({"statuses": (Status.FAILED, Status.ABORTED)}, [3, 2, 1], id="two-statuses"),
        pytest.param({"error": "E"}, [2, 1], id="error"),
        pytest.param({"started_from_ms": NOW_MS + 2_000}, [5, 4, 3, 2], id="from-is-inside"),
        pytest.param({"started_before_ms": NOW_MS + 2_000}, [1, 0], id="before-is-outside"),
        pytest.param({"name_prefix": "run-"}, [5, 4, 3, 2, 1, 0], id="prefix-of-all"),
        pytest.param({"name_prefix": "run%"}, [], id="prefix-is-no-pattern"),
        pytest.param({"name_prefix": "run-", "statuses": (Status.FAILED,), "error": "E"}, [2, 1], id="prefix-and-more"),
        pytest.param({"name_prefix": "run-", "started_before_ms": NOW_MS + 2_000}, [1, 0], id="prefix-and-time"),
    ],
)
async def test_lists_hold_what_was_asked_for(
    store: PostgresStore, changes: dict[str, Any], expected: list[int]
) -> None:
    of = await written_machine(store)
    news = await admitted(store, of, 6)
    await finish(store, news[1:3], Status.FAILED, error="E")
    await finish(store, news[3:4], Status.ABORTED)
    listed = await store.list_executions(ExecutionFilter(machine_ids=(of.id,), **changes), 100)
    assert [one.id for one in listed] == [news[number].id for number in expected]


async def test_a_prefix_that_very_many_share_gives_the_same_list(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = await written_machine(store)
    await store.admit([execution(of, name=name, start_ms=NOW_MS + at) for at, name in enumerate(("b1", "a1", "b2"))])
    wanted = ExecutionFilter(machine_ids=(of.id,), name_prefix="b")
    few = await store.list_executions(wanted, 10)
    monkeypatch.setattr(executions, "COMMON_NAMES", 2)
    assert [one.name for one in few] == ["b2", "b1"]
    assert await store.list_executions(wanted, 10) == few


async def test_a_list_over_two_machines_is_ordered_as_one(store: PostgresStore) -> None:
    first, second = await written_machine(store, "A"), await written_machine(store, "B")
    news = [execution((first, second)[number % 2], start_ms=NOW_MS + number) for number in range(6)]
    await store.admit(news)
    listed = await store.list_executions(ExecutionFilter(machine_ids=(first.id, second.id)), 4)
    assert [one.id for one in listed] == [new.id for new in news[:1:-1]]


async def test_the_newest_holder_of_a_name_is_described_when_the_machine_was_made_again(store: PostgresStore) -> None:
    former = await written_machine(store)
    (old,) = await admitted(store, former, 1, name="n")
    await store.delete_machine(former.id, NOW_MS)
    await finish(store, [old], Status.SUCCEEDED)
    assert await store.finish_deletions(NOW_MS + 1) == 1
    again = machine()
    assert await store.create_machine(again, {}) is None
    row = await store.execution_by_name(ACCOUNT, REGION, "Order", "n")
    assert row is not None
    assert (row.id, row.machine_deleting) == (old.id, True)
    new = execution(again, name="n", start_ms=NOW_MS + 5)
    assert await store.admit([new]) == [None]
    row = await store.execution_by_name(ACCOUNT, REGION, "Order", "n")
    assert row is not None
    assert row.id == new.id


class TestHistory:
    """Pages 1 to 6 hold events 1-2, 3-7, none, 8, 9-10, 11."""

    PAGES = (
        page(1, 2, 1),
        page(2, 5, 3),
        page(3, 0, 8),
        page(4, 1, 8),
        page(5, 2, 9),
        page(6, 1, 11),
    )

    @pytest.mark.parametrize(
        ("from_event", "limit", "reverse", "expected"),
        [
            pytest.param(None, 100, False, [1, 2, 4, 5, 6], id="all"),
            pytest.param(None, 2, False, [1], id="exactly-a-page"),
            pytest.param(None, 3, False, [1, 2], id="part-of-a-page"),
            pytest.param(7, 2, False, [2, 4], id="from-the-middle"),
            pytest.param(8, 1, False, [4], id="one-event"),
            pytest.param(12, 5, False, [], id="beyond-the-end"),
            pytest.param(None, 100, True, [6, 5, 4, 2, 1], id="all-reversed"),
            pytest.param(None, 2, True, [6, 5], id="the-last-two"),
            pytest.param(9, 2, True, [5, 4], id="reversed-from-the-middle"),
            pytest.param(1, 5, True, [1], id="reversed-to-the-start"),
        ],
    )
    async def test_events_come_from_the_pages_that_hold_them(
        self, store: PostgresStore, from_event: int | None, limit: int, reverse: bool, expected: list[int]
    ) -> None:
        (new,) = await admitted(store, await written_machine(store), 1)
        await write_history(store, new, list(self.PAGES))
        found = await store.history_pages(new.id, from_event, limit, reverse)
        assert [one.number for one in found] == expected

    async def test_an_execution_without_pages_has_no_history(self, store: PostgresStore) -> None:
        assert await store.history_pages(IDS.uuid(), None, 10, reverse=True) == []
        assert await store.history_pages(IDS.uuid(), None, 10) == []

    async def test_whole_pages_are_read_by_number(self, store: PostgresStore) -> None:
        (new,) = await admitted(store, await written_machine(store), 1)
        await write_history(store, new, list(self.PAGES))
        assert await store.pages(new.id, 2, 4) == list(self.PAGES[1:4])


async def test_an_unknown_execution_is_none(store: PostgresStore) -> None:
    assert await store.execution_by_id(UUID(int=1)) is None
    assert await store.execution_by_name(ACCOUNT, REGION, "Order", "n") is None
