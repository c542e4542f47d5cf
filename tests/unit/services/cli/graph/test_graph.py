"""Pictures of definitions: every state is in them, nothing overlaps, no name breaks out of its label."""

from __future__ import annotations

from itertools import combinations
from typing import Any
from xml.etree import ElementTree

from services.cli.graph.flow import END, START, Flow, describe_rule, read_flow
from services.cli.graph.layout import Placed, lay_out
from services.cli.graph.mermaid import draw_mermaid
from services.cli.graph.svg import draw_svg

LOOP: dict[str, Any] = {
    "StartAt": "Check",
    "States": {
        "Check": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericLessThan": 3, "Next": "Sleep"}],
            "Default": "Both",
        },
        "Sleep": {"Type": "Wait", "Seconds": 1, "Next": "Check"},
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "L", "States": {"L": {"Type": "Pass", "End": True}}},
                {"StartAt": "R", "States": {"R": {"Type": "Pass", "Next": "R2"}, "R2": {"Type": "Succeed"}}},
            ],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Bad"}],
            "End": True,
        },
        "Bad": {"Type": "Fail"},
    },
}


def names(flow: Flow) -> list[str]:
    """All state names, inner ones included."""
    return [name for box in flow.boxes for name in [box.name, *(it for inner in box.flows for it in names(inner))]]


def test_every_state_is_in_the_flow() -> None:
    assert names(read_flow(LOOP)) == ["Check", "Sleep", "Both", "L", "R", "R2", "Bad"]


def test_ways_out_carry_their_labels() -> None:
    edges = {(edge.source, edge.target): (edge.label, edge.catch) for edge in read_flow(LOOP).edges}
    assert edges == {
        (START, "n0"): ("", False),
        ("n0", "n1"): ("$.n < 3", False),
        ("n0", "n2"): ("otherwise", False),
        ("n1", "n0"): ("", False),
        ("n2", END): ("", False),
        ("n2", "n3"): ("States.ALL", True),
        ("n3", END): ("", False),
    }


def test_a_long_rule_is_cut() -> None:
    rule = {"And": [{"Variable": "$.x", "StringEquals": "y" * 80}, {"Variable": "$.z", "IsNull": True}]}
    assert len(describe_rule(rule)) == 48
    assert describe_rule({"Not": {"Variable": "$.z", "IsPresent": True}}) == "not ($.z IsPresent true)"


def test_boxes_of_a_layout_do_not_overlap() -> None:
    layout = lay_out(read_flow(LOOP))
    for one, other in combinations(layout.nodes.values(), 2):
        assert apart(one, other), (one.id, other.id)
    assert len(layout.back) == 1


def apart(one: Placed, other: Placed) -> bool:
    """Whether two boxes have no point in common."""
    beside = abs(one.x - other.x) >= (one.width + other.width) / 2
    return beside or one.y + one.height <= other.y or other.y + other.height <= one.y


def test_an_inner_flow_lies_inside_its_box() -> None:
    both = next(it for it in lay_out(read_flow(LOOP)).nodes.values() if it.box is not None and it.box.name == "Both")
    assert sum(inner.width for inner in both.inner) < both.width
    assert max(inner.height for inner in both.inner) < both.height


def test_the_svg_is_well_formed_and_has_every_name() -> None:
    hostile = {"StartAt": '<A & "B">', "States": {'<A & "B">': {"Type": "Pass", "End": True}}}
    for definition in (LOOP, hostile):
        root = ElementTree.fromstring(draw_svg(read_flow(definition)))
        texts = {"".join(it.itertext()).split("  ")[0] for it in root.iter("{http://www.w3.org/2000/svg}text")}
        for name in names(read_flow(definition)):
            assert any(text.startswith(name) for text in texts)


def test_no_name_breaks_out_of_a_mermaid_label() -> None:
    definition = {"StartAt": 'a"]', "States": {'a"]': {"Type": "Pass", "End": True}}}
    assert 'n0["a#quot;]<br/><small>Pass</small>"]' in draw_mermaid(read_flow(definition))


def test_a_chain_of_ten_thousand_states_is_laid_out_without_recursion() -> None:
    states: dict[str, Any] = {f"S{n}": {"Type": "Pass", "Next": f"S{n + 1}"} for n in range(10_000)}
    states["S10000"] = {"Type": "Succeed"}
    assert lay_out(read_flow({"StartAt": "S0", "States": states})).height > 10_000


def test_an_edge_that_passes_a_layer_stands_beside_its_boxes() -> None:
    states = {
        "A": {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsNull": True, "Next": "B"}], "Default": "C"},
        "B": {"Type": "Pass", "Next": "C"},
        "C": {"Type": "Succeed"},
    }
    layout = lay_out(read_flow({"StartAt": "A", "States": states}))
    (passing,) = [lanes for lanes in layout.lanes.values() if lanes]
    beside, box = passing[0], next(node for node in layout.nodes.values() if node.box and node.box.name == "B")
    assert abs(beside[0] - box.x) > box.width / 2
    assert (beside[1], beside[2]) == (box.y, box.y + box.height)
