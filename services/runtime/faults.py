"""Faults: what goes wrong between our own parts. The operator sees them as metrics and logs; users see a retry."""

from __future__ import annotations


class Fault(Exception):
    """Something of ours is unreachable or lost; back off and retry, or step down."""


class CommitUnknown(Fault):
    """The answer to a commit was lost: it may be in or not (protocol R7)."""


class StoreUnavailable(Fault):
    """Postgres cannot be reached."""


class BrokerUnavailable(Fault):
    """The broker cannot be reached."""


class Overloaded(Fault):
    """No room for more work at the moment; the caller is asked to slow down."""
