"""Mail: what comes from API nodes and workers, turned into deliveries for executions."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Final
from uuid import UUID

from engine.execution.stimulus import (
    CallDropped,
    MachineDeleted,
    Stimulus,
    TaskFailed,
    TaskGivenBack,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
    WorkerLost,
)
from engine.failure import RUNTIME
from engine.payload import JsonError, Payload
from services.broker.messages import (
    MAP_CHILD_ENDED,
    Beat,
    Claim,
    Command,
    Hint,
    Message,
    Result,
    Wish,
    readable,
    unpack,
)
from services.runtime.clock import Clock
from services.runtime.ids import Ids
from services.scheduler.activities import Activities
from services.scheduler.incarnations import Incarnations
from services.scheduler.loading import Loader
from services.scheduler.publish import Publisher
from services.scheduler.resident import Delivery, Resident
from services.scheduler.shard import Shards
from services.scheduler.turn import GRANT_BYTES
from services.store.records import shard_of

log = logging.getLogger(__name__)

_DELETED_MACHINES_MAX: Final = 1_000


class Mail:
    """The one handler of everything that comes through the broker and the inbox."""

    def __init__(
        self,
        *,
        shards: Shards,
        shard_count: int,
        loader: Loader,
        publisher: Publisher,
        incarnations: Incarnations,
        activities: Activities,
        clock: Clock,
        ids: Ids,
        enqueue: Callable[[Resident], None],
        overloaded: Callable[[], bool],
        hint_ignored: Callable[[], None],
        map_child_ended: Callable[[UUID], object],
    ) -> None:
        """Everything is handed in; `enqueue` gives a turn to an execution that something has reached."""
        self._shards = shards
        self._shard_count = shard_count
        self._loader = loader
        self._publisher = publisher
        self._incarnations = incarnations
        self._activities = activities
        self._clock = clock
        self._entropy = ids.entropy
        self._enqueue = enqueue
        self._overloaded = overloaded
        self._hint_ignored = hint_ignored
        self._map_child_ended = map_child_ended
        self._deleted_machines: OrderedDict[UUID, None] = OrderedDict()

    def receive(self, bodies: list[bytes]) -> None:
        """Handle everything that is ready, then let out what that allows."""
        for message in readable(bodies):
            self._handle(message)
        self._publisher.flush()

    def deliver(self, number: int, key: bytes, delivery: Delivery) -> bool:
        """Hand something to an execution, loading it if need be; False if its shard is not ours."""
        shard = self._shards.owned.get(number)
        if shard is None or shard.closing:
            return False
        resident = shard.residents.get(key)
        if resident is None:
            self._loader.want(key, delivery)
        else:
            resident.pending.append(delivery)
            self._enqueue(resident)
        return True

    def command(self, command: Command, inbox_id: int = 0) -> None:
        """What an API node asks for, through the broker or the inbox."""
        if command.kind == "machine-deleted":
            self._machine_deleted(UUID(bytes=unpack(command.body)[0]))
        elif command.kind == MAP_CHILD_ENDED:
            self._map_child_ended(UUID(bytes=unpack(command.body)[0]))
        elif not self.deliver(command.shard, command.execution_id, Delivery(command=command, inbox_id=inbox_id)):
            self._publisher.reply(command, "NotOwner")

    def bind(self, resident: Resident, path: str, token: bytes, incarnation: str) -> None:
        """Start an open attempt on an incarnation that has a slot for it."""
        resident.pending.append(Delivery(TaskStarted(path, token, incarnation, self._entropy(GRANT_BYTES))))
        self._enqueue(resident)

    def worker_lost(self, incarnation: str) -> int:
        """Close every attempt that only this incarnation may run; returns how many (R15)."""
        lost = 0
        for resident in list(self._shards.residents()):
            for path, attempt in resident.attempts():
                if attempt.incarnation == incarnation and not attempt.submitted_id:
                    resident.pending.append(Delivery(WorkerLost(path, attempt.token, attempt.grant)))
                    lost += 1
            self._enqueue(resident)
        return lost

    def machine_is_deleted(self, machine_id: UUID) -> bool:
        """Whether we were told so, perhaps while one of its executions was being loaded."""
        return machine_id in self._deleted_machines

    def _handle(self, message: Message) -> None:
        match message:
            case Result():
                self._result(message)
            case Hint():
                self._hint(message)
            case Claim():
                self._claim(message)
            case Beat():
                self._incarnations.beat(message, self._clock.monotonic())
            case Command():
                self.command(message)
            case Wish():
                self._activities.wish(message)
            case _:
                log.warning("a %s is not for a scheduler", type(message).__name__)

    def _hint(self, hint: Hint) -> None:
        if self._overloaded():
            self._hint_ignored()
            return
        for key in hint.execution_ids:
            shard = self._shards.owned.get(shard_of(UUID(bytes=key), self._shard_count))
            if shard is not None and key not in shard.residents:
                self._loader.want(key, due=True)

    def _claim(self, claim: Claim) -> None:
        """Bind the attempt to the first who claims it; whoever is late is told at once (R10)."""
        resident = self._shards.find(claim.shard, claim.execution_id)
        attempt = None if resident is None else resident.attempt(claim.path, claim.token)
        if resident is None or attempt is None:
            self._publisher.refuse(Delivery(claim=claim))
            return
        grant = self._entropy(GRANT_BYTES)
        stimulus = TaskStarted(claim.path, claim.token, claim.incarnation, grant, claim.worker_name, claim.callback)
        resident.pending.append(Delivery(stimulus, claim=claim, grant=grant))
        self._enqueue(resident)

    def _result(self, result: Result) -> None:
        """A late or foreign one is answered like any other: after a commit that proves that we own the shard (R19)."""
        if result.kind == "pending":
            resident = self._shards.find(result.shard, result.execution_id)
            if resident is not None and resident.attempt(result.path, result.token) is not None:
                self._publisher.look_again(resident, result.path, _seconds(result.output))
            return
        self.deliver(result.shard, result.execution_id, Delivery(_stimulus(result), result=result))

    def _machine_deleted(self, machine_id: UUID) -> None:
        self._deleted_machines[machine_id] = None
        while len(self._deleted_machines) > _DELETED_MACHINES_MAX:
            self._deleted_machines.popitem(last=False)
        for resident in list(self._shards.residents()):
            if resident.row.machine_id == machine_id:
                resident.pending.append(Delivery(MachineDeleted()))
                self._enqueue(resident)


def _stimulus(result: Result) -> Stimulus:
    path, token, grant = result.path, result.token, result.grant
    try:
        match result.kind:
            case "succeeded":
                return TaskSucceeded(path, token, Payload.of_text(result.output or b""), grant)
            case "submitted":
                job = None if result.job is None else Payload.of_text(result.job)
                return TaskSubmitted(path, token, Payload.of_text(result.output or b""), job)
            case "given-back":
                return TaskGivenBack(path, token, grant)
            case "timed-out":
                return CallDropped(path, token, grant)
            case "lost":
                return WorkerLost(path, token, grant)
            case _:
                return TaskFailed(path, token, result.error, result.cause, grant)
    except JsonError as error:
        return TaskFailed(path, token, RUNTIME, f"The worker's result is not JSON: {error}", grant)


def _seconds(output: bytes | None) -> float:
    """How long a polled job wants to be left alone."""
    try:
        seconds = Payload.of_text(output or b"").value
    except JsonError:
        return 1.0
    return float(seconds) if isinstance(seconds, int | float) else 1.0
