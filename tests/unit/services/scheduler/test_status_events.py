"""Status-change events: their shape, member by member, and that each change is told until the bus has taken it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from engine.execution.execution import Status
from services.integrations.failures import ApiRefused, Unreachable
from services.runtime.faults import StoreUnavailable
from services.runtime.metrics import StatusEventMetrics
from services.scheduler import status_events
from services.scheduler.status_event import detail_of, entry_of
from services.scheduler.status_events import GIVE_UP_SECONDS, StatusEvents
from services.store.records import MapChild, StoredExecution
from services.store.status_changes import StatusChange
from tests.fixtures.virtual_loop import run_virtually

PLACE = "arn:aws:states:eu-west-1:111122223333"
EXECUTION = StoredExecution(
    id=UUID(int=1),
    shard=0,
    machine_id=UUID(int=2),
    revision_id=UUID(int=3),
    account="111122223333",
    region="eu-west-1",
    machine_name="order",
    name="run",
    status=Status.SUCCEEDED,
    input=b'{"a":1}',
    start_ms=1_700_000_000_123,
    role_arn="arn:aws:iam::111122223333:role/r",
    output=b'"done"',
)
RUNNING = StatusChange(1, Status.RUNNING, None, 0, None, None, None, 0.0, EXECUTION, encrypted=False)
SUCCEEDED = replace(RUNNING, id=2, status=Status.SUCCEEDED, stop_ms=1_700_000_009_999)
FAILED = replace(SUCCEEDED, id=3, status=Status.FAILED, error="E", cause="why")


def test_a_start_has_every_member_and_nulls_where_nothing_is_known() -> None:
    assert detail_of(RUNNING, EXECUTION) == {
        "executionArn": f"{PLACE}:execution:order:run",
        "stateMachineArn": f"{PLACE}:stateMachine:order",
        "name": "run",
        "status": "RUNNING",
        "startDate": 1_700_000_000_123,
        "stopDate": None,
        "input": '{"a":1}',
        "inputDetails": {"included": True},
        "output": None,
        "outputDetails": None,
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "Execution is RUNNING and cannot be redriven",
        "error": None,
        "cause": None,
    }


def changed(change: StatusChange, execution: StoredExecution = EXECUTION) -> dict[str, Any]:
    """What differs from the event of the start."""
    start = detail_of(RUNNING, EXECUTION)
    return {name: value for name, value in detail_of(change, execution).items() if value != start[name]}


def test_a_success_has_its_output() -> None:
    assert changed(SUCCEEDED) == {
        "status": "SUCCEEDED",
        "stopDate": 1_700_000_009_999,
        "output": '"done"',
        "outputDetails": {"included": True},
        "redriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
    }


@pytest.mark.parametrize("status", [Status.FAILED, Status.ABORTED])
def test_a_failure_has_its_error_and_cause_and_may_be_redriven(status: Status) -> None:
    assert changed(replace(FAILED, status=status)) == {
        "status": status.name,
        "stopDate": 1_700_000_009_999,
        "redriveStatus": "REDRIVABLE",
        "redriveStatusReason": None,
        "error": "E",
        "cause": "why",
    }


def test_a_time_out_has_neither_error_nor_cause() -> None:
    shown = changed(replace(FAILED, status=Status.TIMED_OUT))
    assert shown["redriveStatus"] == "REDRIVABLE"
    assert not {"error", "cause"} & shown.keys()


def test_version_alias_and_redrives_are_named() -> None:
    execution = replace(EXECUTION, version_number=3, alias_name="live")
    shown = changed(replace(RUNNING, redrive_count=2, redrive_ms=1_700_000_005_000), execution)
    assert shown == {
        "stateMachineVersionArn": f"{PLACE}:stateMachine:order:3",
        "stateMachineAliasArn": f"{PLACE}:stateMachine:order:live",
        "redriveCount": 2,
        "redriveDate": 1_700_000_005_000,
    }


def test_encrypted_executions_show_no_data() -> None:
    shown = detail_of(replace(SUCCEEDED, encrypted=True), EXECUTION)
    assert [shown[name] for name in ("input", "inputDetails", "output", "outputDetails")] == [
        None, {"included": False}, None, {"included": False},
    ]  # fmt: skip


def sized(characters: int) -> bytes:
    """A JSON text that is so long where it stands as a string in an event."""
    return b'"' + b"x" * (characters - 6) + b'"'


@pytest.mark.parametrize(
    ("given", "made", "shown"),
    [
        (124, 124, (True, True)),
        (124, 124 + 1, (False, True)),
        (1, 248, (False, True)),
        (1, 249, (False, False)),
    ],
)
def test_what_is_longer_than_248_kib_loses_its_input_first_and_then_its_output(
    given: int, made: int, shown: tuple[bool, bool]
) -> None:
    execution = replace(EXECUTION, input=sized(given * 1024), output=sized(made * 1024))
    detail = detail_of(SUCCEEDED, execution)
    assert (detail["inputDetails"]["included"], detail["outputDetails"]["included"]) == shown
    assert (detail["input"] is not None, detail["output"] is not None) == shown


def test_characters_that_json_escapes_count_as_they_stand_in_the_event() -> None:
    execution = replace(EXECUTION, input=b'"' + b'\\"' * 80_000 + b'"')
    assert detail_of(RUNNING, execution)["input"] is None


def test_a_long_cause_never_makes_an_event_too_large() -> None:
    execution = replace(EXECUTION, input=sized(247 * 1024))
    entry = entry_of(replace(FAILED, cause="c" * 32_768), execution, "aws.states", "default")
    assert status_events.entry_bytes(entry) <= status_events.REQUEST_BYTES_MAX
    assert json.loads(entry["Detail"])["input"] is None
    assert json.loads(entry["Detail"])["cause"] == "c" * 32_768


@pytest.mark.parametrize(
    ("change", "second"),
    [
        (RUNNING, 1_700_000_000),
        (SUCCEEDED, 1_700_000_009),
        (replace(RUNNING, redrive_ms=1_700_000_005_999), 1_700_000_005),
    ],
)
def test_the_envelope_has_the_whole_second_of_the_change(change: StatusChange, second: int) -> None:
    entry = entry_of(change, EXECUTION, "aws.states", "default")
    assert {name: value for name, value in entry.items() if name != "Detail"} == {
        "Time": datetime.fromtimestamp(second, UTC),
        "Source": "aws.states",
        "Resources": [f"{PLACE}:execution:order:run"],
        "DetailType": "Step Functions Execution Status Change",
        "EventBusName": "default",
    }


# --- delivery ---------------------------------------------------------------------------------------------------------


class Changes:
    """The store's side: a claimed change is hidden for a while, as in the table."""

    def __init__(self, changes: Sequence[StatusChange]) -> None:
        self.rows = {change.id: change for change in changes}
        self.hidden: dict[int, float] = {}
        self.away = False

    async def claim_status_changes(self, limit: int) -> list[StatusChange]:
        if self.away:
            raise StoreUnavailable("away")
        now = asyncio.get_running_loop().time()
        due = [row for row in self.rows.values() if self.hidden.get(row.id, 0.0) <= now][:limit]
        self.hidden |= {row.id: now + 10.0 for row in due}
        return due

    async def forget_status_changes(self, ids: Sequence[int]) -> None:
        for change_id in ids:
            self.rows.pop(change_id, None)


class Bus:
    """Takes events, or does not."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str, str, str, list[dict[str, Any]]]] = []
        self.failure: Exception | None = None
        self.refused: set[str] = set()
        self.silent = self.closed = False

    async def request_as(
        self, role: str, account: str, region: str, service: str, operation: str, parameters: dict[str, Any]
    ) -> Any:
        entries = parameters["Entries"]
        self.calls.append((role, account, region, service, operation, entries))
        if self.silent:
            await asyncio.sleep(1_000)
        if self.failure is not None:
            raise self.failure

        class Answer:
            parsed = {
                "Entries": [
                    {"ErrorCode": "InternalFailure"}
                    if json.loads(it["Detail"])["name"] in self.refused
                    else {"EventId": "1"}
                    for it in entries
                ]
            }

        return Answer

    async def close(self) -> None:
        self.closed = True

    def names(self) -> list[str]:
        return [json.loads(entry["Detail"])["name"] for *_, entries in self.calls for entry in entries]


def named(number: int, **more: Any) -> StatusChange:
    return replace(SUCCEEDED, id=number, execution=replace(EXECUTION, name=f"run-{number}", **more))


def map_child(express: bool) -> MapChild:
    return MapChild(
        run_id=UUID(int=9), run_arn="a", run_shard=0, index=0, item_count=1, label="label", state="S", express=express
    )


class World:
    def __init__(self, *changes: StatusChange) -> None:
        self.changes, self.bus, self.metrics = Changes(changes), Bus(), StatusEventMetrics()
        self.events = StatusEvents(
            self.changes, self.bus, self.metrics, source="aws.states", bus="default", pause_seconds=0.5
        )

    async def for_seconds(self, seconds: float) -> None:
        running = asyncio.ensure_future(self.events.run())
        await asyncio.sleep(seconds)
        await self.events.stop()
        await running

    def counts(self) -> dict[str, float]:
        (family,) = self.metrics.families()
        return {sample.labels["outcome"]: sample.value for sample in family.samples if sample.value}


def test_changes_go_out_ten_to_a_call_and_are_forgotten() -> None:
    async def main() -> None:
        world = World(*(named(number) for number in range(25)))
        await world.for_seconds(0.1)
        assert sorted(len(call[-1]) for call in world.bus.calls) == [5, 10, 10]
        assert world.bus.calls[0][:5] == (EXECUTION.role_arn, "111122223333", "eu-west-1", "events", "PutEvents")
        assert world.changes.rows == {} and world.counts() == {"sent": 25}
        assert world.bus.closed

    run_virtually(main())


def test_a_call_is_of_one_role_account_and_region_and_not_too_large() -> None:
    async def main() -> None:
        world = World(
            named(1), named(2, role_arn="arn:aws:iam::111122223333:role/s"), named(3, region="eu-west-2"),
            named(4, account="999999999999"), *(named(number, input=sized(100 * 1024)) for number in (5, 6, 7)),
        )  # fmt: skip
        await world.for_seconds(0.1)
        assert len({call[:3] for call in world.bus.calls}) == 4
        for *_, entries in world.bus.calls:
            assert sum(map(status_events.entry_bytes, entries)) <= 256 * 1024
        assert sorted(world.bus.names()) == [f"run-{number}" for number in range(1, 8)]

    run_virtually(main())


@pytest.mark.parametrize("failure", [Unreachable("away"), ApiRefused("ThrottlingException", "slow down", 400, "")])
def test_what_a_bus_does_not_take_is_sent_again_until_it_does(failure: Exception) -> None:
    async def main() -> None:
        world = World(named(1))
        world.bus.failure = failure
        running = asyncio.ensure_future(world.for_seconds(60))
        await asyncio.sleep(25)
        assert len(world.bus.calls) == 3  # at 0, 10 and 20 seconds
        world.bus.failure = None
        await running
        assert world.changes.rows == {} and world.counts() == {"sent": 1, "failed": 3}

    run_virtually(main())


def test_only_the_refused_entries_of_a_call_are_sent_again() -> None:
    async def main() -> None:
        world = World(named(1), named(2), named(3))
        world.bus.refused = {"run-2"}
        await world.for_seconds(1)
        assert list(world.changes.rows) == [2]
        world = World(*world.changes.rows.values())
        await world.for_seconds(1)
        assert world.bus.names() == ["run-2"] and world.changes.rows == {}

    run_virtually(main())


def test_a_bus_that_does_not_answer_holds_nobody_up_for_long() -> None:
    async def main() -> None:
        world = World(named(1))
        world.bus.silent = True
        await world.for_seconds(9)
        assert list(world.changes.rows) == [1]
        assert asyncio.get_running_loop().time() < 20

    run_virtually(main())


def test_a_change_is_given_up_after_a_day_of_failures() -> None:
    async def main() -> None:
        world = World(named(1), replace(named(2), age_seconds=GIVE_UP_SECONDS + 1))
        world.bus.failure = Unreachable("away")
        await world.for_seconds(0.1)
        assert list(world.changes.rows) == [1] and world.counts() == {"failed": 1, "dropped": 1}

    run_virtually(main())


def test_express_children_and_executions_that_are_gone_are_not_told() -> None:
    async def main() -> None:
        child = map_child(express=True)
        world = World(named(1, map_child=child), replace(SUCCEEDED, id=2, execution=None), named(3))
        await world.for_seconds(0.1)
        assert world.bus.names() == ["run-3"] and world.changes.rows == {}

    run_virtually(main())


def test_a_standard_child_is_told_with_its_label() -> None:
    child = map_child(express=False)
    detail = detail_of(FAILED, replace(EXECUTION, map_child=child))
    assert detail["executionArn"] == f"{PLACE}:execution:order/label:run"
    assert detail["stateMachineArn"] == f"{PLACE}:stateMachine:order/label"
    assert detail["redriveStatus"] == "REDRIVABLE_BY_MAP_RUN"


def test_a_store_that_is_away_is_waited_for() -> None:
    async def main() -> None:
        world = World(named(1))
        world.changes.away = True
        running = asyncio.ensure_future(world.for_seconds(5))
        await asyncio.sleep(3)
        world.changes.away = False
        await running
        assert world.bus.names() == ["run-1"]

    run_virtually(main())


def test_a_stopped_announcer_sends_what_the_last_turns_left() -> None:
    async def main() -> None:
        world = World()
        running = asyncio.ensure_future(world.events.run())
        await asyncio.sleep(0.1)
        world.changes.rows = {1: named(1)}
        await world.events.stop()
        await running
        assert world.bus.names() == ["run-1"]

    run_virtually(main())
