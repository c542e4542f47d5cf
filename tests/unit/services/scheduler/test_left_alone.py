"""A cluster that is left alone: what its processes hold must not grow with what they have done."""

from __future__ import annotations

from collections import deque
from collections.abc import Sized
from typing import Any

from services.integrations.interface import Call, Failed, Succeeded
from tests.fixtures.scheduler_world import PASS, TASK, World, states, wait
from tests.fixtures.virtual_loop import run_virtually

ROUND_SECONDS = 120
_CONTAINERS = (dict, list, set, deque)


def held(*roots: object) -> dict[str, int]:
    """The sizes of all containers below these objects of ours, by where they are."""
    found: dict[str, int] = {}
    seen: set[int] = set()
    waiting: list[tuple[str, Any]] = [(type(root).__name__, root) for root in roots]
    while waiting:
        path, value = waiting.pop()
        if id(value) in seen or len(path) > 300:
            continue
        seen.add(id(value))
        if isinstance(value, _CONTAINERS):
            assert isinstance(value, Sized)
            found[path] = found.get(path, 0) + len(value)
            members = value.values() if isinstance(value, dict) else value
            waiting += [(f"{path}[]", member) for member in list(members)]
        elif type(value).__module__.startswith("services."):
            names = list(getattr(value, "__dict__", ())) + [
                name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())
            ]
            waiting += [(f"{path}.{name}", getattr(value, name)) for name in names if hasattr(value, name)]
    return found


def answer(call: Call) -> Succeeded | Failed:
    return Failed("Now and then", "so") if call.key[0] in "01" else Succeeded(call.input)


def test_twenty_rounds_of_work_leave_nothing_behind() -> None:
    async def main() -> tuple[dict[str, int], dict[str, int]]:
        world = World()
        world.scheduler()
        world.scheduler()
        world.worker()
        world.functions[0].answer = answer
        retry = {"Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2}], "TimeoutSeconds": 60}
        napping = states("w", "t", w=wait(60), t=TASK | retry)
        branches = [states("b", b=PASS), states("c", c=TASK | retry)]
        parallel = {"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": branches, "End": True}}}
        machines = [world.machine(definition) for definition in (napping, parallel)]
        sizes = []
        for number in range(20):
            for machine in machines:
                await world.start(machine, 20)
            await world.clock.sleep(ROUND_SECONDS)
            if number in (3, 19):
                await world.clock.sleep(5 * ROUND_SECONDS)
                sizes.append(held(*(pair[0] for pair in world.schedulers), *world.workers))
        return sizes[0], sizes[1]

    early, late = run_virtually(main())
    assert len(early) > 30
    heaps = {path for path in late if path.endswith("_wake_ups._heap")}  # swept when they hold a thousand dead entries
    assert heaps and all(late[path] <= 2_048 for path in heaps)
    grown = {path: (early.get(path, 0), size) for path, size in late.items() if size > early.get(path, 0) + 16}
    assert {path: sizes for path, sizes in grown.items() if path not in heaps} == {}
