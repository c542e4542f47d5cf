"""Polls of submitted `.sync` jobs: one look, one answer. They repeat, so nothing is kept and any worker may do it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import orjson

from services.broker.messages import Poll, Result
from services.integrations.interface import Failed, Integrations, Pending, Succeeded
from services.worker.attempt import Ending, call_of
from services.worker.outbox import Outbox

_BUSY_SECONDS: Final = 1.0

log = logging.getLogger(__name__)


class SyncPolls:
    """The looks that go on right now."""

    def __init__(self, integrations: Integrations, outbox: Outbox, limit: int, incarnation: Callable[[], str]) -> None:
        """`limit` looks at once; further ones are asked to come back."""
        self._integrations = integrations
        self._outbox = outbox
        self._limit = limit
        self._incarnation = incarnation
        self._looking: dict[tuple[bytes, bool], asyncio.Task[None]] = {}

    def look(self, poll: Poll) -> None:
        """Begin to look, unless it is being looked at."""
        place = (poll.token, poll.cancel)
        if place in self._looking:
            return
        if len(self._looking) >= self._limit and not poll.cancel:
            self._answer(poll, ("pending", orjson.dumps(_BUSY_SECONDS), None, None, None))
            return
        task = self._looking[place] = asyncio.get_running_loop().create_task(self._run(poll))
        task.add_done_callback(lambda _: self._looking.pop(place, None))

    async def close(self) -> None:
        """Give up what goes on; others will look."""
        tasks = list(self._looking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, poll: Poll) -> None:
        call, job = call_of(poll.job, None), orjson.loads(poll.submitted_job)
        try:
            if poll.cancel:
                await self._integrations.cancel(call, job)
                return
            self._answer(poll, _ending(await self._integrations.poll(call, job)))
        except Exception:
            log.exception("looking at a submitted job failed", extra={"resource": poll.job.resource})

    def _answer(self, poll: Poll, ending: Ending) -> None:
        kind, output, error, cause, _ = ending
        place = (poll.execution_id, poll.shard, poll.path, poll.token, poll.grant, self._incarnation())
        self._outbox.put(poll.reply_to, Result(*place, kind, output, error, cause))


def _ending(outcome: Succeeded | Failed | Pending) -> Ending:
    match outcome:
        case Succeeded(output):
            return ("succeeded", output, None, None, None)
        case Failed(error, cause):
            return ("failed", None, error, cause, None)
        case Pending(seconds):
            return ("pending", orjson.dumps(seconds), None, None, None)
