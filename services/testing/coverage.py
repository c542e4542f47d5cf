"""Coverage of a state machine: states, transitions, Choice rules, catchers and retriers that its test cases reached."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from engine.asl.model import ChoiceState, MapState, ParallelState, Program, State, SubMachine, WorkState
from engine.execution.step import Taken

Kind: TypeAlias = Literal["state", "transition", "rule", "catcher", "retrier"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
TITLES: Final[dict[Kind, str]] = {
    "state": "states",
    "transition": "transitions",
    "rule": "Choice rules",
    "catcher": "catchers",
    "retrier": "retriers",
}
DEFAULT: Final = -1
_FIELDS: Final = {"rule": "Choices", "catcher": "Catch", "retrier": "Retry"}


@dataclass(frozen=True, slots=True)
class Point:
    """Something that a case can reach.

    Attributes:
        kind: what it is.
        state: the state that it belongs to.
        index: of a rule (-1: Default), catcher or retrier.
        target: where it leads to; "" for states and retriers.
        names: the errors that a catcher or retrier is for.
    """

    kind: Kind
    state: str
    index: int = 0
    target: str = ""
    names: tuple[str, ...] = ()

    @property
    def pointer(self) -> str:
        """Where it is written, below its state."""
        if self.kind in ("state", "transition"):
            return ""
        return "/Default" if self.index == DEFAULT else f"/{_FIELDS[self.kind]}/{self.index}"

    @property
    def text(self) -> str:
        """What a reader calls it, without its state."""
        if self.kind == "state":
            return self.state
        place = "" if self.kind == "transition" else self.pointer[1:].replace("/", "[") + ("]" * (self.index >= 0))
        names = f" {', '.join(self.names)}" if self.names else ""
        return f"{place}{names}{' ' if place and self.target else ''}{f'→ {self.target}' if self.target else ''}"


@dataclass(frozen=True, slots=True)
class Share:
    """How many of some points were reached."""

    covered: int
    total: int

    @property
    def percent(self) -> float:
        """Rounded down to a tenth, so that only all is 100."""
        return 100.0 if not self.total else 1000 * self.covered // self.total / 10


class Coverage:
    """Counts hits of one machine, over as many cases as are run."""

    def __init__(self, machine: str, program: Program) -> None:
        """Nothing has been reached yet."""
        self.machine = machine
        self.program = program
        self.points = tuple(_points(program.machine))
        self._known = {_key(point.kind, point.state, point.index, point.target): point for point in self.points}
        self._hits: Counter[Point] = Counter()

    def entered(self, state: str) -> None:
        """A state was entered."""
        self._hit("state", state)

    def moved(self, state: str, target: str) -> None:
        """Control went from one state to the next."""
        self._hit("transition", state, target=target)

    def took(self, what: Taken, state: str, index: int) -> None:
        """A rule, catcher or retrier was taken: a witness of the engine's turns."""
        self._hit(what, state, index)

    def hits(self, point: Point) -> int:
        """How often a point was reached."""
        return self._hits[point]

    def of(self, kind: Kind) -> list[Point]:
        """The points of one kind, in the order of the definition."""
        return [point for point in self.points if point.kind == kind]

    @property
    def missing(self) -> list[Point]:
        """What no case reached."""
        return [point for point in self.points if not self._hits[point]]

    def share(self, kind: Kind | None = None) -> Share:
        """How much of a kind, or of everything, was reached."""
        points = self.points if kind is None else self.of(kind)
        return Share(sum(self._hits[point] > 0 for point in points), len(points))

    def _hit(self, kind: Kind, state: str, index: int = 0, target: str = "") -> None:
        point = self._known.get(_key(kind, state, index, target))
        if point is not None:
            self._hits[point] += 1


def total_share(coverages: Iterable[Coverage]) -> Share:
    """How much of several machines was reached."""
    shares = [coverage.share() for coverage in coverages]
    return Share(sum(share.covered for share in shares), sum(share.total for share in shares))


def _key(kind: Kind, state: str, index: int, target: str) -> tuple[Any, ...]:
    return (kind, state, target) if kind == "transition" else (kind, state, index)


def _points(machine: SubMachine) -> Iterator[Point]:
    """In the order of the definition: what is inside a Parallel or Map follows it."""
    for name, state in machine.states.items():
        yield Point("state", name)
        for target in dict.fromkeys(_targets(state)):
            yield Point("transition", name, target=target)
        if isinstance(state, ChoiceState):
            for index, rule in enumerate(state.rules):
                yield Point("rule", name, index, rule.next)
            if state.default is not None:
                yield Point("rule", name, DEFAULT, state.default)
        if isinstance(state, WorkState):
            for index, catcher in enumerate(state.catch):
                yield Point("catcher", name, index, catcher.next, catcher.error_equals)
            for index, retrier in enumerate(state.retry):
                yield Point("retrier", name, index, names=retrier.error_equals)
        if isinstance(state, ParallelState):
            for branch in state.branches:
                yield from _points(branch)
        elif isinstance(state, MapState):
            yield from _points(state.processor)


def _targets(state: State) -> Iterator[str]:
    if isinstance(state, ChoiceState):
        yield from (rule.next for rule in state.rules)
        if state.default is not None:
            yield state.default
    elif state.next is not None:
        yield state.next
    if isinstance(state, WorkState):
        yield from (catcher.next for catcher in state.catch)
