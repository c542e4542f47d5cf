"""The Fail state: Error and Cause from literals, paths, calls and expressions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures.memory_host import MemoryHost, history


def failed(fields: dict[str, Any], input: Any) -> MemoryHost:
    return MemoryHost({"StartAt": "F", "States": {"F": {"Type": "Fail", **fields}}}, input).run()


def test_error_and_cause_may_come_from_paths_and_calls() -> None:
    host = failed({"ErrorPath": "$.e", "CausePath": "States.JsonToString($)"}, {"e": "E1"})
    assert (host.execution.error, host.execution.cause) == ("E1", '{"e":"E1"}')


@pytest.mark.parametrize("field", ["Error", "Cause"])
@pytest.mark.parametrize("value", [None, 1, ["x"]])
def test_a_path_to_something_else_is_a_runtime_error(field: str, value: Any) -> None:
    host = failed({f"{field}Path": "$.x"}, {"x": value})
    assert host.lines[1:] == history("2<0:FailStateEntered 3<2:ExecutionFailed")
    assert (host.execution.error, f"The {field}Path parameter" in str(host.execution.cause)) == ("States.Runtime", True)
