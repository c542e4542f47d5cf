"""What an operator may turn about a scheduler. Seconds here, milliseconds inside."""

from __future__ import annotations

from dataclasses import dataclass

from services.runtime.settings import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerSettings:
    """Defaults are those of the design.

    Attributes:
        lease_seconds: how long a silent scheduler keeps its shards.
        tenure_seconds: how often shares are looked at, shards taken and given back.
        scan_seconds: how often the store is asked for what is due and for the inbox.
        worker_lease_seconds: how long an incarnation may be silent before its attempts fail (R15).
        resend_seconds, resend_seconds_max: first and longest pause before an offer, grant or poll is sent again.
        park_seconds: an execution that waits longer may be forgotten by memory.
        lanes: group commits in flight at once, each over shards of its own; more than one pays on fast disks only with
            cores to spare, because each commit then carries less.
        turns_max, events_max, page_bytes_max: bounds of one group commit.
        load_max: executions loaded by one read.
        ready_max: executions that wait for a turn or for loading before hints are ignored (R23).
        resident_max: executions in memory before hints are ignored.
        parked_max: parked executions kept in memory all the same, newest first.
        execution_bytes_max: payload bytes that one execution may hold in memory, in its open branches and in what its
            Map and Parallel states have collected; more fails it with States.DataLimitExceeded.
        program_bytes_max: definitions' text whose compiled programs are kept.
        status_event_source: what status events name as their source; EventBridge itself refuses sources of its own
            kind (`aws.`), so choose another one where they go to AWS.
        status_event_bus: the event bus, by name or ARN, that takes them.
        status_event_seconds: how often changes to announce are looked for.
        offers_min: offers in a pool's queue as long as no worker has told its slots (R9).
    """

    lease_seconds: float = 10.0
    tenure_seconds: float = 1.0
    scan_seconds: float = 2.0
    worker_lease_seconds: float = 15.0
    resend_seconds: float = 5.0
    resend_seconds_max: float = 60.0
    park_seconds: float = 30.0
    lanes: int = 1
    turns_max: int = 256
    events_max: int = 3_000
    page_bytes_max: int = 4_194_304
    load_max: int = 256
    ready_max: int = 4_096
    resident_max: int = 50_000
    parked_max: int = 2_000
    execution_bytes_max: int = 134_217_728
    program_bytes_max: int = 67_108_864
    status_event_source: str = "aws.states"
    status_event_bus: str = "default"
    status_event_seconds: float = setting(0.5, min=0.01, max=60)
    offers_min: int = 16
