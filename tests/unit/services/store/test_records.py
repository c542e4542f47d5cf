"""Which shard an execution belongs to."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from services.runtime.ids import SystemIds
from services.store.records import shard_of


def test_the_shard_of_an_execution_never_changes() -> None:
    assert shard_of(UUID("019aa110-0000-7000-8000-0000000000ff"), 16) == 15


def test_executions_of_one_moment_are_spread_over_all_shards() -> None:
    ids = SystemIds()
    met = Counter(shard_of(ids.execution_id(1_763_636_400_000), 16) for _ in range(16_000))
    assert sorted(met) == list(range(16))
    assert min(met.values()) > 800
