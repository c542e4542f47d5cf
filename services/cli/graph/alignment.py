"""Moves the nodes of ordered layers sideways: as near to their neighbours as the nodes beside them allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_SWEEPS = 12
_STILL = 0.5
"""A sweep that moves nothing farther is the last one."""


@dataclass(frozen=True, slots=True)
class Step:
    """An edge from one layer to the next; `pull` is how strongly it draws its ends together."""

    source: str
    target: str
    pull: int = 1


def aligned(
    layers: Sequence[Sequence[str]], widths: Mapping[str, float], steps: Sequence[Step], gap: float
) -> dict[str, float]:
    """The middle of every node.

    Args:
        layers: from top to bottom, each from left to right.
        widths: of every node.
        steps: edges between neighbouring layers.
        gap: between nodes of a layer.
    """
    above: dict[str, list[tuple[str, int]]] = {}
    below: dict[str, list[tuple[str, int]]] = {}
    for step in steps:
        above.setdefault(step.target, []).append((step.source, step.pull))
        below.setdefault(step.source, []).append((step.target, step.pull))
    spread = [_offsets(layer, widths, gap) for layer in layers]
    places: dict[str, float] = {}
    for layer, offsets in zip(layers, spread, strict=True):
        middle = (offsets[0] + offsets[-1]) / 2
        places |= {node: offset - middle for node, offset in zip(layer, offsets, strict=True)}
    rows = list(zip(layers, spread, strict=True))
    for sweep in range(_SWEEPS):
        downward = sweep % 2 == 0
        neighbours = above if downward else below
        moved = 0.0
        for layer, offsets in rows if downward else reversed(rows):
            wanted = [_mean(neighbours.get(node), places, places[node]) for node in layer]
            for node, x in zip(layer, _in_order(wanted, offsets), strict=True):
                moved = max(moved, abs(places[node] - x))
                places[node] = x
        if moved < _STILL:
            break
    return places


def _offsets(layer: Sequence[str], widths: Mapping[str, float], gap: float) -> list[float]:
    """Where the nodes of a layer stand when they stand as close as they may."""
    offsets, at = [], 0.0
    for node in layer:
        offsets.append(at + widths[node] / 2)
        at += widths[node] + gap
    return offsets


def _in_order(wanted: Sequence[float], offsets: Sequence[float]) -> list[float]:
    """The places nearest to the wanted ones (least squares) that keep the order and the distances.

    Nodes that would stand in each other's way are pooled and moved together.
    """
    pools: list[tuple[float, int]] = []  # sum of what is wanted, count
    for place, offset in zip(wanted, offsets, strict=True):
        total, count = place - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            before, members = pools.pop()
            total, count = total + before, count + members
        pools.append((total, count))
    starts = [total / count for total, count in pools for _ in range(count)]
    return [start + offset for start, offset in zip(starts, offsets, strict=True)]


def _mean(neighbours: Sequence[tuple[str, int]] | None, places: Mapping[str, float], otherwise: float) -> float:
    """Where the neighbours pull a node to."""
    if not neighbours:
        return otherwise
    pulls = sum(pull for _, pull in neighbours)
    return sum(places[node] * pull for node, pull in neighbours) / pulls
