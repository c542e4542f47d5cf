"""Intrinsic functions of templates: what each answers, and that everything missing is said at once."""

from __future__ import annotations

from typing import Any

import pytest

from services.cli.errors import CommandError
from services.cli.templates.intrinsics import NO_VALUE, Resolver


class Names:
    """Knows a few names."""

    known = {"Stage": "dev", "List": ["a", "b"], "AWS::Region": "eu-west-1", "Count": 3, "Fn.Arn": "arn:fn"}

    def ref(self, name: str) -> Any:
        return self.known.get(name)

    def attribute(self, name: str, attribute: str) -> Any:
        return self.known.get(f"{name}.{attribute}")

    def given(self, key: str) -> Any:
        return {"export-dev": "imported", "resolve:ssm:/a": "secret", "Fn::Transform": "included"}.get(key)


MAPPINGS = {"Size": {"dev": {"Seconds": "60", "7": [1]}}}
CONDITIONS = {
    "IsDev": {"Fn::Equals": [{"Ref": "Stage"}, "dev"]},
    "IsProd": {"Fn::Not": [{"Condition": "IsDev"}]},
    "Both": {"Fn::And": [{"Condition": "IsDev"}, {"Fn::Or": [{"Condition": "IsProd"}, {"Condition": "IsDev"}]}]},
    "Loop": {"Condition": "Loop"},
    "Nonsense": {"Fn::Equals": "dev"},
}


@pytest.fixture
def resolver() -> Resolver:
    return Resolver(Names(), MAPPINGS, CONDITIONS, place="Here")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"Ref": "Stage"}, "dev", id="ref"),
        pytest.param({"Fn::GetAtt": ["Fn", "Arn"]}, "arn:fn", id="get-att"),
        pytest.param({"Fn::GetAtt": "Fn.Arn"}, "arn:fn", id="get-att-text"),
        pytest.param({"Fn::Sub": "${Stage}-${Fn.Arn}-${AWS::Region}"}, "dev-arn:fn-eu-west-1", id="sub"),
        pytest.param({"Fn::Sub": ["${x}/${Count}/${!Keep}", {"x": {"Ref": "Stage"}}]}, "dev/3/${Keep}", id="sub-own"),
        pytest.param({"Fn::Sub": "$.path and $$.Context and {}"}, "$.path and $$.Context and {}", id="sub-nothing"),
        pytest.param({"Fn::Join": ["-", ["a", {"Ref": "Stage"}, 1, True]]}, "a-dev-1-true", id="join"),
        pytest.param({"Fn::Join": ["", {"Ref": "List"}]}, "ab", id="join-a-list"),
        pytest.param({"Fn::Select": ["1", {"Fn::Split": [",", "x,y"]}]}, "y", id="select-split"),
        pytest.param({"Fn::FindInMap": ["Size", {"Ref": "Stage"}, "Seconds"]}, "60", id="find-in-map"),
        pytest.param({"Fn::FindInMap": ["Size", "prod", "Seconds", {"DefaultValue": "9"}]}, "9", id="map-default"),
        pytest.param({"Fn::If": ["IsDev", {"Ref": "Stage"}, {"Ref": "Nobody"}]}, "dev", id="if"),
        pytest.param({"Fn::If": ["Both", 1, 2]}, 1, id="if-both"),
        pytest.param({"Fn::ImportValue": {"Fn::Sub": "export-${Stage}"}}, "imported", id="import"),
        pytest.param({"Fn::Base64": "a"}, "YQ==", id="base64"),
        pytest.param({"Fn::ToJsonString": {"a": {"Ref": "Count"}}}, '{"a":3}', id="json"),
        pytest.param({"Fn::Length": {"Ref": "List"}}, 2, id="length"),
        pytest.param({"Fn::Transform": {"Name": "AWS::Include"}}, "included", id="unknown-function-from-the-map"),
        pytest.param("pass {{resolve:ssm:/a}} on", "pass secret on", id="dynamic"),
        pytest.param({"a": [{"Ref": "Stage"}], "b": {"c": {"Ref": "Count"}}}, {"a": ["dev"], "b": {"c": 3}}, id="deep"),
        pytest.param({"Ref": "Stage", "other": 1}, {"Ref": "Stage", "other": 1}, id="two-keys-are-no-function"),
        pytest.param([{"Ref": "AWS::NoValue"}, 1], [1], id="no-value-in-a-list"),
        pytest.param({"a": {"Fn::If": ["IsProd", 1, {"Ref": "AWS::NoValue"}]}}, {}, id="no-value-in-an-object"),
    ],
)
def test_a_function_answers(resolver: Resolver, value: Any, expected: Any) -> None:
    assert resolver.resolve(value) == expected
    assert resolver.missing == {}


def test_no_value_alone_is_no_value(resolver: Resolver) -> None:
    assert resolver.resolve({"Ref": "AWS::NoValue"}) is NO_VALUE


def test_everything_missing_is_collected_with_its_place(resolver: Resolver) -> None:
    resolver.place = "Order.Definition"
    resolver.resolve({"a": {"Ref": "X"}, "b": {"Fn::Sub": "${Y.Arn}/${Z}"}, "c": {"Fn::ImportValue": "other"}})
    resolver.place = "Later"
    resolver.resolve(["{{resolve:ssm:/b}}", {"Ref": "X"}, {"Fn::Cidr": []}])
    assert resolver.missing == {
        "X": "Order.Definition",
        "Y.Arn": "Order.Definition",
        "Z": "Order.Definition",
        "other": "Order.Definition",
        "resolve:ssm:/b": "Later",
        "Fn::Cidr": "Later",
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"Fn::If": ["Nobody", 1, 2]}, "Here: the template has no condition 'Nobody'"),
        ({"Fn::If": ["Loop", 1, 2]}, "the condition 'Loop' depends on itself"),
        ({"Fn::If": ["Nonsense", 1, 2]}, "is no condition"),
        ({"Fn::Select": [5, ["a"]]}, "Fn::Select has no item 5"),
        ({"Fn::FindInMap": ["Size", "prod", "Seconds"]}, "the mappings have no Size.prod.Seconds"),
        ({"Fn::Join": [",", {"Ref": "Count"}]}, "a list is needed, not 3"),
        ({"Fn::Sub": [{"a": 1}, {}]}, "a text is needed"),
        ({"Fn::Join": ["", [{"a": 1}]]}, "cannot be part of a text"),
        ({"Fn::GetAtt": "Fn"}, "Fn::GetAtt needs a resource and an attribute"),
    ],
)
def test_what_cannot_be_is_said(resolver: Resolver, value: Any, text: str) -> None:
    with pytest.raises(CommandError, match=text):
        resolver.resolve(value)
