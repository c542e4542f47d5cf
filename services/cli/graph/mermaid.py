"""A flow as a Mermaid flowchart."""

from __future__ import annotations

from services.cli.graph.flow import END, START, Box, Flow


def draw_mermaid(flow: Flow) -> str:
    """The text of a `flowchart TD`."""
    lines = ["flowchart TD"]
    _draw(flow, "root", 1, lines)
    return "\n".join(lines) + "\n"


def _draw(flow: Flow, scope: str, depth: int, lines: list[str]) -> None:
    pad = "  " * depth
    ends = {START: f"{scope}_start", END: f"{scope}_end"}
    lines.append(f'{pad}{ends[START]}(["Start"])')
    if any(edge.target == END for edge in flow.edges):
        lines.append(f'{pad}{ends[END]}(["End"])')
    for box in flow.boxes:
        _draw_box(box, depth, lines)
    for edge in flow.edges:
        arrow = "-.->" if edge.catch else "-->"
        label = f'|"{_quote(edge.label)}"|' if edge.label else ""
        lines.append(f"{pad}{ends.get(edge.source, edge.source)} {arrow}{label} {ends.get(edge.target, edge.target)}")


def _draw_box(box: Box, depth: int, lines: list[str]) -> None:
    pad, title = "  " * depth, _quote(box.name)
    if not box.flows:
        left, right = ("{{", "}}") if box.kind == "Choice" else ("[", "]")
        lines.append(f'{pad}{box.id}{left}"{title}<br/><small>{box.kind}</small>"{right}')
        return
    lines.append(f'{pad}subgraph {box.id}["{title} ({box.kind})"]')
    for index, inner in enumerate(box.flows):
        scope = f"{box.id}_f{index}"
        name = f"branch {index + 1}" if box.kind == "Parallel" else "each item"
        lines.append(f'{pad}  subgraph {scope}["{name}"]')
        _draw(inner, scope, depth + 2, lines)
        lines.append(f"{pad}  end")
    lines.append(f"{pad}end")


def _quote(text: str) -> str:
    """Mermaid's own entities, so that no state name can break out of its label."""
    special = {'"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "|": "#124;", "&": "#amp;", "\n": " ", "`": "#96;"}
    return "".join(special.get(character, character) for character in text)
