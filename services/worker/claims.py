"""Offers that wait, and claims that hold a slot until they are answered (R10)."""

from __future__ import annotations

from collections import deque

from services.broker.messages import Offer
from services.worker.settings import WorkerSettings


class Claims:
    """Times are handed in; nothing is sent from here."""

    def __init__(self, settings: WorkerSettings) -> None:
        """Nothing offered, nothing claimed."""
        self._settings = settings
        self._offers: deque[tuple[float, Offer]] = deque()
        self._offered: set[bytes] = set()
        self._open: dict[bytes, float] = {}

    @property
    def open(self) -> int:
        """Claims that hold a slot."""
        return len(self._open)

    @property
    def waiting(self) -> int:
        """Offers that wait for a slot."""
        return len(self._offers)

    def offer(self, offer: Offer, now: float) -> None:
        """Keep an offer unless it is known already."""
        if offer.token not in self._open and offer.token not in self._offered:
            self._offered.add(offer.token)
            self._offers.append((now, offer))

    def claim(self, now: float) -> Offer | None:
        """Take the oldest fresh offer and hold a slot for it; None if there is none."""
        while self._offers:
            came, offer = self._offers.popleft()
            self._offered.discard(offer.token)
            if now - came <= self._settings.offer_seconds:
                self._open[offer.token] = now + self._settings.claim_seconds
                return offer
        return None

    def answered(self, token: bytes) -> None:
        """A grant or a refusal came."""
        self._open.pop(token, None)

    def expire(self, now: float) -> None:
        """Free the slots of claims whose answer was lost."""
        for token in [token for token, deadline in self._open.items() if deadline <= now]:
            del self._open[token]

    def forget_offers(self) -> None:
        """Claim nothing any more; the offers come again, to others."""
        self._offers.clear()
        self._offered.clear()
