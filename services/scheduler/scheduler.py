"""The scheduler process: its parts put together, and its life.

A straight line: mail and scans bring deliveries, the loader brings executions, a lane takes turns and commits them,
the publisher lets out what the commit allows. One event loop, no threads; time, randomness, store and broker are
handed in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final
from uuid import UUID

from engine.asl.model import Resource
from engine.execution.stimulus import ExecutionTimerDue, TimerDue
from services.broker import queues
from services.broker.interface import Broker, Subscription
from services.integrations.items.objects import ItemObjects
from services.runtime.clock import Clock
from services.runtime.faults import Fault
from services.runtime.ids import Ids
from services.scheduler.activities import Activities
from services.scheduler.aside import RunAside
from services.scheduler.database_clock import DatabaseClock
from services.scheduler.group_commit import Lane, OnCommitted
from services.scheduler.incarnations import Incarnations
from services.scheduler.loading import Loader
from services.scheduler.mail import Mail
from services.scheduler.map_runs.runs import MapRuns
from services.scheduler.map_runs.world import World
from services.scheduler.mocked_activities import AnswerActivity
from services.scheduler.observe import Observer, Silent
from services.scheduler.offers import Offers
from services.scheduler.outbox import Outbox
from services.scheduler.publish import Publisher
from services.scheduler.resident import Delivery, Resident
from services.scheduler.scan import Scan
from services.scheduler.settings import SchedulerSettings
from services.scheduler.shard import Shard, Shards
from services.scheduler.suspicion import Suspicion
from services.scheduler.tenure import Tenures
from services.scheduler.turn import Turns
from services.scheduler.wake_ups import RESEND, WakeUps
from services.store.interface import SchedulerStore
from services.store.programs import Equip, Programs
from services.store.records import shard_of

log = logging.getLogger(__name__)

_STOP_SECONDS: Final = 0.4


def default_pool(resource: Resource) -> str:
    """Every resource belongs to the one pool that every worker serves unless told otherwise."""
    return "default"


class Scheduler:
    """One scheduler process: `await run()` until `await stop()`.

    Args:
        pool_of: which pool's workers run a resource.
        observer: counts for the operator.
        on_committed: told of every committed page.
        equip: adds to compiled programs what the integrations know of them.
        answer_activity: answers for the activities that a mocked test case mocks.
        objects: the way to S3 for readers and writers of distributed Maps.
        run_aside: advances a turn that may take long, on a thread.
        (the others): see their types.
    """

    def __init__(
        self,
        store: SchedulerStore,
        broker: Broker,
        clock: Clock,
        ids: Ids,
        settings: SchedulerSettings | None = None,
        *,
        pool_of: Callable[[Resource], str] = default_pool,
        observer: Observer | None = None,
        on_committed: OnCommitted | None = None,
        equip: Equip | None = None,
        answer_activity: AnswerActivity | None = None,
        objects: ItemObjects | None = None,
        run_aside: RunAside = asyncio.to_thread,
    ) -> None:
        """Create it on the event loop that will run it."""
        settings = settings or SchedulerSettings()
        self.name = queues.scheduler(ids.entropy(8).hex())
        self.settings = settings
        self._store, self._broker, self._clock, self._ids = store, broker, clock, ids
        self._observer = observer or Silent()
        self._left_in_store = False
        self._subscription: Subscription | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._tenure_task: asyncio.Task[None] | None = None
        self._database_clock = DatabaseClock(clock)
        self._outbox = Outbox(broker)
        self._shards = Shards(settings.parked_max, self._gone)
        self._wake_ups = WakeUps(clock, self._database_clock, self._fire, self._flush)
        self._incarnations = Incarnations(settings.worker_lease_seconds)
        self._activities = Activities(self._outbox, clock, self.name)
        self._offers = Offers(
            self._outbox, self._incarnations, clock, self.name, settings.offers_min, self._bind, self._offered
        )
        world = World(store, broker, clock, ids, objects)
        self._map_runs = MapRuns(world, self._shards.owned.keys, self._enqueue)
        self._publisher = self._make_publisher(pool_of)
        self._loader = self._make_loader(Programs(store, settings.program_bytes_max, equip))
        self._mail = self._make_mail()
        self._tenures = Tenures(
            store, self._shards, clock, ids, settings, self.name, renew=self._renew, changed=self._shards_changed
        )
        self._scan = self._make_scan()
        self._suspicion = Suspicion(
            broker, clock, self._incarnations, settings.worker_lease_seconds, self._queues, self._worker_lost
        )
        turns = Turns(
            ids,
            self._incarnations,
            pool_of,
            clock.monotonic,
            int(1000 * settings.park_seconds),
            settings.execution_bytes_max,
            answer_activity,
        )
        self._lanes = [self._make_lane(turns, on_committed, run_aside) for _ in range(settings.lanes)]

    def _make_publisher(self, pool_of: Callable[[Resource], str]) -> Publisher:
        return Publisher(
            outbox=self._outbox,
            offers=self._offers,
            activities=self._activities,
            wake_ups=self._wake_ups,
            incarnations=self._incarnations,
            clock=self._clock,
            database_clock=self._database_clock,
            reply_to=self.name,
            pool_of=pool_of,
            resend_ms=(int(1000 * self.settings.resend_seconds), int(1000 * self.settings.resend_seconds_max)),
            shards=self._store.shards,
            map_runs=self._map_runs,
        )

    def _make_loader(self, programs: Programs) -> Loader:
        return Loader(
            self._store,
            self._shards,
            programs,
            self._clock,
            self.settings.load_max,
            loaded=self._loaded,
            missing=self._publisher.missing,
            lost=self._publisher.refuse,
            done=self._flush,
        )

    def _make_mail(self) -> Mail:
        return Mail(
            shards=self._shards,
            shard_count=self._store.shards,
            loader=self._loader,
            publisher=self._publisher,
            incarnations=self._incarnations,
            activities=self._activities,
            clock=self._clock,
            ids=self._ids,
            enqueue=self._enqueue,
            overloaded=lambda: self.overloaded,
            hint_ignored=self._leave_in_store,
            map_child_ended=self._map_runs.child_ended,
        )

    def _make_scan(self) -> Scan:
        return Scan(
            self._store,
            self._shards,
            self._clock,
            self._database_clock,
            self.settings.scan_seconds,
            want=self._want_due,
            command=self._mail.command,
            room=self._room,
            left=self._leave_in_store,
            discard=self._discard_inbox_row,
        )

    def _make_lane(self, turns: Turns, on_committed: OnCommitted | None, run_aside: RunAside) -> Lane:
        return Lane(
            store=self._store,
            shards=self._shards,
            turns=turns,
            publisher=self._publisher,
            clock=self._clock,
            database_clock=self._database_clock,
            settings=self.settings,
            observer=self._observer,
            on_committed=on_committed,
            step_down=self._step_down,
            quarantine=self._loader.quarantine,
            settled=self._settled,
            run_aside=run_aside,
        )

    # its life

    async def run(self) -> None:
        """Work until `stop`.

        Raises:
            Exception: a part broke; the process should end, others take its shards over.
        """
        self._subscription = self._broker.subscribe([self.name], self._mail.receive)
        self._tenure_task = asyncio.create_task(self._tenures.run(), name="tenures")
        self._tasks = [self._tenure_task, *map(asyncio.create_task, self._loops())]
        try:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for task in self._tasks:
                task.cancel()
            ends = await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._subscription.close()
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def stop(self) -> None:
        """Finish the commits in flight, give the shards back, end."""
        if self._subscription is not None:
            await self._subscription.close()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                self._tenures.stop()
                if self._tenure_task is not None:
                    await asyncio.wait([self._tenure_task])
                await self._tenures.release_all()
        except (Fault, TimeoutError):
            log.warning("not all shards could be given back in time; their leases will pass")
        self._publisher.flush()
        for task in self._tasks:
            task.cancel()

    def _loops(self) -> list[Coroutine[Any, Any, None]]:
        return [
            *(lane.run() for lane in self._lanes),
            self._loader.run(),
            self._wake_ups.run(),
            self._scan.run(),
            self._map_runs.run(),
            self._suspicion.run(self._every_second),
        ]

    @property
    def overloaded(self) -> bool:
        """Whether so much waits in memory that new executions are left in the store for now (R23)."""
        return self._room() <= 0

    def _room(self) -> int:
        """How many more executions may come into memory."""
        waiting = sum(map(len, self._lanes)) + len(self._loader)
        return min(self.settings.ready_max - waiting, self.settings.resident_max - self._shards.count)

    @property
    def shards(self) -> list[int]:
        """The shards that it owns."""
        return sorted(self._shards.owned)

    @property
    def residents(self) -> int:
        """How many executions it holds in memory."""
        return self._shards.count

    # what the parts tell one another

    def _enqueue(self, resident: Resident) -> None:
        if resident.pending:
            self._shards.unpark(resident)
            self._lanes[resident.shard % len(self._lanes)].enqueue(resident)

    def _bind(self, resident: Resident, path: str, token: bytes, incarnation: str) -> None:
        self._mail.bind(resident, path, token, incarnation)

    def _offered(self, resident: Resident, path: str) -> None:
        self._publisher.resend_later(resident, path)

    def _loaded(self, resident: Resident) -> None:
        """An execution is in memory: send what its frames ask for, give it a turn if something waits for one."""
        if self._mail.machine_is_deleted(resident.row.machine_id):
            resident.execution.machine_deleted = True
        if resident.execution.page_number:
            self._publisher.resume(resident)
        if resident.pending:
            self._enqueue(resident)
        elif resident.execution.ended:
            self._shards.remove(resident)

    def _want_due(self, key: bytes) -> None:
        if self._shards.find(shard_of(UUID(bytes=key), self._store.shards), key) is None:
            self._loader.want(key, due=True)

    def _fire(self, resident: Resident, key: str, due_ms: int) -> None:
        """A deadline has come."""
        if key.startswith(RESEND):
            if resident.in_flight:
                # Memory is ahead of the store until the answer comes: nothing may be derived from it now (R5, R8).
                self._wake_ups.arm(resident, key, self._database_clock.now_ms() + 1_000)
            else:
                self._publisher.send_again(resident, key.removeprefix(RESEND))
            return
        self._observer.late((self._database_clock.now_ms() - due_ms) / 1000)
        if not key:
            resident.pending.append(Delivery(ExecutionTimerDue()))
        elif (frame := resident.execution.frames.get(key)) is not None:
            resident.pending.append(Delivery(TimerDue(key, frame.visit)))
        self._enqueue(resident)

    def _flush(self) -> None:
        self._publisher.flush()

    def _gone(self, resident: Resident) -> None:
        self._wake_ups.forget(resident)
        self._map_runs.gone(resident)
        for path in resident.resends:
            self._offers.withdraw(resident, path)
        for delivery in resident.pending:
            self._publisher.refuse(delivery)
        resident.pending.clear()

    def _renew(self, shard: Shard) -> None:
        self._lanes[shard.number % len(self._lanes)].renew(shard)

    def _discard_inbox_row(self, shard: int, row_id: int) -> None:
        self._lanes[shard % len(self._lanes)].drop_inbox_row(shard, row_id)

    def _shards_changed(self, taken: list[Shard]) -> None:
        if self._subscription is not None:
            self._subscription.listen_to(self._queues())
        if taken:
            self._incarnations.excuse(self._clock.monotonic())
            self._scan.soon(full=True)

    def _queues(self) -> list[str]:
        return [self.name, *map(queues.shard, sorted(self._shards.owned))]

    def _step_down(self, shards: list[Shard], unknown: bool) -> None:
        for shard in shards:
            log.warning("shard %d is given up", shard.number)
            self._observer.tenure_lost()
        self._tenures.give_up(shards, unknown)

    def _settled(self) -> None:
        self._tenures.settled()
        if self._left_in_store and self._room() > self.settings.ready_max // 2:
            self._left_in_store = False
            self._scan.soon(full=True)

    def _leave_in_store(self) -> None:
        self._left_in_store = True

    def _worker_lost(self, incarnation: str) -> None:
        lost = self._mail.worker_lost(incarnation)
        if lost:
            log.warning("worker %s is lost, %d attempts with it", incarnation, lost)
            self._observer.worker_lost()

    async def _every_second(self) -> None:
        self._loader.release_quarantined()
        await self._offers.look_at_queues(self._broker)
        self._publisher.flush()
