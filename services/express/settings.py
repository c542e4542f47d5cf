"""Bounds and intervals of the express lane."""

from __future__ import annotations

from dataclasses import dataclass

from services.runtime.settings import setting


@dataclass(frozen=True, slots=True)
class ExpressSettings:
    """What an operator may set for one lane.

    Attributes:
        express_concurrency_max: executions under way at once in this process.
        express_execution_bytes_max: payload bytes that one execution may hold.
        express_lane_bytes_max: payload bytes that all executions of this process may hold; more starts have to wait.
        express_queue_length_max: asynchronous starts that may wait; beyond it StartExecution is throttled.
        express_heartbeat_seconds: how often a lane says that it lives.
        express_lease_seconds: silence after which a lane's executions are delivered again.
        express_deliveries_max: after so many deliveries a start goes to the dead-letter queue.
        express_batch: starts taken from the queue at once.
        express_fsync: whether a start counts as accepted only when Redis has it on disk (WAITAOF, Redis 7.2).
        express_retention_days: how long ended express executions are kept in Postgres; 0 keeps none.
    """

    express_concurrency_max: int = setting(2_000, min=1, max=1_000_000)
    express_execution_bytes_max: int = setting(16 * 1024 * 1024, min=1)
    express_lane_bytes_max: int = setting(512 * 1024 * 1024, min=1)
    express_queue_length_max: int = setting(100_000, min=1)
    express_heartbeat_seconds: float = setting(1.0, min=0.05, max=60)
    express_lease_seconds: float = setting(5.0, min=0.2, max=300)
    express_deliveries_max: int = setting(3, min=1, max=200)
    express_batch: int = setting(128, min=1, max=1_000)
    express_fsync: bool = False
    express_retention_days: float = setting(0.0, min=0, max=3650)
