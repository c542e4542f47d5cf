"""A laid-out flow as SVG: one file, no script, no outside reference."""

from __future__ import annotations

from typing import TypeAlias
from xml.sax.saxutils import escape

from services.cli.graph.flow import START, Flow
from services.cli.graph.layout import GAP_X, PADDING, TITLE_HEIGHT, Layout, Placed, lay_out

Point: TypeAlias = tuple[float, float]

_MARGIN = 24.0
_TURN = 26.0
"""How far an edge swings out where it turns back up."""
_COLOURS = {
    "Task": "#d97706",
    "Choice": "#7c3aed",
    "Wait": "#0891b2",
    "Succeed": "#16a34a",
    "Fail": "#dc2626",
    "Parallel": "#2563eb",
    "Map": "#2563eb",
}
_STYLE = (
    "text{font:13px system-ui,sans-serif;text-anchor:middle;fill:#1f2937}"
    ".kind{font-size:10px;fill:#6b7280}.edge{font-size:10px;fill:#4b5563;paint-order:stroke;stroke:#fff;stroke-width:3px}"
    "path{fill:none;stroke:#6b7280;stroke-width:1.2px;marker-end:url(#arrow)}path.catch{stroke-dasharray:4 3}"
    "rect{fill:#fff;stroke-width:1.5px}rect.flow{fill:#f9fafb;stroke:#d1d5db;stroke-dasharray:3 3}circle{fill:#374151}"
)


def draw_svg(flow: Flow) -> str:
    """The text of the SVG file."""
    layout = lay_out(flow)
    parts: list[str] = []
    _draw(layout, _MARGIN, _MARGIN, parts)
    width, height = layout.width + 2 * _MARGIN + 2 * GAP_X, layout.height + 2 * _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-GAP_X:.0f} 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}">\n'
        f"<style>{_STYLE}</style>\n"
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0L8 4L0 8z" style="fill:#6b7280;stroke:none;marker-end:none"/></marker></defs>\n'
        f'<rect x="{-GAP_X:.0f}" width="{width:.0f}" height="{height:.0f}" stroke="none"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _draw(layout: Layout, left: float, top: float, parts: list[str]) -> None:
    for node in layout.nodes.values():
        _draw_node(node, left, top, parts)
    labels: list[str] = []
    for index, edge in enumerate(layout.edges):
        source, target = layout.nodes[edge.source], layout.nodes[edge.target]
        start = (left + source.x, top + source.y + source.height)
        end = (left + target.x, top + target.y)
        lanes = [(left + x, top + y, top + low) for x, y, low in layout.lanes[index]]
        path = _ascent(start, lanes, end) if index in layout.back else _descent(start, lanes, end)
        parts.append(f'<path class="{"catch" if edge.catch else "next"}" d="{path}"/>')
        if index in layout.labels:
            x, y = layout.labels[index]
            labels.append(f'<text class="edge" x="{left + x:.1f}" y="{top + y + 3.5:.1f}">{escape(edge.label)}</text>')
    parts.extend(labels)


def _descent(start: Point, lanes: list[tuple[float, float, float]], end: Point) -> str:
    """A way down: a curve into each lane, straight through it, a curve to the end."""
    path, at = f"M{start[0]:.1f} {start[1]:.1f}", start
    for x, upper, lower in [*lanes, (end[0], end[1], end[1])]:
        bend = (upper - at[1]) / 2
        path += _curve((at[0], at[1] + bend), (x, upper - bend), (x, upper))
        if lower > upper:
            path += f"L{x:.1f} {lower:.1f}"
        at = (x, lower)
    return path


def _ascent(start: Point, lanes: list[tuple[float, float, float]], end: Point) -> str:
    """A way back up: down and around into the lane beside the start, up through all lanes, around and into the end."""
    path, at = f"M{start[0]:.1f} {start[1]:.1f}", start
    if not lanes:
        side = max(start[0], end[0]) + 4 * _TURN
        return path + _curve((side, start[1] + _TURN), (side, end[1] - _TURN), end)
    for x, upper, lower in lanes:
        bend = _TURN if at == start else (lower - at[1]) / 2
        path += _curve((at[0], at[1] + bend), (x, lower + _TURN if at == start else lower - bend), (x, lower))
        path += f"L{x:.1f} {upper:.1f}"
        at = (x, upper)
    return path + _curve((at[0], at[1] - _TURN), (end[0], end[1] - _TURN), end)


def _curve(first: Point, second: Point, end: Point) -> str:
    return "C" + " ".join(f"{x:.1f} {y:.1f}" for x, y in (first, second, end))


def _draw_node(node: Placed, left: float, top: float, parts: list[str]) -> None:
    x, y = left + node.x, top + node.y
    if node.box is None:
        radius = node.width / 2
        parts.append(f'<circle cx="{x:.1f}" cy="{y + radius:.1f}" r="{radius:.1f}"/>')
        word = "Start" if node.id == START else "End"
        parts.append(f'<text x="{x:.1f}" y="{y + radius + 3:.1f}" style="fill:#fff;font-size:9px">{word}</text>')
        return
    colour = _COLOURS.get(node.box.kind, "#6b7280")
    parts.append(
        f'<rect x="{x - node.width / 2:.1f}" y="{y:.1f}" width="{node.width:.1f}" height="{node.height:.1f}" '
        f'rx="6" stroke="{colour}"/>'
    )
    title, kind = escape(node.box.name), escape(node.box.kind)
    if not node.inner:
        parts.append(f'<text x="{x:.1f}" y="{y + 19:.1f}">{title}</text>')
        parts.append(f'<text class="kind" x="{x:.1f}" y="{y + 34:.1f}">{kind}</text>')
        return
    parts.append(f'<text x="{x:.1f}" y="{y + 18:.1f}">{title} <tspan class="kind">{kind}</tspan></text>')
    flows_width = sum(it.width for it in node.inner) + GAP_X * (len(node.inner) - 1)
    cursor = x - flows_width / 2
    for inner in node.inner:
        upper = y + TITLE_HEIGHT + PADDING
        if len(node.inner) > 1:
            parts.append(
                f'<rect class="flow" x="{cursor - GAP_X / 4:.1f}" y="{upper - PADDING / 2:.1f}" '
                f'width="{inner.width + GAP_X / 2:.1f}" height="{inner.height + PADDING:.1f}" rx="4"/>'
            )
        _draw(inner, cursor, upper, parts)
        cursor += inner.width + GAP_X
