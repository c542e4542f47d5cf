"""JSONPath: the Jayway dialect with the service's error texts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.expressions.jsonpath import (
    check_path,
    check_reference_path,
    compile_field_path,
    compile_path,
    compile_presence,
    variables_of,
)
from engine.expressions.scope import ExpressionSyntaxError
from tests.fixtures.shared import WORKFLOWS
from tests.unit.engine.expressions.scopes import outcome, scope

DOCUMENT: dict[str, Any] = {
    "a": {"b": [1, 2, {"c": 5}]},
    "pets": [
        {"Name": "Cat", "legs": 4, "tags": ["soft"]},
        {"Name": "Bird", "legs": 2, "owner": None},
        {"Name": "Snake", "legs": 0, "owner": "es"},
    ],
    "limit": 2,
    "text": "str",
    "none": None,
    "dc:title": {"@type": "t"},
    "a b": {"it's": 7},
    'Test\\""Name"': "quoted",
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", DOCUMENT),
        ("$.text", "str"),
        ("$.a.b[2].c", 5),
        ("$['a']['b'][0]", 1),
        ('$["a"].b[1]', 2),
        ("$.['text']", "str"),
        ("$.a.['b'].[0]", 1),
        ("$['a b']['it\\'s']", 7),
        ('$[\'Test\\""Name"\']', "quoted"),
        ("$.dc:title.@type", "t"),
        ("$.pets[-1].Name", "Snake"),
        ("$.pets[*].Name", ["Cat", "Bird", "Snake"]),
        ("$.pets[0,2].Name", ["Cat", "Snake"]),
        ("$.pets[1:].Name", ["Bird", "Snake"]),
        ("$.pets[:1].Name", ["Cat"]),
        ("$.pets[-2:].Name", ["Bird", "Snake"]),
        ("$.pets[0:2].legs", [4, 2]),
        ("$.pets[1:-1].Name", []),
        ("$.pets[0]['Name','legs']", {"Name": "Cat", "legs": 4}),
        (
            "$.pets[*].['Name','owner']",
            [{"Name": "Cat"}, {"Name": "Bird", "owner": None}, {"Name": "Snake", "owner": "es"}],
        ),
        ("$..legs", [4, 2, 0]),
        ("$..b[0]", [1]),
        ("$.pets[?(@.Name == 'Cat')].legs", [4]),
        ("$.pets[?(@.owner==es)].Name", ["Snake"]),
        ("$.pets[?(@.legs > 0 && @.legs < 4)].Name", ["Bird"]),
        ('$.pets[?(@.legs == 4 || @.Name == "Snake")].Name', ["Cat", "Snake"]),
        ("$.pets[?(!(@.owner))].Name", ["Cat"]),
        ("$.pets[?(@.owner)].Name", ["Bird", "Snake"]),
        ("$.pets[?(@.owner == null)].Name", ["Bird"]),
        ("$.pets[?(@.legs == $.limit)].Name", ["Bird"]),
        ("$.pets[?(@.Name in ['Cat', 'Dog'])].legs", [4]),
        ("$.pets[?(@.Name =~ /s.*/i)].legs", [0]),
        ("$.pets[?(@.tags[0] == 'soft')].Name", ["Cat"]),
        ("$.pets[?(@.legs == '4')].Name", ["Cat"]),
        ("$.pets[?(@.nope != 1)].Name", ["Cat", "Bird", "Snake"]),
        ("$..[?(@.legs > 3)].Name", ["Cat"]),
        ("$.pets[?(@.legs > 100)]", []),
        ("$.nope[*]", []),
        ("$.nope.deep[1:].x", []),
        ("$.text[1:]", []),
        ("$.text[?(@.a)]", []),
        ("$.pets.length()", 3),
        ("$.pets[*].nope", []),
        ("$..nope", []),
    ],
)
def test_path_selects(path: str, expected: Any) -> None:
    assert outcome(compile_path(path), DOCUMENT) == expected


NUMBERS: dict[str, Any] = {
    "n": [0.1, 0.2, 0.3],
    "ten": list(range(1, 11)),
    "one": 1,
    "rows": [{"v": [1, 2]}, {"v": [3]}, {"w": []}],
    "deep": {"v": [4], "x": {"v": [5], "w": 6}},
    "mixed": [1, 1.0, "1", "1.0", True, None, [], "", {}],
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("$.n.sum()", 0.1 + 0.2 + 0.3, id="added-up-one-by-one"),
        ("$.n.max()", 0.3),
        ("$.n.min()", 0.1),
        ("$.n.avg()", (0.1 + 0.2 + 0.3) / 3),
        ("$.ten.stddev()", 2.8722813232690143),
        ("$.n.first()", 0.1),
        ("$.n.last()", 0.3),
        ("$.n.index(-2)", 0.2),
        ("$.n.append(4)", [0.1, 0.2, 0.3, 4]),
        ('$.n.append($.one, "x")', [0.1, 0.2, 0.3, 1, "x"]),
        ("$.n.sum($.one)", 0.1 + 0.2 + 0.3 + 1),
        ("$.concat(\"a\", $.one, 'b', $.n)", "a1b0.10.20.3"),
        ("$.deep.keys()", ["v", "x"]),
        ("$.one.length()", None),
        pytest.param("$.rows[*].v.length()", [2, 1], id="behind-a-wildcard-each-by-itself"),
        pytest.param("$.rows[?(@.v)].length()", [1, 1], id="behind-a-filter-each-by-itself"),
        pytest.param("$..v.length()", 5, id="behind-a-scan-all-together"),
        ("$.deep..w.max()", 6.0),
        pytest.param("$..['v','w']", [{"v": [5], "w": 6}], id="a-scan-wants-all-names"),
        pytest.param("$.rows[?(@.v[?(@ == 9)])]", NUMBERS["rows"][:2], id="an-indefinite-path-exists-even-if-empty"),
        pytest.param("$.rows[?(@.v[?(@ == 3)] empty false)]", NUMBERS["rows"][1:2], id="so-ask-whether-it-is-empty"),
        ("$.rows[?(@.w empty true)]", NUMBERS["rows"][2:]),
        ("$.rows[?(@.v size 2)]", NUMBERS["rows"][:1]),
        ("$.rows[?(@ size 1)]", []),
        ("$.rows[?(@.w nin [1])]", NUMBERS["rows"]),
        pytest.param("$.mixed[?(@ == 1)]", [1, 1.0, "1"], id="a-text-on-the-left-compares-as-text"),
        pytest.param("$.mixed[?(1 == @)]", [1, 1.0, "1", "1.0"], id="a-number-on-the-left-compares-as-number"),
        ("$.mixed[?(@ === 1)]", [1, 1.0]),
        ("$.mixed[?(@ !== 1)]", ["1", "1.0", True, None, [], "", {}]),
        ("$.mixed[?(@ =~ /1|t.*e/)]", [1, "1", True]),
    ],
)
def test_functions_and_operators_of_the_library(path: str, expected: Any) -> None:
    assert outcome(compile_path(path), NUMBERS) == expected


def test_filters_nest_only_so_deep() -> None:
    path = "$.a" + "[?(@.a" * 40 + ")]" * 40
    check_path("$.a" + "[?(@.a" * 32 + ")]" * 32)
    with pytest.raises(ExpressionSyntaxError):
        check_path(path)


@pytest.mark.parametrize(
    "path", ["$.n[?(@.a.length()[?(@.b)])]", "$.n.append(x)", "$.n.append(1", "$.n.sum($.a[?(@.b)])", "$.n.append([1,)"]
)
def test_arguments_that_are_no_values_are_refused(path: str) -> None:
    with pytest.raises(ExpressionSyntaxError):
        check_path(path)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("$.x", "No results for path: $['x']"),
        ("$.no.such.result.path", "Missing property in path $['no']"),
        ("$.a.no", "No results for path: $['a']['no']"),
        ("$.a.b[9]", "No results for path: $['a']['b'][9]"),
        ("$.text[0]", "Filter: [0] can only be applied to arrays. Current context is: str"),
        ("$.a[0].x", "Filter: [0]['x'] can only be applied to arrays. Current context is: {b=[1, 2, {c=5}]}"),
        ("$.none[0]", "The path $['none'] is null"),
    ],
)
def test_a_miss_is_a_runtime_error_with_the_librarys_text(path: str, text: str) -> None:
    assert outcome(compile_path(path), DOCUMENT) == f"States.Runtime: Invalid path '{path}' : {text}"


def test_a_path_into_nothing_cannot_be_applied() -> None:
    assert outcome(compile_path("$.x"), None) == (
        "States.Runtime: Unable to apply Path transformation to null or empty input."
    )


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$$.Execution.Id", "arn:x"),
        ("$$.Execution.Input.a", 1),
        ("$x", [1, {"y": 2}]),
        ("$x[1].y", 2),
        ("$größe", 3),
        ("$nope", "States.Runtime: Invalid path '$nope' : No results for path: $['nope']"),
    ],
)
def test_context_object_and_variables_are_roots_too(path: str, expected: Any) -> None:
    assert outcome(compile_path(path), {}, {"x": [1, {"y": 2}], "größe": 3}) == expected


NOT_FOUND = (
    "States.Runtime: The JSONPath '{}' specified for the field 'key.$' could not be found in the input "
    """'{{"a":1,"b":[]}}'"""
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.a", 1),
        ("$.b[5]", None),
        ("$.no", NOT_FOUND.format("$.no")),
        ("$$.Execution.no", NOT_FOUND.format("$$.Execution.no")),
        ("States.ArrayLength($.b)", 0),
    ],
)
def test_in_a_template_a_miss_names_the_field_and_the_input(path: str, expected: Any) -> None:
    assert outcome(compile_field_path(path, "key.$"), {"a": 1, "b": []}) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [("$.a", (True, None)), ("$.b", (False, None)), ("$.a.x", (False, None)), ("$.c[1]", (True, 2)), ("$v", (True, 9))],
)
def test_presence_tells_null_from_absent(path: str, expected: tuple[bool, Any]) -> None:
    assert compile_presence(path)(scope({"a": None, "c": [1, 2]}, {"v": 9})) == expected


@pytest.mark.parametrize(
    "path",
    ["", "a", "$.", "$..", "$a b", "$[", "$['a'", "$[a]", "$.a[?(", "$.a[?(@.b ==)]", "$.x.", "$.length().a", "$[1.5]"],
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ExpressionSyntaxError, match=r"Value must be a valid JSONPath\."):
        check_path(path)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.b", "Value is not a Reference Path: Reference path didn't start with '$'"),
        ("States.UUID()", "Value is not a Reference Path: Reference path didn't start with '$'"),
        ("$.a[*]", "Value is not a Reference Path"),
        ("$..a", "Value is not a Reference Path"),
        ("$.a[?(@.b)]", "Value is not a Reference Path"),
        ("$.a[0:1]", "Value is not a Reference Path"),
    ],
)
def test_what_is_no_reference_path_is_refused(path: str, text: str) -> None:
    with pytest.raises(ExpressionSyntaxError) as refused:
        check_reference_path(path)
    assert refused.value.args[0] == text


@pytest.mark.parametrize("path", ["$", "$.a['b'][0]", "$$.Execution.Id", "$name.a[1]"])
def test_reference_paths_may_start_anywhere(path: str) -> None:
    check_reference_path(path)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("$x.y", {"x"}),
        ("$.x", set()),
        ("$$.x", set()),
        ("States.Format('{} {}', $a, States.MathAdd($b.c, 1))", {"a", "b"}),
        ("States.Nope($a)", set()),
    ],
)
def test_variables_of_a_path_or_call(text: str, names: set[str]) -> None:
    assert variables_of(text) == names


@pytest.mark.skipif(not (WORKFLOWS / "paths.json").exists(), reason="the collected definitions are not here")
def test_every_path_of_the_collected_definitions_evaluates() -> None:
    failed = []
    for path in json.loads((WORKFLOWS / "paths.json").read_text("utf-8")):
        try:
            result = outcome(compile_path(path), {"FlowConfig": {"Tasks": []}, "approaches": [], "Regions": []})
        except ExpressionSyntaxError:
            failed.append(path)
        else:
            assert "States.Runtime" not in str(result) or result.startswith("States.Runtime: Invalid path")
    assert not failed
