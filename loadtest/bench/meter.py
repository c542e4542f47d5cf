"""CPU time and memory of the processes under test, split by what they are."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Usage:
    """What a group of processes took between two looks: CPU seconds, and resident bytes at the second."""

    cpu_seconds: Mapping[str, float]
    rss_bytes: Mapping[str, int]


class Meter:
    """Watches process trees. Groups: the names given, `functions`, `postgres`, `redis`, and `client` (this process)."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        """Watch the trees under these process ids, by name."""
        self._roots = dict(roots)
        self._begun: dict[str, float] = {}

    def begin(self) -> None:
        """Take the first look."""
        self._begun = self._cpu()

    def end(self) -> Usage:
        """Take the second look."""
        now = self._cpu()
        return Usage({group: now[group] - self._begun.get(group, 0.0) for group in now}, self.rss())

    def rss(self) -> dict[str, int]:
        """Resident bytes by group."""
        found: dict[str, int] = {}
        for group, process in self._processes():
            with contextlib.suppress(psutil.Error):
                found[group] = found.get(group, 0) + process.memory_info().rss
        return found

    def _cpu(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for group, process in self._processes():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                # Children that have ended count too: Postgres forks one process for each connection.
                found[group] = found.get(group, 0.0) + times.user + times.system
        own = os.times()
        return found | {"client": own.user + own.system}

    def _processes(self) -> Iterable[tuple[str, psutil.Process]]:
        for name, pid in self._roots.items():
            with contextlib.suppress(psutil.Error):
                root = psutil.Process(pid)
                yield _group_of(root, name), root
                for child in root.children(recursive=True):
                    yield _group_of(child, "functions"), child


def _group_of(process: psutil.Process, otherwise: str) -> str:
    with contextlib.suppress(psutil.Error):
        name = process.name()
        for known in ("postgres", "redis"):
            if name.startswith(known):
                return known
    return otherwise
