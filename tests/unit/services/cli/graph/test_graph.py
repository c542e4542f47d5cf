"""Pictures of definitions: every state is in them, nothing overlaps, no name breaks out of its label."""

from __future__ import annotations

from itertools import combinations, pairwise
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


BUSY: dict[str, Any] = {
    "StartAt": "A",
    "States": {
        "A": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.something.rather.long", "StringEquals": "and what it is compared with", "Next": "B"},
                {"Variable": "$.something.else.as.long", "IsPresent": True, "Next": "B"},
                {"Variable": "$.x", "IsNull": True, "Next": "A"},
            ],
            "Default": "C",
        },
        "B": {"Type": "Task", "Next": "C", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "D"}]},
        "C": {"Type": "Task", "Next": "D", "Catch": [{"ErrorEquals": ["E"], "Next": "B"}]},
        "D": {"Type": "Wait", "Seconds": 1, "Next": "A"},
    },
}


def test_no_edge_passes_through_a_box() -> None:
    layout = lay_out(read_flow(BUSY))
    boxes = [node for node in layout.nodes.values() if node.box]
    for x, upper, lower in (lane for lanes in layout.lanes.values() for lane in lanes):
        for box in boxes:
            is_beside = abs(x - box.x) > box.width / 2
            assert is_beside or lower <= box.y or upper >= box.y + box.height


def test_no_label_covers_a_box_or_another_label() -> None:
    layout = lay_out(read_flow(BUSY))
    labels = [
        Placed(layout.edges[index].label, None, 5.6 * len(layout.edges[index].label), 10, x, y - 5)
        for index, (x, y) in layout.labels.items()
    ]
    assert len(labels) == 6
    for one, other in combinations([*labels, *layout.nodes.values()], 2):
        assert apart(one, other), (one.id, other.id)


def test_an_edge_back_up_has_lanes_from_its_source_to_its_target() -> None:
    layout = lay_out(read_flow(BUSY))
    assert {layout.edges[index].target for index in layout.back} >= {"n0"}
    for index in layout.back:
        source, target = layout.nodes[layout.edges[index].source], layout.nodes[layout.edges[index].target]
        lanes = layout.lanes[index]
        assert lanes[0][1] == source.y and lanes[-1][1] == target.y
        assert [lane[1] for lane in lanes] == sorted((lane[1] for lane in lanes), reverse=True)


def test_a_chain_is_a_straight_line() -> None:
    states: dict[str, Any] = {
        name: {"Type": "Task", "Next": following, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Z"}]}
        for name, following in pairwise("ABCDE")
    }
    layout = lay_out(read_flow({"StartAt": "A", "States": {**states, "E": {"Type": "Succeed"}, "Z": {"Type": "Fail"}}}))
    chain = [node.x for node in layout.nodes.values() if node.box and node.box.name in "ABC"]
    assert max(chain) - min(chain) < 60


def test_a_drawing_of_very_many_long_edges_stays_small() -> None:
    count = 400
    states: dict[str, Any] = {
        f"S{at}": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.x", "IsNull": True, "Next": f"S{(at * 7 + 1) % count}"}],
            "Default": f"S{at + 1}",
        }
        for at in range(count)
    }
    states[f"S{count}"] = {"Type": "Succeed"}
    text = draw_svg(read_flow({"StartAt": "S0", "States": states}))
    assert len(text) < 2_000_000
    assert ElementTree.fromstring(text) is not None
