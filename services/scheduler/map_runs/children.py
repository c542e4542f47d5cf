"""What a run tells children that exist: to stop, or to go on with a new attempt.

Both are commands to whoever owns the child's shard. They may be lost or doubled, so they are sent again until the
children have changed, and each names the attempt it is about: one that comes late changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from services.broker import queues
from services.broker.interface import Broker
from services.broker.messages import REDRIVE_CHILD, Command, encode, pack
from services.store.interface import MapRunStore
from services.store.map_run_records import MapRun
from services.store.records import shard_of

STOPPED_MAX: Final = 1_000


async def stop_children(store: MapRunStore, broker: Broker, run: MapRun) -> bool:
    """Stop children that still run; False if there are none."""
    ids = await store.open_map_children(run, STOPPED_MAX)
    _tell(store, broker, ids, "stop", pack(None, None, run.redrive_count))
    return bool(ids)


async def redrive_children(store: MapRunStore, broker: Broker, run: MapRun, limit: int) -> None:
    """Redrive children that failed in an attempt before this one, the first ones first."""
    ids = await store.map_children_to_redrive(run, limit)
    _tell(store, broker, ids, REDRIVE_CHILD, pack(run.redrive_count))


def _tell(store: MapRunStore, broker: Broker, ids: Sequence[UUID], kind: str, body: bytes) -> None:
    by_shard: dict[int, list[Command]] = {}
    for child_id in ids:
        shard = shard_of(child_id, store.shards)
        by_shard.setdefault(shard, []).append(Command("", "", child_id.bytes, shard, kind, body))
    for shard, commands in by_shard.items():
        broker.send(queues.shard(shard), encode(commands))
