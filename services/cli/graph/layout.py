"""Where the boxes of a flow stand: layers from top to bottom, crossings kept few, flows inside their box.

The method is the classic one for layered drawings: break cycles by depth-first search, give every box the layer
of its longest way from the start, let an edge that passes layers stand in each of them as a narrow lane, order
each layer by the mean place of its neighbours, then move everything as near to its neighbours as it can stand.
A label has a place of its own in a layer, so it covers nothing; an edge back up has lanes beside both of its ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from services.cli.graph.alignment import Step, aligned
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
_LABEL_HEIGHT = 16.0
_LABEL_CHARACTER_WIDTH = 5.6
_SWEEPS = 8
_NODES_MAX = 6_000
_SPAN_ALWAYS = 3
"""In a drawing that nobody can read any more, edges over more layers than this get no lanes."""
_STRAIGHT = 8
"""How much more a plain Next pulls its ends together than a rule or a catcher does."""
_TERMINALS = (START, END)


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

    `lanes` says for an edge, by its index, where it passes the layers between its ends: (x, upper y, lower y). An edge
    in `back` leads up; its lanes, from the lowest up, begin beside its source and end beside its target. In a very
    large drawing long edges have no lanes, and then no label.
    `labels` is where the middle of an edge's label is.
    """

    nodes: dict[str, Placed]
    edges: list[Edge]
    width: float
    height: float
    back: set[int] = field(default_factory=set)
    lanes: dict[int, list[tuple[float, float, float]]] = field(default_factory=dict)
    labels: dict[int, tuple[float, float]] = field(default_factory=dict)


def lay_out(flow: Flow) -> Layout:
    """Place every box of a flow, and the flows inside them."""
    nodes = {START: Placed(START, None, TERMINAL_SIZE, TERMINAL_SIZE)}
    nodes |= {box.id: _measure(box) for box in flow.boxes}
    if any(edge.target == END for edge in flow.edges):
        nodes[END] = Placed(END, None, TERMINAL_SIZE, TERMINAL_SIZE)
    back = _back_edges(list(nodes), flow.edges)
    forward = [edge for index, edge in enumerate(flow.edges) if index not in back]
    layers = _layers(list(nodes), forward)
    lanes, steps = _add_lanes(nodes, layers, flow.edges, back)
    width, height = _place(nodes, _order(layers, steps), steps)
    places = {index: [_passage(nodes[lane]) for lane in ids] for index, ids in lanes.items()}
    for ids in lanes.values():
        for lane in ids:
            del nodes[lane]
    labels = {index: _middle(places[index][0]) for index, edge in enumerate(flow.edges) if edge.label and places[index]}
    return Layout(nodes, flow.edges, width, height, back, places, labels)


def _add_lanes(
    nodes: dict[str, Placed], layers: list[list[str]], edges: list[Edge], back: set[int]
) -> tuple[dict[int, list[str]], list[Step]]:
    """Put a lane into every layer that an edge passes; returns the lanes by edge, and the edges from layer to layer.

    The first lane of an edge with a label is as wide as the label.
    """
    rank = {node: level for level, layer in enumerate(layers) for node in layer}
    lanes: dict[int, list[str]] = {}
    steps: list[Step] = []
    for index, edge in enumerate(edges):
        if index in back:
            levels = list(range(rank[edge.source], rank[edge.target] - 1, -1))
        else:
            levels = list(range(rank[edge.source] + 1, rank[edge.target]))
        if len(levels) > _SPAN_ALWAYS and len(nodes) + len(levels) > _NODES_MAX:
            levels = []
        ids = [f"{edge.source}>{index}@{level}" for level in levels]
        for level, lane in zip(levels, ids, strict=True):
            is_label = bool(edge.label) and lane == ids[0]
            width = len(edge.label) * _LABEL_CHARACTER_WIDTH + 8 if is_label else _LANE_WIDTH
            nodes[lane] = Placed(lane, None, width, _LABEL_HEIGHT if is_label else 0.0)
            layers[level].append(lane)
        lanes[index] = ids
        if index in back:
            upward = [*reversed(ids)]
            steps.extend(Step(upper, lower) for upper, lower in pairwise(upward))
            steps.extend([Step(edge.target, upward[1]), Step(upward[-2], edge.source)] if len(ids) > 1 else [])
        else:
            pull = 1 if edge.catch or edge.label else _STRAIGHT
            steps.extend(Step(upper, lower, pull) for upper, lower in pairwise([edge.source, *ids, edge.target]))
    return lanes, steps


def _middle(lane: tuple[float, float, float]) -> tuple[float, float]:
    return lane[0], (lane[1] + lane[2]) / 2


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
    """The longest way from the start, for every node; an edge with a label leaves a layer for it."""
    waiting = dict.fromkeys(nodes, 0)
    out: dict[str, list[tuple[str, int]]] = {node: [] for node in nodes}
    for edge in edges:
        waiting[edge.target] += 1
        out[edge.source].append((edge.target, 2 if edge.label else 1))
    rank = dict.fromkeys(nodes, 0)
    ready = [node for node in nodes if waiting[node] == 0]
    for node in ready:
        for target, length in out[node]:
            rank[target] = max(rank[target], rank[node] + length)
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    layers: list[list[str]] = [[] for _ in range(max(rank.values()) + 1)]
    for node in nodes:
        layers[rank[node]].append(node)
    return layers


def _order(layers: list[list[str]], edges: list[Step]) -> list[list[str]]:
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


def _place(nodes: dict[str, Placed], layers: list[list[str]], steps: list[Step]) -> tuple[float, float]:
    """Give every node its place; layers without boxes, of labels and lanes alone, stand closer."""
    layers = [layer for layer in layers if layer]
    y = 0.0
    for level, layer in enumerate(layers):
        tallest = max(nodes[it].height for it in layer)
        for it in layer:
            nodes[it].y = y
            if nodes[it].id not in _TERMINALS and nodes[it].box is None:
                nodes[it].height = tallest
        y += tallest + _gap_below(nodes, layers, level)
    places = aligned(layers, {it: nodes[it].width for layer in layers for it in layer}, steps, GAP_X)
    left = min(places[it] - nodes[it].width / 2 for it in places)
    for it, x in places.items():
        nodes[it].x = x - left
    width = max(nodes[it].x + nodes[it].width / 2 for it in places)
    return width, y


def _gap_below(nodes: dict[str, Placed], layers: list[list[str]], level: int) -> float:
    if level + 1 == len(layers):
        return 0.0
    has_box = [any(nodes[it].height > _LABEL_HEIGHT for it in layers[at]) for at in (level, level + 1)]
    return GAP_Y if all(has_box) else GAP_Y * 0.55
