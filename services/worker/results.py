"""Results that nobody has acknowledged: sent at once, then again with growing pauses to the shard's owner (R13)."""

from __future__ import annotations

from collections.abc import Iterable

from services.broker import queues
from services.broker.interface import Broker
from services.runtime.faults import BrokerUnavailable
from services.worker.incarnation import Holding
from services.worker.outbox import Outbox
from services.worker.settings import WorkerSettings


class Results:
    """How much is unacknowledged, and when it is sent again."""

    def __init__(self, broker: Broker, outbox: Outbox, settings: WorkerSettings) -> None:
        """Nothing is kept yet."""
        self._broker = broker
        self._outbox = outbox
        self._settings = settings
        self.count = 0
        self.bytes = 0

    @property
    def full(self) -> bool:
        """Is so much unacknowledged that no new work may be taken?"""
        return self.count >= self._settings.results_max or self.bytes >= self._settings.results_bytes_max

    def keep(self, holding: Holding, now: float) -> None:
        """Send a fresh result to the scheduler that granted it, and keep it."""
        self.count += 1
        self.bytes += _size(holding)
        self.send(holding, now)

    def send(self, holding: Holding, now: float) -> None:
        """Send to the scheduler that asked last."""
        assert holding.result is not None
        self._outbox.put(holding.reply_to, holding.result)
        self._schedule(holding, now)

    def forget(self, holding: Holding) -> None:
        """It was acknowledged."""
        self.count -= 1
        self.bytes -= _size(holding)

    async def resend(self, holdings: Iterable[Holding], now: float) -> None:
        """Put what is due into its shard's queue, for whoever owns the shard now.

        A queue that still holds something is left alone: what was sent before waits there, and a longer queue would
        only grow while no scheduler lives.
        """
        due: dict[str, list[Holding]] = {}
        for holding in holdings:
            if holding.result is not None and holding.due <= now:
                due.setdefault(queues.shard(holding.grant.shard), []).append(holding)
        try:
            for queue, late in due.items():
                if await self._broker.length(queue) == 0:
                    for holding in late:
                        if holding.result is not None:
                            self._outbox.put(queue, holding.result)
                for holding in late:
                    self._schedule(holding, now)
        except BrokerUnavailable:
            return

    def _schedule(self, holding: Holding, now: float) -> None:
        settings = self._settings
        holding.due = now + min(settings.resend_seconds_max, settings.resend_seconds * 2 ** min(holding.sends, 10))
        holding.sends += 1


def _size(holding: Holding) -> int:
    result = holding.result
    assert result is not None
    return len(result.output or b"") + len(result.cause or "") + len(holding.grant.job.input)
