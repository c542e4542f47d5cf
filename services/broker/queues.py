"""Every queue's name, here and nowhere else."""

from __future__ import annotations

from typing import Final

_PREFIX: Final = "stepwell"

EXPIRES_SECONDS: Final = 600
"""A queue that nobody has written to for so long vanishes: everything in it can be sent again from committed state."""


def offers(pool: str) -> str:
    """Offers for the workers of one pool; all of them listen."""
    return f"{_PREFIX}.offers.{pool}"


def polls(pool: str) -> str:
    """Polls of submitted jobs for the workers of one pool."""
    return f"{_PREFIX}.polls.{pool}"


def incarnation(incarnation_id: str) -> str:
    """Grants, acks and refusals for one life of one worker."""
    return f"{_PREFIX}.incarnation.{incarnation_id}"


def scheduler(scheduler_id: str) -> str:
    """Hints, claims, results, beats and commands for one scheduler process."""
    return f"{_PREFIX}.scheduler.{scheduler_id}"


def shard(number: int) -> str:
    """Results sent again, for whoever owns the shard now."""
    return f"{_PREFIX}.shard.{number}"


def api(node_id: str) -> str:
    """Replies for one API process."""
    return f"{_PREFIX}.api.{node_id}"


def wake(subscription_id: str) -> str:
    """An empty body here makes a waiting subscription look at its list of queues again."""
    return f"{_PREFIX}.wake.{subscription_id}"


def is_shared(queue: str) -> bool:
    """Do several processes take turns at this queue? Then bodies must travel one by one, not joined."""
    return queue.startswith((f"{_PREFIX}.offers.", f"{_PREFIX}.polls."))
