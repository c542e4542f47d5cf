"""One life of one worker: which grants it has taken, what became of them, and which results nobody has acknowledged.

Pure bookkeeping; times are handed in. The rules are R12 and R13 of the protocol: a grant is taken at most once as long
as the incarnation lives, even if it was given back, and a result is kept until its scheduler has committed it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from services.broker.messages import Grant, Result


@dataclass(slots=True, eq=False)
class Holding:
    """A grant that was taken and is not yet acknowledged.

    Attributes:
        reply_to: the queue of the scheduler that asked last; another may own the shard by now.
        taken: when it was taken, monotonic seconds.
        task: what runs it; None while it waits for a slot and once it has ended.
        result: None until it has ended.
        sends: how often the result was sent; `due` is when it is sent next.
    """

    grant: Grant
    reply_to: str
    taken: float
    task: asyncio.Task[None] | None = None
    result: Result | None = None
    sends: int = 0
    due: float = 0.0

    def end(
        self,
        kind: str,
        output: bytes | None = None,
        error: str | None = None,
        cause: str | None = None,
        job: bytes | None = None,
    ) -> Result:
        """Make the result of the grant."""
        grant = self.grant
        self.result = Result(
            grant.execution_id,
            grant.shard,
            grant.path,
            grant.token,
            grant.grant,
            grant.incarnation,
            kind,
            output,
            error,
            cause,
            job,
        )
        return self.result


class Incarnation:
    """A name that grants are addressed to.

    Attributes:
        id: random; new at every start of the process, and after so many grants.
        seen: every grant ever taken, kept as tombstones, so that a doubled one is not run again.
        held: taken and not acknowledged, by grant id.
        retired: when a successor took over, monotonic seconds; it takes no new grants then.
    """

    def __init__(self, id: str) -> None:
        """Nothing taken."""
        self.id = id
        self.seen: set[bytes] = set()
        self.held: dict[bytes, Holding] = {}
        self.retired: float | None = None

    def take(self, grant: Grant, now: float) -> Holding | None:
        """Put the grant among the seen ones; None if it was there already (R12)."""
        assert grant.incarnation == self.id
        if grant.grant in self.seen:
            return None
        self.seen.add(grant.grant)
        holding = self.held[grant.grant] = Holding(grant, grant.reply_to, now)
        return holding

    def acknowledge(self, grant_id: bytes) -> Holding | None:
        """Forget a result; the grant stays among the seen ones. None if there is no such result."""
        holding = self.held.get(grant_id)
        if holding is None or holding.result is None:
            return None
        return self.held.pop(grant_id)

    def over(self, now: float, retired_seconds: float) -> bool:
        """Has it retired, finished everything and answered long enough?"""
        return self.retired is not None and not self.held and now - self.retired > retired_seconds
