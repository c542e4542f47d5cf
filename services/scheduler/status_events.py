"""Announces changes of executions' status at an EventBridge, or what speaks like it. Off unless an operator asks.

The changes lie in the store, noted by the transactions that made them. They are taken from there, sent, and forgotten
when the bus has taken them: every change is announced at least once, in no certain order, and a bus that is away holds
no execution up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from services.integrations.failures import ApiRefused, NoCredentials, TooLarge, Unreachable
from services.runtime.faults import Fault
from services.scheduler.status_event import entry_of
from services.store.records import StoredExecution
from services.store.status_changes import StatusChange

CLAIMED_MAX: Final = 200
CALLS_MAX: Final = 8
GIVE_UP_SECONDS: Final = 24 * 3600.0
"""As long as EventBridge itself goes on to try."""
_SERVICE: Final = "events"
_ANSWER_SECONDS: Final = 8.0  # below the pause after which another process may take the change
# Limits of PutEvents.
ENTRIES_MAX: Final = 10
REQUEST_BYTES_MAX: Final = 256 * 1024
_TIME_BYTES: Final = 14
_FAILED: Final = (ApiRefused, Unreachable, NoCredentials, TooLarge, TimeoutError)

log = logging.getLogger("stepwell.scheduler")

_Entry = tuple[StatusChange, dict[str, Any]]


class StatusChanges(Protocol):
    """Where the changes lie."""

    async def claim_status_changes(self, limit: int) -> list[StatusChange]:
        """Take changes that are due; those that are not forgotten in time are due again."""
        ...

    async def forget_status_changes(self, ids: Sequence[int]) -> None:
        """They need not be told any more."""
        ...


class Sender(Protocol):
    """Sends requests on behalf of roles."""

    async def request_as(
        self, role_arn: str, account: str, region: str, service: str, operation: str, parameters: dict[str, Any]
    ) -> Any:
        """One request; its answer has `parsed`."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...


class Count(Protocol):
    """Hears what became of events."""

    def sent(self, events: int) -> None:
        """The bus has taken so many."""
        ...

    def failed(self, events: int) -> None:
        """So many could not be sent now; they are tried again."""
        ...

    def dropped(self, events: int) -> None:
        """So many were given up."""
        ...


class StatusEvents:
    """Works the changes off until it is stopped."""

    def __init__(
        self, store: StatusChanges, sender: Sender, count: Count, *, source: str, bus: str, pause_seconds: float
    ) -> None:
        """Nothing is connected yet; `sender` is closed at the end."""
        self._store = store
        self._sender = sender
        self._count = count
        self._source = source
        self._bus = bus
        self._pause_seconds = pause_seconds
        self._calls = asyncio.Semaphore(CALLS_MAX)
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Look for changes again and again, at once while there are many."""
        try:
            while not self._stopped.is_set():
                if await self._round() < CLAIMED_MAX:
                    await self._pause()
            await self._round()
        finally:
            await self._sender.close()

    async def stop(self) -> None:
        """End after one more round; what is left then is announced by whoever runs next."""
        self._stopped.set()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._pause_seconds):
                await self._stopped.wait()
        except TimeoutError:
            return

    async def _round(self) -> int:
        """Announce what is due; how many changes that were."""
        try:
            changes = await self._store.claim_status_changes(CLAIMED_MAX)
            silent = [change for change in changes if not _tells(change.execution)]
            done = [change.id for change in silent]
            requests = list(self._requests(change for change in changes if _tells(change.execution)))
            for sent in await asyncio.gather(*(self._send(request) for request in requests)):
                done += sent
            if done:
                await self._store.forget_status_changes(done)
        except Fault:
            log.warning("status events wait for the store")
            return 0
        return len(changes)

    def _requests(self, changes: Iterable[StatusChange]) -> Iterable[list[_Entry]]:
        """What goes into one call: changes of executions of one role, account and region, as many as it takes."""
        open_requests: dict[tuple[str, str, str], tuple[list[_Entry], int]] = {}
        for change in changes:
            execution = _execution(change)
            entry = entry_of(change, execution, self._source, self._bus)
            size = entry_bytes(entry)
            key = (execution.role_arn, execution.account, execution.region)
            entries, total = open_requests.get(key, ([], 0))
            if entries and (len(entries) == ENTRIES_MAX or total + size > REQUEST_BYTES_MAX):
                yield entries
                entries, total = [], 0
            entries.append((change, entry))
            open_requests[key] = entries, total + size
        for entries, _ in open_requests.values():
            yield entries

    async def _send(self, request: list[_Entry]) -> list[int]:
        """Send one call; the ids of the changes that need not be sent again."""
        execution = _execution(request[0][0])
        async with self._calls:
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    answer = await self._sender.request_as(
                        execution.role_arn,
                        execution.account,
                        execution.region,
                        _SERVICE,
                        "PutEvents",
                        {"Entries": [entry for _, entry in request]},
                    )
            except _FAILED as failure:
                log.warning("status events were not taken", extra={"failure": type(failure).__name__})
                return self._given_up([change for change, _ in request])
        results = answer.parsed.get("Entries") or [{}] * len(request)
        refused = [change for (change, _), result in zip(request, results, strict=False) if result.get("ErrorCode")]
        ids = {change.id for change, _ in request} - {change.id for change in refused}
        self._count.sent(len(ids))
        return [*ids, *self._given_up(refused)]

    def _given_up(self, changes: Sequence[StatusChange]) -> list[int]:
        """Those of the failed changes that have been tried for long enough."""
        old = [change.id for change in changes if change.age_seconds > GIVE_UP_SECONDS]
        self._count.dropped(len(old))
        self._count.failed(len(changes) - len(old))
        return old


def _tells(execution: StoredExecution | None) -> bool:
    """Only standard executions are announced; one that retention has dropped has nothing to show."""
    return execution is not None and not (execution.map_child is not None and execution.map_child.express)


def _execution(change: StatusChange) -> StoredExecution:
    assert change.execution is not None
    return change.execution


def entry_bytes(entry: dict[str, Any]) -> int:
    """The size of an entry as PutEvents counts it."""
    texts = (entry["Source"], entry["DetailType"], entry["Detail"], *entry["Resources"])
    return _TIME_BYTES + sum(len(text.encode("utf-8", "replace")) for text in texts)
