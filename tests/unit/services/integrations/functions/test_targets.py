"""Reading the map of functions, and finding a function in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.integrations.functions.invocation import UnmappedFunction
from services.integrations.functions.targets import (
    EchoTarget,
    FunctionTarget,
    HttpTarget,
    LambdaTarget,
    MapError,
    PythonTarget,
    Targets,
    parse_name,
    parse_target,
    read_targets,
)

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:pay"


@pytest.mark.parametrize(
    ("function", "qualifier", "name", "own_qualifier", "place"),
    [
        ("pay", None, "pay", "", ("", "")),
        ("pay:live", None, "pay", "live", ("", "")),
        ("pay", "7", "pay", "7", ("", "")),
        ("pay:live", "7", "pay", "live", ("", "")),
        ("123456789012:function:pay", None, "pay", "", ("", "123456789012")),
        ("function:pay:$LATEST", None, "pay", "$LATEST", ("", "")),
        (ARN, None, "pay", "", ("eu-west-1", "123456789012")),
        (ARN + ":live", None, "pay", "live", ("eu-west-1", "123456789012")),
    ],
)
def test_a_function_is_named_in_many_ways(
    function: str, qualifier: str | None, name: str, own_qualifier: str, place: tuple[str, str]
) -> None:
    found = parse_name(function, qualifier)
    assert (found.name, found.qualifier, (found.region, found.account)) == (name, own_qualifier, place)


def test_the_most_exact_entry_wins() -> None:
    one, two, three, four, five = (HttpTarget(url=f"http://{number}/") for number in range(5))
    targets = Targets({"*": one, "pay": two, "pay:live": three, ARN: four, ARN + ":live": five})
    other = ARN.replace("eu-west-1", "us-east-1")
    found = [
        targets.find(function) for function in ("x", "pay", "pay:live", "pay:7", ARN, ARN + ":live", other + ":live")
    ]
    assert found == [one, two, three, two, four, five, three]


def test_an_unmapped_function_says_how_to_map_it() -> None:
    with pytest.raises(UnmappedFunction, match=r"Function not found: .*:pay\. .*--function pay=MODULE:FUNCTION"):
        Targets({"other": EchoTarget()}).find(ARN)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("orders.flow:check", PythonTarget(module="orders.flow", function="check", search_path="/srv")),
        ("orders/flow.py:check", PythonTarget(module="flow", function="check", search_path="/srv/orders")),
        ("http://h:9000/x", HttpTarget(url="http://h:9000/x")),
        ("lambda", LambdaTarget()),
        ("lambda:other-name", LambdaTarget(name="other-name")),
        ("echo:", EchoTarget()),
    ],
)
def test_a_target_is_a_text(text: str, target: FunctionTarget) -> None:
    assert parse_target(text, Path("/srv")) == target


@pytest.mark.parametrize("text", ["", "module", "module:", ":function", "module:two words", "ftp://h/"])
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(MapError):
        parse_target(text, Path("/srv"))


@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_a_map_file_names_targets_with_options_and_entries_win(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"functions.{suffix}"
    content = {
        "functions": {
            "pay": {"target": "flow:pay", "path": "code", "memory_mb": 128, "timeout_seconds": 3,
                    "environment": {"A": "1"}},
            "ship": "http://h/",
            "mail": "flow:mail",
        }
    }  # fmt: skip
    toml = (
        '[functions]\nship = "http://h/"\nmail = "flow:mail"\n[functions.pay]\ntarget = "flow:pay"\npath = "code"\n'
        'memory_mb = 128\ntimeout_seconds = 3\nenvironment = { A = "1" }\n'
    )
    file.write_text(json.dumps(content) if suffix == "json" else toml)
    assert read_targets(file, ["mail=lambda", "extra=echo:"]).by_name == {
        "pay": PythonTarget(
            module="flow",
            function="pay",
            search_path=str(tmp_path / "code"),
            memory_mb=128,
            timeout_seconds=3.0,
            environment=(("A", "1"),),
        ),
        "ship": HttpTarget(url="http://h/"),
        "mail": LambdaTarget(),
        "extra": EchoTarget(),
    }


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("not toml", "functions.toml"),
        ("a = 1", "no table named functions"),
        ("[functions]\npay = 7", "pay: write a target"),
        ('[functions]\npay = { target = "nothing" }', "pay: 'nothing' is no target"),
        ('[functions]\npay = { target = "m:f", memory = 1 }', "does not take memory"),
        ('[functions]\npay = { target = "m:f", timeout_seconds = 901 }', "at most 900"),
        ('[functions]\npay = { target = "m:f", memory_mb = -1 }', "memory_mb"),
    ],
)
def test_a_wrong_map_file_is_refused_with_the_place(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "functions.toml"
    file.write_text(text)
    with pytest.raises(MapError, match=complaint):
        read_targets(file)


def test_an_endpoint_for_lambda_takes_every_function_that_is_not_mapped() -> None:
    targets = read_targets(None, ["pay=echo:"], {"AWS_ENDPOINT_URL_LAMBDA": "http://127.0.0.1:5056"})
    assert (targets.find("pay"), targets.find("ship")) == (EchoTarget(), LambdaTarget())
