"""Retry and Catch: who matches an error, and how long to wait.

Source: reference of Retry and Catch; each retrier counts its own attempts, the first matching one decides, and when
it is exhausted the catchers are asked (later retriers are not).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from engine.asl.model import Catcher, Retrier
from engine.execution.frame import BackOff, Frame
from engine.execution.outcome import Failed
from engine.execution.step import Step
from engine.failure import HEARTBEAT_TIMEOUT, RUNTIME, STATES_ALL, TASK_FAILED, TIMEOUT
from engine.payload import Payload

_Rule = TypeVar("_Rule", Retrier, Catcher)


def first_match(rules: Sequence[_Rule], failed: Failed) -> tuple[int, _Rule] | None:
    """The first retrier or catcher that names the error, with its index."""
    if failed.final or failed.error == RUNTIME:
        return None
    for index, rule in enumerate(rules):
        if any(_matches(name, failed) for name in rule.error_equals):
            return index, rule
    return None


def back_off(retriers: Sequence[Retrier], failed: Failed, frame: Frame, step: Step) -> BackOff | None:
    """How long to wait before the next attempt; None when no retrier is left for this error."""
    found = first_match(retriers, failed)
    if found is None:
        return None
    index, retrier = found
    counts = frame.retry_counts or [0] * len(retriers)
    if counts[index] >= retrier.max_attempts:
        return None
    delay_ms = int(1000 * delay_seconds(retrier, counts[index]))
    if retrier.full_jitter:
        delay_ms = int(delay_ms * int.from_bytes(step.entropy(4)) / 2**32)
    counts[index] += 1
    frame.retry_counts = counts
    frame.retry_count += 1
    step.took("retrier", frame.state, index)
    return BackOff(step.now_ms + delay_ms, failed.event_id)


def delay_seconds(retrier: Retrier, used: int) -> float:
    """Seconds before retry number `used` (0 is the first) of this retrier, without jitter."""
    most = retrier.max_delay_seconds if retrier.max_delay_seconds is not None else 99_999_999.0
    try:
        return min(retrier.interval_seconds * retrier.backoff_rate**used, most)
    except OverflowError:
        return most


def error_output(failed: Failed) -> Payload:
    """What a catcher sees: `Cause` is "" after a timeout and null after a failure reported without one."""
    cause = "" if failed.cause is None and failed.error == TIMEOUT else failed.cause
    return Payload({"Error": failed.error, "Cause": cause})


def _matches(name: str, failed: Failed) -> bool:
    if name == failed.error or name == STATES_ALL:
        return True
    if name == TASK_FAILED:
        return failed.error != TIMEOUT
    return name == HEARTBEAT_TIMEOUT and failed.also == HEARTBEAT_TIMEOUT
