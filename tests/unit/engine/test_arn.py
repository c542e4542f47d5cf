"""ARNs and names: what is read, what is refused, in AWS's words."""

from __future__ import annotations

import pytest

from engine.arn import (
    Arn,
    InvalidArn,
    InvalidName,
    Kind,
    activity_arn,
    alias_arn,
    check_name,
    execution_arn,
    express_arn,
    is_alias_name,
    is_label,
    labelled_arn,
    machine_arn,
    map_run_arn,
    parse_arn,
    version_arn,
)

PLACE = "arn:aws:states:us-east-1:000000000000"
UUID = "3318ddf7-9a0e-3259-a825-55a4e8e3e9b1"
M = machine_arn("us-east-1", "000000000000", "M")


@pytest.mark.parametrize(
    ("text", "arn"),
    [
        (f"{PLACE}:stateMachine:M", M),
        (f"{PLACE}:stateMachine:M:7", version_arn(M, 7)),
        (f"{PLACE}:stateMachine:M:2147483647", version_arn(M, 2**31 - 1)),
        (f"{PLACE}:stateMachine:M:prod-1", alias_arn(M, "prod-1")),
        (f"{PLACE}:stateMachine:M/{UUID}", labelled_arn(M, UUID)),
        (f"{PLACE}:execution:M:E", execution_arn(M, "E")),
        (f"{PLACE}:execution:M/label:E", execution_arn(labelled_arn(M, "label"), "E")),
        (f"{PLACE}:express:M:E:{UUID}", express_arn(M, "E", UUID)),
        (f"{PLACE}:express:M/label:E:{UUID}", express_arn(labelled_arn(M, "label"), "E", UUID)),
        (f"{PLACE}:mapRun:M/label:{UUID}", map_run_arn(M, "label", UUID)),
        (f"{PLACE}:activity:A", activity_arn("us-east-1", "000000000000", "A")),
        (f"{PLACE}:activity:gr\u00f6\u00dfe.v2", activity_arn("us-east-1", "000000000000", "gr\u00f6\u00dfe.v2")),
    ],
)
def test_an_arn_is_read_and_written_back(text: str, arn: Arn) -> None:
    assert parse_arn(text) == arn
    assert str(arn) == text


@pytest.mark.parametrize("text", ["not_a_valid_arn", "", "ARN:aws:states"])
def test_what_does_not_begin_as_an_arn(text: str) -> None:
    with pytest.raises(InvalidArn) as refused:
        parse_arn(text)
    assert str(refused.value) == f"Invalid Arn: 'Invalid ARN prefix: {text}'"


@pytest.mark.parametrize(
    ("text", "resource_type"),
    [
        (f"{PLACE}:express:M:E:{UUID}", "express"),
        (f"{PLACE}:stateMachine:M", "stateMachine"),
        (f"{PLACE}:nothing:M", "nothing"),
    ],
)
def test_a_kind_that_does_not_fit(text: str, resource_type: str) -> None:
    with pytest.raises(InvalidArn) as refused:
        parse_arn(text, "execution")
    assert str(refused.value) == f"Invalid Arn: 'Resource type not valid in this context: {resource_type}'"


@pytest.mark.parametrize(
    "rest",
    [
        "stateMachine:",
        "stateMachine:M:0",
        "stateMachine:M:01",
        "stateMachine:M:2147483648",
        "stateMachine:M:1:2",
        "stateMachine:M:",
        "stateMachine:a b",
        "stateMachine:M/",
        f"stateMachine:M/{'l' * 41}",
        "stateMachine:M/label:1",
        "execution:M",
        "execution:M:E:F",
        "express:M:E",
        "activity:a/b",
        "activity:" + "x" * 81,
        "mapRun:M:uuid",
        "activity:A\n",
    ],
)
def test_arns_are_strict(rest: str) -> None:
    text = f"{PLACE}:{rest}"
    with pytest.raises(InvalidArn) as refused:
        parse_arn(text)
    assert str(refused.value) == f"Invalid Arn: 'Invalid ARN: {text}'"


@pytest.mark.parametrize(
    "text", ["arn:aws:sqs:us-east-1:000000000000:q", "arn:aws:states:us-east-1:12:activity:A", "arn:"]
)
def test_foreign_arns_are_refused(text: str) -> None:
    with pytest.raises(InvalidArn):
        parse_arn(text)


@pytest.mark.parametrize("kind", ["version", "alias", "stateMachine"])
def test_qualified_and_plain_machines_are_told_apart(kind: Kind) -> None:
    texts = {"stateMachine": "M", "version": "M:1", "alias": "M:one"}
    assert parse_arn(f"{PLACE}:stateMachine:{texts[kind]}", kind).machine == M


@pytest.mark.parametrize(
    "name", ["Activity1", "activity-name_123", "activity.name.v2", "a" * 80, "\u540d\u524d", "a'b", "a=b+c@!()"]
)
def test_names_that_pass(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    "character", [*' \t\n<>{}[]?*"#%\\^`|~$&,;:/\x00\x1f\x7f\x9f\u2003\ufffe\uffff\ud800\U0010ffff']
)
def test_characters_that_no_name_has(character: str) -> None:
    with pytest.raises(InvalidName) as refused:
        check_name(f"a{character}")
    assert str(refused.value) == f"Invalid Name: 'a{character}'"


@pytest.mark.parametrize("name", ["", "a" * 81])
def test_a_name_has_1_to_80_characters(name: str) -> None:
    with pytest.raises(InvalidName):
        check_name(name)


@pytest.mark.parametrize(
    ("name", "is_right"),
    [("prod", True), ("1.0", True), ("-", True), ("12", False), ("a b", False), ("", False), ("a" * 81, False)],
)
def test_alias_names(name: str, is_right: bool) -> None:
    assert is_alias_name(name) is is_right


@pytest.mark.parametrize(("label", "is_right"), [("l" * 40, True), ("l" * 41, False), ("", False), ("a/b", False)])
def test_labels(label: str, is_right: bool) -> None:
    assert is_label(label) is is_right
