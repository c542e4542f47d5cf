"""The contract answers AWS's texts for every kind of broken shape."""

from __future__ import annotations

from typing import Any

import pytest

from services.api.contract import compile_contracts, load_model
from services.api.errors import ApiError
from services.api.operations.table import OPERATIONS

MODEL = load_model()
CONTRACTS = compile_contracts(MODEL)
VERSION = "arn:aws:states:us-east-1:000000000000:stateMachine:m:1"
ONE = "1 validation error detected: "
ROUTES = [{"stateMachineVersionArn": VERSION, "weight": weight} for weight in (50, 30, 20)]
SHOWN_ROUTES = ", ".join(
    f"RoutingConfigurationListItem(stateMachineVersionArn={VERSION}, weight={weight})" for weight in (50, 30, 20)
)


def refusal(operation: str, body: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        CONTRACTS[operation].check(body)
    return caught.value


def test_every_operation_of_the_model_is_answered() -> None:
    assert set(OPERATIONS) == set(MODEL.operation_names) == set(CONTRACTS)
    assert len(OPERATIONS) == 37


@pytest.mark.parametrize(
    ("operation", "body", "message"),
    [
        pytest.param(
            "ListExecutions",
            {"statusFilter": "succeeded"},
            "Value 'succeeded' at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value set: "
            "[SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]",
            id="enum",
        ),
        pytest.param(
            "ListExecutions",
            {"maxResults": 1001},
            "Value '1001' at 'maxResults' failed to satisfy constraint: "
            "Member must have value less than or equal to 1000",
            id="number-too-large",
        ),
        pytest.param(
            "ListExecutions",
            {"maxResults": -1},
            "Value '-1' at 'maxResults' failed to satisfy constraint: "
            "Member must have value greater than or equal to 0",
            id="number-too-small",
        ),
        pytest.param(
            "ListStateMachines",
            {"nextToken": "x" * 1025},
            f"Value '{'x' * 1025}' at 'nextToken' failed to satisfy constraint: "
            "Member must have length less than or equal to 1024",
            id="string-too-long",
        ),
        pytest.param(
            "CreateActivity",
            {"name": "a", "encryptionConfiguration": {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": ""}},
            "Value '' at 'encryptionConfiguration.kmsKeyId' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1",
            id="nested-string-too-short",
        ),
        pytest.param(
            "CreateStateMachineAlias",
            {"name": "123", "routingConfiguration": ROUTES[:1]},
            "Value '123' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: "
            r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$",
            id="pattern",
        ),
        pytest.param(
            "CreateStateMachineAlias",
            {"name": "a", "routingConfiguration": ROUTES},
            f"Value '[{SHOWN_ROUTES}]' at 'routingConfiguration' failed to satisfy constraint: "
            "Member must have length less than or equal to 2",
            id="list-too-long",
        ),
        pytest.param(
            "CreateStateMachineAlias",
            {"name": "a", "routingConfiguration": [{"stateMachineVersionArn": VERSION, "weight": 101}]},
            "Value '101' at 'routingConfiguration.1.member.weight' failed to satisfy constraint: "
            "Member must have value less than or equal to 100",
            id="nested-member",
        ),
        pytest.param(
            "StartExecution",
            {"stateMachineArn": None},
            "Value null at 'stateMachineArn' failed to satisfy constraint: Member must not be null",
            id="null-is-not-given",
        ),
        pytest.param(
            "StartExecution",
            {"stateMachineArn": "a", "input": "x" * 262_145},
            "Value at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144",
            id="values-of-sensitive-members-are-not-repeated",
        ),
        pytest.param(
            "StartExecution",
            {"stateMachineArn": "a", "name": "n" * 81},
            f"Value '{'n' * 81}' at 'name' failed to satisfy constraint: "
            "Member must have length less than or equal to 80",
            id="name-of-81",
        ),
        pytest.param(
            "StartExecution",
            {"stateMachineArn": "a", "traceHeader": "é"},
            "Value 'é' at 'traceHeader' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: \p{ASCII}*",
            id="java-pattern",
        ),
    ],
)
def test_a_broken_shape_is_told_in_aws_words(operation: str, body: Any, message: str) -> None:
    error = refusal(operation, body)
    assert error.body == {"__type": "com.amazon.coral.validate#ValidationException", "message": ONE + message}


def test_all_broken_constraints_are_told_at_once() -> None:
    error = refusal("CreateStateMachine", {"name": "", "definition": ""})
    assert error.message.startswith("3 validation errors detected: Value '' at 'name'")
    assert error.message.count("; ") == 2


@pytest.mark.parametrize(
    ("operation", "body", "message"),
    [
        pytest.param(
            "StartExecution", {"stateMachineArn": 5}, "NUMBER_VALUE can not be converted to a String", id="number"
        ),
        pytest.param(
            "StartExecution", {"stateMachineArn": True}, "TRUE_VALUE can not be converted to a String", id="true"
        ),
        pytest.param(
            "StartExecution", {"stateMachineArn": {}}, "Start of structure or map found where not expected.", id="map"
        ),
        pytest.param("StartExecution", {"stateMachineArn": []}, "Start of list found where not expected", id="list"),
        pytest.param(
            "ListExecutions", {"maxResults": "5"}, "STRING_VALUE can not be converted to an Integer", id="text"
        ),
        pytest.param(
            "ListExecutions", {"maxResults": 7.5}, "DECIMAL_VALUE can not be converted to an Integer", id="point"
        ),
        pytest.param("ListExecutions", {"maxResults": 2**31}, "Numeric value out of range of Integer", id="beyond-int"),
        pytest.param("TagResource", {"resourceArn": "a", "tags": "x"}, "Expected list or null", id="no-list"),
        pytest.param(
            "TagResource", {"resourceArn": "a", "tags": ["x"]}, "Unexpected value type in payload", id="no-structure"
        ),
        pytest.param(
            "CreateStateMachine", {"publish": "yes"}, "STRING_VALUE can not be converted to a Boolean", id="boolean"
        ),
        pytest.param("ListExecutions", [], "Start of list found where not expected", id="body-is-a-list"),
        pytest.param("ListExecutions", None, "Unexpected value type in payload", id="body-is-null"),
    ],
)
def test_another_json_type_is_a_serialization_error(operation: str, body: Any, message: str) -> None:
    error = refusal(operation, body)
    assert (error.code, error.message) == ("SerializationException", message)


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        pytest.param("ListExecutions", {"unknown": 1, "maxResults": 0}, id="unknown-members-are-ignored"),
        pytest.param("StartExecution", {"stateMachineArn": "a", "input": "x" * 262_144}, id="input-at-its-limit"),
        pytest.param("StartExecution", {"stateMachineArn": "a", "name": "n" * 80, "traceHeader": ""}, id="name-of-80"),
        pytest.param("ListExecutions", {"maxResults": 1000}, id="number-at-its-limit"),
        pytest.param("TagResource", {"resourceArn": "a", "tags": []}, id="empty-list"),
    ],
)
def test_what_fits_the_model_passes(operation: str, body: Any) -> None:
    CONTRACTS[operation].check(body)
