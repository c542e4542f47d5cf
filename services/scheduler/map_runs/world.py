"""What driving a map run needs of the world."""

from __future__ import annotations

from dataclasses import dataclass

from services.broker.interface import Broker
from services.integrations.items.objects import ItemObjects
from services.runtime.clock import Clock
from services.runtime.ids import Ids
from services.store.interface import MapRunStore


@dataclass(frozen=True, slots=True)
class World:
    """What driving a run needs; `objects` is None where there is no way to S3."""

    store: MapRunStore
    broker: Broker
    clock: Clock
    ids: Ids
    objects: ItemObjects | None
