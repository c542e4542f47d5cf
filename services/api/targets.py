"""What StartExecution needs to know of a state machine, version or alias, kept for about a second.

The process that changes a state machine forgets it at once, so its own callers never see an older one; other API
processes follow within the second (AWS: "within a few seconds").
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from engine.arn import Arn
from services.api import errors
from services.api.request import Request, read_arn
from services.api.single_flight import SingleFlight
from services.runtime.clock import Clock
from services.runtime.ids import Ids
from services.store.interface import ApiStore
from services.store.records import Alias, StateMachine, Version

TARGETS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Route:
    """One version (or the current revision) that an execution may start with, and its share of the starts."""

    revision_id: UUID
    version_number: int | None
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A resolved stateMachineArn. `execution_prefix` is the execution ARN up to the execution's name."""

    machine_id: UUID
    machine_name: str
    machine_arn: str
    execution_prefix: str
    express: bool
    deleting: bool
    routes: tuple[Route, ...]
    alias_name: str | None = None

    def draw(self, ids: Ids) -> Route:
        """Pick a route by weight."""
        if len(self.routes) == 1:
            return self.routes[0]
        point = int.from_bytes(ids.entropy(4)) % 100
        for route in self.routes:
            point -= route.weight
            if point < 0:
                return route
        return self.routes[-1]


class Targets:
    """Resolves ARNs for StartExecution and StartSyncExecution."""

    def __init__(self, store: ApiStore, clock: Clock, keep_seconds: float) -> None:
        """Nothing is kept yet."""
        self._store = store
        self._clock = clock
        self._keep_seconds = keep_seconds
        self._reading: SingleFlight[tuple[int, str, str, str], Target] = SingleFlight()
        self._kept: OrderedDict[tuple[str, str, str], tuple[float, Target]] = OrderedDict()
        self._changes = 0
        self._keys_of: dict[UUID, set[tuple[str, str, str]]] = {}

    async def find(self, request: Request) -> Target:
        """The target of the request's stateMachineArn.

        Raises:
            ApiError: InvalidArn, StateMachineDoesNotExist, StateMachineDeleting, ValidationException (labelled).
        """
        text = request.body["stateMachineArn"]
        key = (request.account, request.region, text)
        kept = self._kept.get(key)
        if kept is not None and kept[0] > self._clock.monotonic():
            target = kept[1]
        else:
            changes = self._changes
            target = await self._reading.ask((changes, *key), lambda: self._read(request, text))
            if changes == self._changes:
                self._keep(key, target)
        if target.deleting:
            raise errors.state_machine_deleting(target.machine_arn)
        return target

    def forget(self, machine_id: UUID) -> None:
        """The machine, a version or an alias of it has changed: what is being read may be older, and is not kept."""
        self._changes += 1
        for key in self._keys_of.pop(machine_id, ()):
            self._kept.pop(key, None)

    def _keep(self, key: tuple[str, str, str], target: Target) -> None:
        self._kept[key] = (self._clock.monotonic() + self._keep_seconds, target)
        self._kept.move_to_end(key)
        self._keys_of.setdefault(target.machine_id, set()).add(key)
        if len(self._kept) > TARGETS_MAX:
            old, (_, forgotten) = self._kept.popitem(last=False)
            keys = self._keys_of.get(forgotten.machine_id)
            if keys is not None:
                keys.discard(old)
                if not keys:
                    del self._keys_of[forgotten.machine_id]

    async def _read(self, request: Request, text: str) -> Target:
        arn = read_arn(text, "stateMachine", "version", "alias")
        if arn.label:
            raise errors.labelled_machine_arn()
        machine = None
        if request.owns(arn):
            machine = await self._store.machine_by_name(arn.account, arn.region, arn.name)
        if machine is None:
            raise errors.state_machine_does_not_exist(text)
        routes = await self._routes(machine, arn)
        if routes is None:
            raise errors.state_machine_does_not_exist(text)
        kind = "express" if machine.type == "EXPRESS" else "execution"
        return Target(
            machine_id=machine.id,
            machine_name=machine.name,
            machine_arn=str(arn.machine),
            execution_prefix=f"{request.arn_prefix}:{kind}:{machine.name}:",
            express=machine.type == "EXPRESS",
            deleting=machine.status != "ACTIVE",
            routes=routes,
            alias_name=arn.qualifier if arn.kind == "alias" else None,
        )

    async def _routes(self, machine: StateMachine, arn: Arn) -> tuple[Route, ...] | None:
        """None: the version or alias does not exist."""
        if machine.status != "ACTIVE" or arn.kind == "stateMachine":
            return (Route(machine.revision.id, None, 100),)
        if arn.kind == "version":
            version = await self._store.version(machine.id, int(arn.qualifier))
            return None if version is None else (_route_to(version, 100),)
        alias = await self._store.alias(machine.id, arn.qualifier)
        return None if alias is None else await self._routes_of(alias)

    async def _routes_of(self, alias: Alias) -> tuple[Route, ...]:
        routes = []
        for number, weight in alias.routes:
            version = await self._store.version(alias.machine_id, number)
            if version is not None:
                routes.append(_route_to(version, weight))
        return tuple(routes)


def _route_to(version: Version, weight: int) -> Route:
    return Route(version.revision_id, version.number, weight)
