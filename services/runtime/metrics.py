"""All metrics, in one file. Names are `stepwell_<noun>_<unit>`; labels have few values, never an ARN, name or id.

What is counted on the hot path are plain integers in slots: adding to one costs nothing worth measuring. They become
Prometheus's families only when somebody asks for `/metrics`. Register a source once with `expose`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Protocol

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Source(Protocol):
    """Something that has counted and can say what."""

    def families(self) -> Iterable[Metric]:
        """The metrics as they are now."""
        ...


class _Exposed(Collector):
    """A source as Prometheus's registry wants it."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def collect(self) -> Iterable[Metric]:
        """Asked at every scrape."""
        return self._source.families()

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: the registry would collect to find out."""
        return ()


def expose(source: Source, registry: CollectorRegistry = REGISTRY) -> Callable[[], None]:
    """Show a source at `/metrics`; call the answer to take it away again."""
    collector = _Exposed(source)
    registry.register(collector)
    return lambda: registry.unregister(collector)


class Distribution:
    """How long something took: counts per bucket."""

    __slots__ = ("_counts", "_sum")

    def __init__(self) -> None:
        """Nothing yet."""
        self._counts = [0] * (len(SECONDS) + 1)
        self._sum = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self._counts[bisect_left(SECONDS, seconds)] += 1
        self._sum += seconds

    def family(self, name: str, text: str) -> Metric:
        """As Prometheus's histogram."""
        found = HistogramMetricFamily(name, text)
        found.add_metric([], self.buckets(), self._sum)
        return found

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulated counts by upper bound."""
        total, found = 0, []
        for bound, count in zip([*map(str, SECONDS), "+Inf"], self._counts, strict=True):
            total += count
            found.append((bound, float(total)))
        return found

    @property
    def sum(self) -> float:
        """All seconds together."""
        return self._sum


class _Change(Protocol):
    @property
    def status(self) -> Any: ...


class _Page(Protocol):
    @property
    def number(self) -> int: ...

    @property
    def first_event_id(self) -> int: ...

    @property
    def last_event_id(self) -> int: ...


class _Turn(Protocol):
    """What the scheduler counts of a committed turn."""

    page: Any
    change: Any
    transitions: int
    stale: int


class SchedulerMetrics:
    """What a scheduler tells the operator; counted after the commit only (protocol R8)."""

    def __init__(self) -> None:
        """All zero."""
        self.commits = Distribution()
        self.lateness = Distribution()
        self.turns = 0
        self.started = 0
        self.transitions = 0
        self.events = 0
        self.stale_stimuli = 0
        self.lost_workers = 0
        self.lost_tenures = 0
        self.broken_executions = 0
        self.ended: Counter[str] = Counter()

    def committed(self, seconds: float, turns: int) -> None:
        """A group commit was answered."""
        self.commits.add(seconds)
        self.turns += turns

    def turn(self, turn: _Turn) -> None:
        """A turn is in the store."""
        self.transitions += turn.transitions
        self.stale_stimuli += turn.stale
        page: _Page | None = turn.page
        if page is not None:
            self.events += page.last_event_id - page.first_event_id + 1
            self.started += page.number == 1
        change: _Change | None = turn.change
        if change is not None and change.status.name != "RUNNING":
            self.ended[change.status.name] += 1

    def late(self, seconds: float) -> None:
        """A timer fired that long after its deadline."""
        self.lateness.add(seconds)

    def worker_lost(self) -> None:
        """An incarnation was silent for too long."""
        self.lost_workers += 1

    def tenure_lost(self) -> None:
        """A shard was given up without our wish."""
        self.lost_tenures += 1

    def broken(self) -> None:
        """An execution broke an invariant and was put aside."""
        self.broken_executions += 1

    def families(self) -> Iterator[Metric]:
        """For `/metrics`."""
        yield _count("stepwell_executions_started", "Executions whose first page is in the store.", self.started)
        ended = CounterMetricFamily("stepwell_executions_ended", "Executions that ended.", labels=["status"])
        for status in ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"):
            ended.add_metric([status], self.ended[status])
        yield ended
        yield _count("stepwell_transitions", "States entered; AWS's billing unit.", self.transitions)
        yield _count("stepwell_history_events", "History events written.", self.events)
        yield _count("stepwell_turns", "Turns in group commits.", self.turns)
        yield self.commits.family("stepwell_group_commit_seconds", "From sending a group commit to its answer.")
        yield self.lateness.family("stepwell_timer_lateness_seconds", "From a deadline to the timer that fired for it.")
        yield _count("stepwell_stale_stimuli", "Came twice or too late, and changed nothing.", self.stale_stimuli)
        yield _count("stepwell_workers_lost", "Incarnations silent for longer than their lease.", self.lost_workers)
        yield _count("stepwell_tenures_lost", "Shards given up without a wish to.", self.lost_tenures)
        yield _count("stepwell_executions_broken", "Executions that broke an invariant.", self.broken_executions)


class ApiMetrics:
    """Requests by operation. The operation must be one of the service model's, or `-`."""

    def __init__(self) -> None:
        """No request yet."""
        self._by_operation: dict[str, Distribution] = {}
        self._errors: Counter[tuple[str, str]] = Counter()

    def answered(self, operation: str, seconds: float, error: str | None = None) -> None:
        """A request got its answer; `error` is AWS's error code."""
        found = self._by_operation.get(operation)
        if found is None:
            found = self._by_operation[operation] = Distribution()
        found.add(seconds)
        if error is not None:
            self._errors[operation, error] += 1

    def families(self) -> Iterator[Metric]:
        """For `/metrics`."""
        requests = HistogramMetricFamily("stepwell_api_request_seconds", "API requests.", labels=["operation"])
        for operation, taken in self._by_operation.items():
            requests.add_metric([operation], taken.buckets(), taken.sum)
        yield requests
        errors = CounterMetricFamily(
            "stepwell_api_errors", "API requests that were refused or failed.", labels=["operation", "error"]
        )
        for labels, number in self._errors.items():
            errors.add_metric(labels, number)
        yield errors


class WorkerMetrics:
    """Attempts that a worker ran."""

    def __init__(self) -> None:
        """No attempt yet."""
        self._seconds = Distribution()
        self._outcomes: Counter[tuple[str, str]] = Counter()
        self.running = 0

    def begun(self) -> None:
        """An attempt runs."""
        self.running += 1

    def ended(self, service: str, outcome: str, seconds: float) -> None:
        """An attempt ended: `succeeded`, `failed` or `submitted`; `service` as in the resource's ARN."""
        self.running -= 1
        self._outcomes[service, outcome] += 1
        self._seconds.add(seconds)

    def families(self) -> Iterator[Metric]:
        """For `/metrics`."""
        attempts = CounterMetricFamily("stepwell_attempts", "Attempts run.", labels=["service", "outcome"])
        for labels, number in self._outcomes.items():
            attempts.add_metric(labels, number)
        yield attempts
        yield self._seconds.family("stepwell_attempt_seconds", "How long attempts ran.")
        yield GaugeMetricFamily("stepwell_attempts_running", "Attempts that run now.", value=self.running)


class _Ended(Protocol):
    origin: Any
    status: Any
    stop_ms: int | None


class ExpressMetrics:
    """Executions of the express lane."""

    def __init__(self) -> None:
        """None yet."""
        self._seconds = Distribution()
        self._outcomes: Counter[tuple[str, str]] = Counter()
        self._kept: Counter[str] = Counter()
        self._redelivered = 0
        self._buried = 0

    def ended(self, kind: str, execution: _Ended) -> None:
        """One ended; `kind` is `sync` or `async`."""
        self._outcomes[kind, execution.status.name] += 1
        self._seconds.add(((execution.stop_ms or 0) - execution.origin.start_ms) / 1000)

    def redelivered(self) -> None:
        """An asynchronous execution is started again."""
        self._redelivered += 1

    def buried(self) -> None:
        """A start went to the dead letters."""
        self._buried += 1

    def kept(self, executions: int) -> None:
        """So many are in the express history."""
        self._kept["kept"] += executions

    def lost(self, executions: int) -> None:
        """So many should be there and are not."""
        self._kept["lost"] += executions

    def families(self) -> Iterator[Metric]:
        """For `/metrics`."""
        ended = CounterMetricFamily(
            "stepwell_express_executions", "Express executions that ended.", labels=["kind", "status"]
        )
        for labels, number in self._outcomes.items():
            ended.add_metric(labels, number)
        yield ended
        yield self._seconds.family("stepwell_express_execution_seconds", "How long express executions ran.")
        kept = CounterMetricFamily(
            "stepwell_express_history_rows", "Ended express executions for the history.", labels=["outcome"]
        )
        for outcome, number in self._kept.items():
            kept.add_metric([outcome], number)
        yield kept
        yield _count("stepwell_express_redeliveries", "Express executions that were started again.", self._redelivered)
        yield _count("stepwell_express_dead_letters", "Starts that went to the dead letters.", self._buried)


class LogMetrics:
    """Lines of execution logs by sink: `file` or `cloudwatch`."""

    def __init__(self) -> None:
        """None yet."""
        self._written: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()

    def written(self, sink: str, lines: int) -> None:
        """So many lines were taken."""
        self._written[sink] += lines

    def dropped(self, sink: str, lines: int) -> None:
        """So many lines were lost: no room, or the sink refused them."""
        self._dropped[sink] += lines

    def families(self) -> Iterator[Metric]:
        """For `/metrics`."""
        for name, text, counts in (
            ("stepwell_log_lines_written", "Lines of execution logs written.", self._written),
            ("stepwell_log_lines_dropped", "Lines of execution logs lost.", self._dropped),
        ):
            lines = CounterMetricFamily(name, text, labels=["sink"])
            for sink, number in counts.items():
                lines.add_metric([sink], number)
            yield lines


class StatusEventMetrics:
    """Status-change events by what became of them."""

    def __init__(self) -> None:
        """None yet."""
        self._counts = dict.fromkeys(("sent", "failed", "dropped"), 0)

    def sent(self, events: int) -> None:
        """The bus has taken so many."""
        self._counts["sent"] += events

    def failed(self, events: int) -> None:
        """So many could not be sent now and are tried again."""
        self._counts["failed"] += events

    def dropped(self, events: int) -> None:
        """So many were given up."""
        self._counts["dropped"] += events

    def families(self) -> Iterator[Metric]:
        """For `/metrics`."""
        text = "Status-change events: taken by the bus, not taken at a try, given up after a day."
        events = CounterMetricFamily("stepwell_status_events", text, labels=["outcome"])
        for outcome, number in self._counts.items():
            events.add_metric([outcome], number)
        yield events


class _Traffic(Protocol):
    sent: int
    dropped: int
    received: int
    unreadable: int
    disconnects: int


class BrokerMetrics:
    """What the broker counted, read when it is asked for."""

    def __init__(self, traffic: _Traffic) -> None:
        """`traffic` is the broker's own."""
        self._traffic = traffic

    def families(self) -> Iterator[Metric]:
        """For `/metrics`."""
        traffic = self._traffic
        yield _count("stepwell_broker_messages_sent", "Message bodies handed to the broker.", traffic.sent)
        yield _count("stepwell_broker_messages_received", "Message bodies handed to a handler.", traffic.received)
        yield _count("stepwell_broker_messages_dropped", "Bodies that could not be sent.", traffic.dropped)
        yield _count("stepwell_broker_messages_unreadable", "Messages that were not ours.", traffic.unreadable)
        yield _count("stepwell_broker_disconnects", "Connections to the broker that broke.", traffic.disconnects)


class Reading:
    """A number that is read when it is asked for: residents in memory, length of a queue."""

    def __init__(self, name: str, text: str, read: Callable[[], float]) -> None:
        """`read` must be quick and must not fail."""
        self._name, self._text, self._read = name, text, read

    def families(self) -> Iterator[Metric]:
        """For `/metrics`."""
        yield GaugeMetricFamily(self._name, self._text, value=self._read())


def residents(read: Callable[[], int]) -> Reading:
    """Executions that a scheduler holds in memory."""
    return Reading("stepwell_executions_resident", "Executions in a scheduler's memory.", read)


def shards_owned(read: Callable[[], int]) -> Reading:
    """Shards that a scheduler owns."""
    return Reading("stepwell_shards_owned", "Shards that this process owns.", read)


def _count(name: str, text: str, value: int) -> CounterMetricFamily:
    return CounterMetricFamily(name, text, value=value)
