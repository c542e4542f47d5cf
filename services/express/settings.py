"""Bounds and intervals of the express lane."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExpressSettings:
    """What an operator may set for one lane.

    Attributes:
        concurrency_max: executions under way at once in this process.
        execution_bytes_max: payload bytes that one execution may hold.
        queue_length_max: asynchronous starts that may wait; beyond it StartExecution is throttled.
        heartbeat_seconds: how often a lane says that it lives.
        lease_seconds: silence after which a lane's executions are delivered again.
        deliveries_max: after so many deliveries a start goes to the dead-letter queue.
        batch: starts taken from the queue at once.
    """

    concurrency_max: int = 2_000
    execution_bytes_max: int = 16 * 1024 * 1024
    queue_length_max: int = 100_000
    heartbeat_seconds: float = 1.0
    lease_seconds: float = 5.0
    deliveries_max: int = 3
    batch: int = 64
