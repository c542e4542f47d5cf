"""Put the roles together: what each of them is made of, and how they live in one process.

Heavy packages are imported in here, not above, and while the embedded Postgres starts: that is how `up` is ready
within a second.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from services.cli.errors import CommandError
from services.runtime.clock import SystemClock
from services.runtime.ids import SystemIds
from services.runtime.lifecycle import Part, live
from services.runtime.settings import ProcessSettings, SettingError, read_settings

if TYPE_CHECKING:
    from services.broker.interface import Broker
    from services.broker.kombu_broker import KombuBroker
    from services.broker.memory_broker import MemoryBroker
    from services.cli.execution_logs import ExecutionLogs
    from services.cli.express_lanes import ExpressLanes
    from services.cli.own_api import LocalApi, OwnApi, RemoteApi
    from services.execution_logs.traces import Traces
    from services.integrations.assembly import Permissions
    from services.integrations.functions.targets import Targets
    from services.integrations.interface import Integrations
    from services.integrations.items.objects import ItemObjects
    from services.integrations.mocks import MockedIntegrations
    from services.integrations.registry import WorldIntegrations
    from services.store.express_history import ExpressHistory
    from services.store.postgres import PostgresStore

HOST: Final = "127.0.0.1"
MEMORY_BROKER: Final = "memory://"
SWITCH_SECONDS: Final = 0.001
"""How long a thread that works keeps the event loop waiting at a time. Python's own five milliseconds are felt."""
_WORLD_MODULES: Final = ("services.integrations.registry", "services.cli.own_api")
_NEEDS_STORE: Final = frozenset({"api", "scheduler", "express"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a process was started with.

    Attributes:
        roles: `api`, `scheduler`, `worker`, `express`.
        process: settings of every process.
        port: where the API listens on 127.0.0.1.
        targets: where functions run.
        environment: where the roles read their settings.
        on_ready: called once everything runs.
    """

    roles: frozenset[str]
    process: ProcessSettings
    port: int = 8083
    targets: Targets | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    on_ready: Callable[[], None] | None = None


def process_settings(environment: Mapping[str, str], **given: Any) -> ProcessSettings:
    """The settings of this process; also sets up its log."""
    from services.runtime import log

    try:
        settings = read_settings(ProcessSettings, environment, **given)
    except SettingError as error:
        raise CommandError(str(error)) from None
    log.configure(settings.log_level, settings.log_format)
    return settings


def listen(port: int) -> socket.socket:
    """A listening socket on 127.0.0.1, or a refusal that says what to do."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise CommandError(
            f"cannot listen on {HOST}:{port}: {error.strerror}; choose another port with --port"
        ) from None
    return listener


def serve(options: Options, listener: socket.socket | None = None) -> int:
    """Run the roles until a signal comes; returns the exit code."""
    import sys

    import uvloop

    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        return uvloop.run(_Process(options, listener).live())
    except SettingError as error:
        raise CommandError(str(error)) from None


class _Process:
    """One process and the roles that it plays."""

    def __init__(self, options: Options, listener: socket.socket | None) -> None:
        self._options = options
        self._listener = listener
        self._clock = SystemClock()
        self._ids = SystemIds()
        self._parts: list[Part] = []
        self._store: PostgresStore | None = None
        self._mocks: MockedIntegrations | None = None
        self._permissions: Permissions | None = None
        self._integrations: Integrations | None = None
        self._lanes: ExpressLanes | None = None
        self._logs: ExecutionLogs | None = None
        self._traces: Traces | None = None
        self._local_api: LocalApi | None = None
        self._remote_api: RemoteApi | None = None
        self._after_ready: list[Callable[[], Awaitable[object]]] = []

    async def live(self) -> int:
        """Make the parts, run them, and close what they stood on, last made first."""
        from services.broker.kombu_broker import open_broker

        roles, process = self._options.roles, self._options.process
        self._open_mocks()
        async with AsyncExitStack() as stack:
            if roles & _NEEDS_STORE:
                self._store = await self._open_store(stack)
            broker = open_broker(process.broker_url or MEMORY_BROKER, self._clock, self._ids)
            stack.push_async_callback(broker.close)
            self._expose_metrics(broker)
            if "api" in roles:
                self._add_api(broker, stack)
            if "express" in roles:
                self._add_express(stack)
            if "worker" in roles:
                self._add_worker(broker, stack)
            if "scheduler" in roles:
                self._add_scheduler(broker, stack)
            return await live(self._parts, self._ready)

    async def _open_store(self, stack: AsyncExitStack) -> PostgresStore:
        from services.runtime.faults import StoreUnavailable
        from services.store.postgres import open_store

        process = self._options.process
        try:
            store = await open_store(
                process.database_url, self._clock, note_status_changes=process.status_events == "on"
            )
        except StoreUnavailable as fault:
            raise CommandError(f"the database cannot be reached: {fault}") from None
        stack.push_async_callback(store.close)
        return store

    def _expose_metrics(self, broker: KombuBroker | MemoryBroker) -> None:
        """Show the broker's counts; a process without the API shows its metrics on a port of its own, if it has one."""
        from services.runtime.metrics import BrokerMetrics, expose

        expose(BrokerMetrics(broker.traffic))
        if self._options.process.metrics_port and "api" not in self._options.roles:
            from prometheus_client import start_http_server

            start_http_server(self._options.process.metrics_port, HOST)

    def _add_scheduler(self, broker: Broker, stack: AsyncExitStack) -> None:
        from services.cli.bulk_runner import BulkRunner
        from services.cli.traces import together
        from services.integrations.preparation import equip
        from services.runtime.metrics import SchedulerMetrics, expose, residents, shards_owned
        from services.scheduler.scheduler import Scheduler
        from services.scheduler.settings import SchedulerSettings

        assert self._store is not None
        settings = read_settings(SchedulerSettings, self._options.environment)
        metrics = SchedulerMetrics()
        answer_activity = None if self._mocks is None else self._mocks.answer_activity
        scheduler = Scheduler(
            self._store,
            broker,
            self._clock,
            self._ids,
            settings,
            observer=metrics,
            equip=equip,
            answer_activity=answer_activity,
            on_committed=together(self._execution_logs(stack).standard(), self._open_traces(stack)),
            objects=self._item_objects(stack),
        )
        expose(metrics)
        expose(residents(lambda: scheduler.residents))
        expose(shards_owned(lambda: len(scheduler.shards)))
        bulk = BulkRunner(self._store, broker, self._clock, self._ids)
        self._parts.append(Part("bulk jobs", bulk.run, bulk.stop))
        self._parts.append(Part("scheduler", scheduler.run, scheduler.stop))
        if self._options.process.status_events == "on":
            from services.cli.status_events import make_status_events

            events = make_status_events(self._store, self._options.environment, self._clock, settings)
            self._parts.append(Part("status events", events.run, events.stop))
        upkeep = _Upkeep(self._store, self._clock, self._options.process)
        self._parts.append(Part("upkeep", upkeep.run, upkeep.stop))

    def _open_traces(self, stack: AsyncExitStack) -> Traces | None:
        """One tracer for all roles of the process, where traces are wanted."""
        process = self._options.process
        if self._traces is None and process.otlp_endpoint:
            from services.cli.traces import open_traces

            assert self._store is not None
            self._traces = open_traces(process, self._store)
            stack.push_async_callback(self._traces.close)
        return self._traces

    def _add_worker(self, broker: Broker, stack: AsyncExitStack) -> None:
        from services.runtime.metrics import WorkerMetrics, expose
        from services.worker.settings import WorkerSettings
        from services.worker.worker import Worker

        settings = read_settings(WorkerSettings, self._options.environment)
        metrics = WorkerMetrics()
        worker = Worker(broker, self._world(stack), self._clock, self._ids, settings, observer=metrics)
        expose(metrics)
        self._parts.append(Part("worker", worker.run, worker.stop))

    def _open_mocks(self) -> None:
        """Mocks stand before what takes time to load: a mocked call reaches nobody."""
        from services.cli.lazy_world import LazyWorld
        from services.integrations.mocks import MOCK_VARIABLE, MockFileError, open_mocks

        self._lazy_world = LazyWorld(self._make_world, _WORLD_MODULES)
        try:
            self._mocks = open_mocks(self._options.environment, self._lazy_world)
        except MockFileError as error:
            raise CommandError(f"{MOCK_VARIABLE}={error}") from None

    def _world(self, stack: AsyncExitStack) -> Integrations:
        """What tasks can reach; one for all roles of the process."""
        if self._integrations is None:
            self._integrations = self._mocks or self._lazy_world
            self._read_permissions(stack)
            self._open_remote_api(stack)
            self._after_ready.append(self._lazy_world.load)
            stack.push_async_callback(self._lazy_world.close)
        return self._integrations

    def _item_objects(self, stack: AsyncExitStack) -> ItemObjects:
        """S3 for distributed Maps, also behind mocks."""
        self._world(stack)
        return self._lazy_world

    def _open_remote_api(self, stack: AsyncExitStack) -> None:
        """Tasks that call our own API do so over HTTP where it is another process."""
        from services.api.access_keys import read_access_keys
        from services.cli.own_api import RemoteApi

        if self._options.process.endpoint:
            keys = read_access_keys(self._options.environment.get("STEPWELL_ACCESS_KEYS", ""))
            self._remote_api = RemoteApi(self._options.process.endpoint, next(iter(keys.items()), None))
            stack.push_async_callback(self._remote_api.close)

    def _read_permissions(self, stack: AsyncExitStack) -> None:
        """What the operator lets tasks do; a mistake there ends the start."""
        from services.integrations.assembly import read_permissions
        from services.store.http_connections import PostgresConnections

        url = self._options.process.database_url
        store = PostgresConnections(url) if url else None
        if store is not None:
            stack.push_async_callback(store.close)
        self._permissions = read_permissions(self._options.environment, self._clock, self._ids, store)

    def _make_world(self) -> WorldIntegrations:
        from services.cli.own_api import OwnExecutions
        from services.integrations.assembly import make_integrations
        from services.integrations.functions.functions import Functions
        from services.integrations.functions.targets import Targets

        api: OwnApi | None = self._local_api or self._remote_api
        assert self._permissions is not None
        return make_integrations(
            self._options.environment,
            self._permissions,
            clock=self._clock,
            ids=self._ids,
            functions=Functions(self._options.targets or Targets(), self._clock, self._ids),
            executions=OwnExecutions(api) if api is not None else None,
            own_api=api,
        )

    def _add_api(self, broker: Broker, stack: AsyncExitStack) -> None:
        from services.api.access_keys import read_access_keys
        from services.api.app import Api
        from services.api.map_run_reader import MapRunReader
        from services.api.server import make_server
        from services.api.settings import ApiSettings
        from services.api.sigv4 import Verifier
        from services.api.trials.tester import Tester
        from services.cli.own_api import LocalApi

        assert self._store is not None
        settings = read_settings(ApiSettings, self._options.environment, node=self._ids.entropy(6).hex())
        keys = read_access_keys(settings.access_keys)
        api = Api(
            self._store,
            broker,
            self._clock,
            self._ids,
            settings,
            express=self._express(stack).front(with_background="express" in self._options.roles),
            state_tester=Tester(self._world(stack), self._ids),
            express_history=self._express_history(stack) if settings.describe_express else None,
            log_groups=self._execution_logs(stack).log_groups,
            map_runs=MapRunReader(self._store),
            mocked=self._mocks is not None,
            verifier=Verifier(keys.get, self._clock.now_ms) if keys else None,
        )
        self._local_api = LocalApi(api, settings.account)
        server = _QuietServer(make_server(api, HOST, self._options.port), self._listener, api.context.pollers.close)
        self._parts.append(Part("api", server.run, server.stop))

    def _add_express(self, stack: AsyncExitStack) -> None:
        background = self._express(stack).background(with_api="api" in self._options.roles)
        self._parts.append(Part("express", background.run, background.stop))

    def _express(self, stack: AsyncExitStack) -> ExpressLanes:
        """What the API's half and the background half of the express lane share."""
        if self._lanes is None:
            from services.cli.express_lanes import ExpressLanes
            from services.express.settings import ExpressSettings
            from services.runtime.metrics import expose

            assert self._store is not None
            self._lanes = ExpressLanes(
                self._store,
                self._world(stack),
                self._clock,
                self._ids,
                read_settings(ExpressSettings, self._options.environment),
                self._options.process.broker_url or MEMORY_BROKER,
                self._execution_logs(stack),
                self._options.process.database_url,
                self._open_traces(stack),
            )
            expose(self._lanes.metrics)
            stack.push_async_callback(self._lanes.close)
        return self._lanes

    def _express_history(self, stack: AsyncExitStack) -> ExpressHistory:
        """Express executions that were kept, for the API to show."""
        from services.store.express_history import ExpressHistory

        history = ExpressHistory(self._options.process.database_url, self._clock)
        stack.push_async_callback(history.close)
        return history

    def _execution_logs(self, stack: AsyncExitStack) -> ExecutionLogs:
        """Where the logs of executions go; one for all roles of the process."""
        if self._logs is None:
            from services.cli.execution_logs import ExecutionLogs
            from services.execution_logs.settings import LogSettings
            from services.runtime.metrics import expose

            settings = read_settings(LogSettings, self._options.environment)
            self._logs = ExecutionLogs(settings, self._options.environment, self._clock, self._ids)
            expose(self._logs.metrics)
            stack.push_async_callback(self._logs.log.close)
        return self._logs

    async def _ready(self) -> None:
        if self._options.on_ready is not None:
            self._options.on_ready()
        for act in self._after_ready:
            await act()


class _QuietServer:
    """uvicorn without its own signal handling: the process has one place for signals."""

    def __init__(self, server: Any, listener: socket.socket | None, hang_up: Callable[[], None]) -> None:
        self._server = server
        self._listener = listener
        self._hang_up = hang_up

    async def run(self) -> None:
        from contextlib import nullcontext

        self._server.capture_signals = nullcontext
        await self._server.serve(sockets=[self._listener] if self._listener is not None else None)

    async def stop(self) -> None:
        """Answer the long polls first: the server waits for open requests."""
        self._hang_up()
        self._server.should_exit = True


class _Upkeep:
    """Makes partitions ahead and drops what retention has passed, now and then."""

    def __init__(self, store: PostgresStore, clock: SystemClock, settings: ProcessSettings) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        from services.runtime.faults import Fault

        while not self._stopped.is_set():
            try:
                async with asyncio.timeout(self._settings.maintenance_seconds):
                    await self._stopped.wait()
            except TimeoutError:
                try:
                    await self._store.maintain(self._settings.retention_days)
                except Fault:
                    continue

    async def stop(self) -> None:
        self._stopped.set()
