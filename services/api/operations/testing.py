"""ValidateStateMachineDefinition and TestState."""

from __future__ import annotations

from typing import Any, Final

from engine.asl.model import Diagnostic, MachineType
from engine.asl.validate import validate
from services.api import errors
from services.api.context import Context
from services.api.definitions import apis_of, beside
from services.api.page_token import page_size
from services.api.request import Request

DIAGNOSTICS_MAX: Final = 100


async def validate_state_machine_definition(context: Context, request: Request) -> dict[str, Any]:
    """Check a definition and answer all that is found; only errors make the result FAIL."""
    body = request.body
    text: str = body["definition"]
    machine_type: MachineType = "EXPRESS" if body.get("type") == "EXPRESS" else "STANDARD"
    found = await beside(text, validate, text, machine_type, known_api=apis_of(text))
    failed = any(diagnostic.severity == "ERROR" for diagnostic in found)
    shown = [diagnostic for diagnostic in found if body.get("severity") == "WARNING" or diagnostic.severity == "ERROR"]
    size = page_size(request, DIAGNOSTICS_MAX)
    return {
        "result": "FAIL" if failed else "OK",
        "diagnostics": [_shown(diagnostic) for diagnostic in shown[:size]],
        "truncated": len(shown) > size,
    }


def _shown(diagnostic: Diagnostic) -> dict[str, Any]:
    members = {"severity": diagnostic.severity, "code": diagnostic.code, "message": diagnostic.message}
    if diagnostic.location is not None:
        members["location"] = diagnostic.location
    return members


async def test_state(context: Context, request: Request) -> dict[str, Any]:
    """Run one state without a state machine."""
    if context.state_tester is None:
        raise errors.not_served("TestState is")
    return await context.state_tester.test(request.body, request.account, request.region, context.clock.now_ms())
