"""Where the boxes of a flow stand: layers from top to bottom, crossings kept few, flows inside their box.

The method is the classic one for layered drawings: break cycles by depth-first search, give every box the layer
of its longest way from the start, let an edge that passes layers stand in each of them as a narrow lane, order
each layer by the mean place of its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from services.cli.graph.flow import END, START, Box, Edge, Flow

BOX_HEIGHT = 44.0
TERMINAL_SIZE = 28.0
GAP_X = 28.0
GAP_Y = 46.0
PADDING = 16.0
TITLE_HEIGHT = 26.0
_CHARACTER_WIDTH = 7.4
_BOX_WIDTH_MIN = 96.0
_LANE_WIDTH = 10.0
_SWEEPS = 8


@dataclass(slots=True)
class Placed:
    """A box with its place: the middle of its upper edge is at (x, y)."""

    id: str
    box: Box | None
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0
    inner: list[Layout] = field(default_factory=list)


@dataclass(slots=True)
class Layout:
    """A flow with all places; the origin is its upper left corner.

    `lanes` says for an edge, by its index, where it passes the layers between its ends: (x, upper y, lower y).
    """

    nodes: dict[str, Placed]
    edges: list[Edge]
    width: float
    height: float
    back: set[int] = field(default_factory=set)
    lanes: dict[int, list[tuple[float, float, float]]] = field(default_factory=dict)


def lay_out(flow: Flow) -> Layout:
    """Place every box of a flow, and the flows inside them."""
    nodes = {START: Placed(START, None, TERMINAL_SIZE, TERMINAL_SIZE)}
    nodes |= {box.id: _measure(box) for box in flow.boxes}
    if any(edge.target == END for edge in flow.edges):
        nodes[END] = Placed(END, None, TERMINAL_SIZE, TERMINAL_SIZE)
    back = _back_edges(list(nodes), flow.edges)
    forward = {index: edge for index, edge in enumerate(flow.edges) if index not in back}
    layers = _layers(list(nodes), list(forward.values()))
    lanes, steps = _add_lanes(nodes, layers, forward)
    width, height = _place(nodes, _order(layers, steps))
    places = {index: [_passage(nodes.pop(lane)) for lane in ids] for index, ids in lanes.items()}
    return Layout(nodes, flow.edges, width, height, back, places)


def _add_lanes(
    nodes: dict[str, Placed], layers: list[list[str]], edges: dict[int, Edge]
) -> tuple[dict[int, list[str]], list[Edge]]:
    """Put a lane into every layer that an edge passes; returns the lanes by edge, and the edges from layer to layer."""
    rank = {node: level for level, layer in enumerate(layers) for node in layer}
    lanes: dict[int, list[str]] = {}
    steps: list[Edge] = []
    for index, edge in edges.items():
        ids = [f"{edge.source}>{index}@{level}" for level in range(rank[edge.source] + 1, rank[edge.target])]
        for level, lane in enumerate(ids, rank[edge.source] + 1):
            nodes[lane] = Placed(lane, None, _LANE_WIDTH, 0.0)
            layers[level].append(lane)
        lanes[index] = ids
        stops = [edge.source, *ids, edge.target]
        steps.extend(Edge(upper, lower) for upper, lower in pairwise(stops))
    return lanes, steps


def _passage(lane: Placed) -> tuple[float, float, float]:
    return lane.x, lane.y, lane.y + lane.height


def _measure(box: Box) -> Placed:
    inner = [lay_out(flow) for flow in box.flows]
    width = max(_BOX_WIDTH_MIN, len(box.name) * _CHARACTER_WIDTH + 2 * PADDING)
    if not inner:
        return Placed(box.id, box, width, BOX_HEIGHT)
    flows_width = sum(it.width for it in inner) + GAP_X * (len(inner) - 1)
    height = max(it.height for it in inner) + TITLE_HEIGHT + 2 * PADDING
    return Placed(box.id, box, max(width, flows_width + 2 * PADDING), height, inner=inner)


def _back_edges(nodes: list[str], edges: list[Edge]) -> set[int]:
    """Edges that close a cycle, found by depth-first search with a stack of our own."""
    out: dict[str, list[tuple[int, str]]] = {node: [] for node in nodes}
    for index, edge in enumerate(edges):
        out[edge.source].append((index, edge.target))
    back: set[int] = set()
    state: dict[str, int] = {}  # 1 on the stack, 2 done
    for root in nodes:
        if root in state:
            continue
        state[root] = 1
        stack = [(root, iter(out[root]))]
        while stack:
            node, ways = stack[-1]
            for index, target in ways:
                if state.get(target) == 1:
                    back.add(index)
                elif target not in state:
                    state[target] = 1
                    stack.append((target, iter(out[target])))
                    break
            else:
                state[node] = 2
                stack.pop()
    return back


def _layers(nodes: list[str], edges: list[Edge]) -> list[list[str]]:
    """The longest way from the start, for every node; the end goes below everything else."""
    waiting = dict.fromkeys(nodes, 0)
    out: dict[str, list[str]] = {node: [] for node in nodes}
    for edge in edges:
        waiting[edge.target] += 1
        out[edge.source].append(edge.target)
    rank = dict.fromkeys(nodes, 0)
    ready = [node for node in nodes if waiting[node] == 0]
    for node in ready:
        for target in out[node]:
            rank[target] = max(rank[target], rank[node] + 1)
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    layers: list[list[str]] = [[] for _ in range(max(rank.values()) + 1)]
    for node in nodes:
        layers[rank[node]].append(node)
    return layers


def _order(layers: list[list[str]], edges: list[Edge]) -> list[list[str]]:
    """Sort each layer by the mean place of the neighbours above, then below, a few times."""
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for edge in edges:
        above.setdefault(edge.target, []).append(edge.source)
        below.setdefault(edge.source, []).append(edge.target)
    for sweep in range(_SWEEPS):
        neighbours = above if sweep % 2 == 0 else below
        place = {node: index / max(1, len(layer)) for layer in layers for index, node in enumerate(layer)}
        for layer in layers:
            layer.sort(key=lambda node: _mean([place[it] for it in neighbours.get(node, [])], place[node]))
            place |= {node: index / max(1, len(layer)) for index, node in enumerate(layer)}
    return layers


def _mean(places: list[float], otherwise: float) -> float:
    return sum(places) / len(places) if places else otherwise


def _place(nodes: dict[str, Placed], layers: list[list[str]]) -> tuple[float, float]:
    widths = [sum(nodes[it].width for it in layer) + GAP_X * (len(layer) - 1) for layer in layers]
    total, y = max(widths), 0.0
    for layer, width in zip(layers, widths, strict=True):
        x = (total - width) / 2
        tallest = max((nodes[it].height for it in layer), default=0.0)
        for it in layer:
            node = nodes[it]
            node.x, node.y = x + node.width / 2, y
            if node.width == _LANE_WIDTH:
                node.height = tallest
            x += node.width + GAP_X
        y += tallest + GAP_Y
    return total, y - GAP_Y
