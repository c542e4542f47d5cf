"""What an operator can decide about the API."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """Settings of one API process.

    Attributes:
        account: the account of everybody whose access key is not a 12-digit number.
        region: the region of requests without a credential scope.
        node: names this process; its queues carry it.
        seal: key of the page tokens; all API processes of a cluster need the same one.
        body_bytes_max: longest request body (1 MiB of definition, escaped, and the envelope).
        body_seconds: how long a request body may take to arrive.
        throttle: `off`, or the token buckets of AWS's `large` or `other` regions, for everybody; for some accounts
            otherwise with `ACCOUNT=`, as in `off,111122223333=large`.
        open_executions_max: open standard executions per account and region; 0 for AWS's 1,000,000 where `throttle` is
            not off, else for no limit.
        state_machines_max, activities_max: state machines and activities per account and region; 0 for AWS's 100,000
            where `throttle` is not off, else for no limit.
        machine_cache_seconds: how long StartExecution may follow a state machine as it was.
        owner_cache_seconds: how long the owners of the shards are believed.
        reply_seconds: how long an owner may take to answer a command before it is asked again.
        poll_seconds: how long GetActivityTask waits.
        deletion_seconds: how long a deleted state machine without executions is still shown as DELETING.
        open_bodies_bytes_max: bodies being received by all requests together.
        describe_express: whether ListExecutions, DescribeExecution and GetExecutionHistory also know express executions
            that were kept (see `STEPWELL_EXPRESS_RETENTION_DAYS`); AWS refuses them.
        access_keys: keys that may sign requests, as `ID:SECRET,ID:SECRET`; without any, signatures are not checked.
    """

    account: str = "000000000000"
    region: str = "us-east-1"
    node: str = "api"
    seal: bytes = b"stepwell"
    body_bytes_max: int = 4 << 20
    body_seconds: float = 30.0
    throttle: str = "off"
    open_executions_max: int = 0
    state_machines_max: int = 0
    activities_max: int = 0
    machine_cache_seconds: float = 1.0
    owner_cache_seconds: float = 1.0
    reply_seconds: float = 2.0
    poll_seconds: float = 60.0
    deletion_seconds: float = 60.0
    open_bodies_bytes_max: int = 256 << 20
    describe_express: bool = False
    access_keys: str = ""
