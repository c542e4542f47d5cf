"""Intrinsic functions: results, refusals and their texts, by the recordings and the developer guide."""

from __future__ import annotations

import re
from typing import Any

import pytest

from engine.expressions.intrinsics import compile_intrinsic
from engine.expressions.scope import ExpressionSyntaxError
from tests.unit.engine.expressions.scopes import outcome

INPUT: dict[str, Any] = {
    "text": "x",
    "array": [1, 2, 3],
    "half": -1.5,
    "object": {"Id": "arn", "Tags": ["a", 1.0, None]},
    "json": '{"Arg1": 1, "Arg2": []}',
    "long": "x" * 10_001,
    "mixed": [None, None, True, 1, 1, "1", [], [], {"a": 1, "b": 2}, {"b": 2, "a": 1}],
    "template": "{}-{}",
}


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("States.Format('Hello, {}.', $.text)", "Hello, x."),
        ("States.Format('{} {} {}', null, true, 1.1)", "null true 1.1"),
        ("States.Format('{}', $.object)", "{Id=arn, Tags=[a, 1.0, null]}"),
        (r"States.Format('\{\} it\'s \\ {}', 1)", r"{} it's \ 1"),
        ("States.Format('{x} { }')", "{x} { }"),
        ("States.Format($.template, 'a', 'b')", "a-b"),
        ("States.StringToJson('')", None),
        ("States.StringToJson('  ')", None),
        ("States.StringToJson('-0')", 0),
        ("States.StringToJson($.json)", {"Arg1": 1, "Arg2": []}),
        ("States.JsonToString($.array)", "[1,2,3]"),
        ("States.JsonToString('é\"')", '"é\\""'),
        ("States.Array()", []),
        ("States.Array(1, 'a', null, true, $.text)", [1, "a", None, True, "x"]),
        ("States.ArrayPartition($.array, 2)", [[1, 2], [3]]),
        ("States.ArrayPartition(States.Array(), 2)", []),
        ("States.ArrayContains($.array, 3)", True),
        ("States.ArrayContains($.array, '3')", False),
        ("States.ArrayContains($.mixed, $.mixed[8])", True),
        ("States.ArrayRange(1, 9, 2)", [1, 3, 5, 7, 9]),
        ("States.ArrayRange(3, 1, -1)", [3, 2, 1]),
        ("States.ArrayRange(3, 1, 1)", []),
        ("States.ArrayGetItem($.array, 0)", 1),
        ("States.ArrayLength($.array)", 3),
        ("States.ArrayUnique($.mixed)", [None, True, 1, "1", [], {"a": 1, "b": 2}]),
        ("States.ArrayContains(States.Array(1, 2), 1.0)", False),
        ("States.ArrayUnique(States.Array(1, 1.0, 1))", [1, 1.0]),
        ("States.Base64Encode('Data to encode')", "RGF0YSB0byBlbmNvZGU="),
        ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", "Data to encode"),
        ("States.Base64Decode('RGF0YSB0byBlbmNvZGU')", "Data to encode"),
        ("States.Base64Decode('')", ""),
        ("States.Hash('input data', 'SHA-1')", "aaff4a450a104cd177d28d18d74485e8cae074b7"),
        ("States.Hash('input data', 'MD5')", "812f45842bc6d66ee14572ce20db8e86"),
        ("States.JsonMerge($.object, $.object, false)", {"Id": "arn", "Tags": ["a", 1.0, None]}),
        ("States.MathAdd($.half, 1.5)", 1),
        ("States.MathAdd(111, -222)", -111),
        ("States.MathRandom(1, 2)", 1),
        ("States.MathRandom(0, 999, 3)", 239),
        ("States.StringSplit('a,b-c,,d', ',-')", ["a", "b", "c", "d"]),
        ("States.StringSplit(',,,,', ',')", []),
        ("States.StringSplit('This.is+a,test=string', '.+,=')", ["This", "is", "a", "test", "string"]),
        ("States.UUID()", "00010203-0405-4607-8809-0a0b0c0d0e0f"),
        ("States.ArrayGetItem(States.StringSplit('a-b-c', '-'), States.MathAdd(States.ArrayLength($.array), -1))", "c"),
        ("States.Format('{}', $.array[?(@ > 1)])", "[2, 3]"),
        (" States.Array( 1 ,2 ) ", [1, 2]),
    ],
)
def test_call_gives(call: str, expected: Any) -> None:
    result = outcome(compile_intrinsic(call), INPUT)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    "call",
    [
        "States.Format('{}')",
        "States.Format('a', 1)",
        "States.Format($.array, 1)",
        "States.StringToJson('{')",
        "States.StringToJson(1)",
        "States.ArrayPartition($.array, 0)",
        "States.ArrayPartition($.text, 1)",
        "States.ArrayRange(0, 1000, 1)",
        "States.ArrayRange(1, 2, 0)",
        "States.ArrayGetItem($.array, 3)",
        "States.ArrayGetItem($.array, -1)",
        "States.ArrayLength($.text)",
        "States.ArrayLength()",
        "States.Base64Encode($.long)",
        "States.Base64Decode('!')",
        "States.Hash($.long, 'MD5')",
        "States.Hash('a', 'md5')",
        "States.JsonMerge($.object, $.object, true)",
        "States.JsonMerge($.object, $.array, false)",
        "States.MathRandom(2, 2)",
        "States.MathAdd('1', 2)",
        "States.MathAdd(2147483647, 1)",
        "States.MathAdd(true, 1)",
        "States.StringSplit(1, ',')",
        "States.UUID(1)",
    ],
)
def test_wrong_arguments_are_named_with_the_call(call: str) -> None:
    name = re.match(r"States\.\w+", call)
    assert name is not None
    assert outcome(compile_intrinsic(call), INPUT) == (
        f"States.Runtime: There was an error while evaluating the intrinsic function: {call}. "
        f"Invalid arguments in {name[0]}"
    )


def test_array_range_makes_a_thousand_elements() -> None:
    assert len(outcome(compile_intrinsic("States.ArrayRange(1, 1000, 1)"))) == 1000


def test_ten_thousand_characters_may_be_hashed_and_encoded() -> None:
    assert len(outcome(compile_intrinsic("States.Hash($.t, 'SHA-512')"), {"t": "x" * 10_000})) == 128
    assert len(outcome(compile_intrinsic("States.Base64Encode($.t)"), {"t": "x" * 10_000})) == 13_336


@pytest.mark.parametrize("path", ["$.nope", "$.array[7]"])
def test_a_missing_argument_names_call_path_and_input(path: str) -> None:
    call = f"States.Array({path})"
    assert outcome(compile_intrinsic(call), {"array": []}) == (
        f"States.Runtime: The function '{call}' had the following error: The JsonPath argument for the field "
        f"'{path}' could not be found in the input '{{\"array\":[]}}'"
    )


def test_an_index_of_no_array_shows_the_librarys_text() -> None:
    assert outcome(compile_intrinsic("States.Array($.a[0])"), {"a": 1}) == (
        "States.Runtime: Filter: [0] can only be applied to arrays. Current context is: 1"
    )


@pytest.mark.parametrize(
    "call",
    [
        "States.Default($.a)",
        "States.Format('a\\n')",
        "States.Format('a)",
        "States.Array(1,)",
        "States.Array(1 2)",
        "States.Array(",
        "States.Array)",
        "States.Array() x",
        "States.Array(abc)",
        "States.Array($.)",
        'States.Array("a")',
        "states.Array()",
        "",
    ],
)
def test_what_is_no_call_is_refused(call: str) -> None:
    with pytest.raises(ExpressionSyntaxError):
        compile_intrinsic(call)
