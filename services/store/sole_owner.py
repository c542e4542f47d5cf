"""Free every shard at once, for whoever knows that no scheduler of this database lives.

`stepwell up` knows it: it holds the lock of the data folder whose Postgres it just started or adopted. Without this a
restart after a kill would wait for the leases of the killed process. Were a scheduler alive after all, its next commit
would be refused and it would step down: the guard of the commit decides, not the lease (protocol R3).
"""

from __future__ import annotations

from typing import Final

import asyncpg

# Plan: a handful of rows each.
FREE_SHARDS: Final = """
    UPDATE shards SET owner = NULL, scheduler = NULL, seq = seq + 1, lease_until = clock_timestamp()
    WHERE owner IS NOT NULL
"""
FORGET_SCHEDULERS: Final = "DELETE FROM schedulers"
FREE_BULK_JOBS: Final = "UPDATE bulk_jobs SET runner = NULL, lease_until = '-infinity' WHERE status = 'RUNNING'"


async def free_everything(url: str) -> None:
    """Forget all schedulers and their tenures."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(FREE_SHARDS)
            await connection.execute(FORGET_SCHEDULERS)
            await connection.execute(FREE_BULK_JOBS)
    finally:
        await connection.close()
