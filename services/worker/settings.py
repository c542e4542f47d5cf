"""What an operator may turn about a worker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """Defaults are those of the protocol.

    Attributes:
        pool: whose offers it takes.
        slots: attempts that run at once.
        waiting_max: grants that may wait for a slot; how many really may depends on how fast slots become free.
        waiting_seconds: no more grants are wished for than the slots are likely to begin within this time.
        start_seconds: a grant that waited longer for a slot is given back (R12).
        grants_max: after so many grants the process takes a new incarnation id, which bounds its memory (R12).
        retired_seconds: how long an old incarnation still answers after it has finished.
        claim_seconds: how long an unanswered claim holds a slot.
        offer_seconds: an offer that waited longer is forgotten; it is sent again by then.
        beat_seconds: pause between two heartbeats; under load they also ride with results.
        credit_seconds: shortest pause between two beats that ride with results.
        worker_lease_seconds: how long a silent incarnation counts as alive (R15).
        suspicion_seconds: so long before the end of its lease a worker accepts no new grants (R16).
        scheduler_seconds: how long a scheduler that was heard of gets beats.
        resend_seconds, resend_seconds_max: first and longest pause before an unacknowledged result is sent again.
        results_max, results_bytes_max: unacknowledged results beyond which no new work is taken.
        polls_max: polls that look at once; more are asked to come again a second later.
        drain_seconds: how long running attempts may go on after the stop.
        flush_seconds: how long results may wait for their acknowledgement at the very end.
    """

    pool: str = "default"
    slots: int = 64
    waiting_max: int = 512
    waiting_seconds: float = 0.1
    start_seconds: float = 5.0
    grants_max: int = 100_000
    retired_seconds: float = 60.0
    claim_seconds: float = 2.0
    offer_seconds: float = 5.0
    beat_seconds: float = 2.0
    credit_seconds: float = 0.1
    worker_lease_seconds: float = 15.0
    suspicion_seconds: float = 5.0
    scheduler_seconds: float = 60.0
    resend_seconds: float = 3.0
    resend_seconds_max: float = 60.0
    results_max: int = 10_000
    results_bytes_max: int = 67_108_864
    polls_max: int = 64
    drain_seconds: float = 30.0
    flush_seconds: float = 5.0
