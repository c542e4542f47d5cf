"""Python functions in subprocesses: AWS's context and errors, reuse, logs, limits, and no process left behind."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from services.integrations.functions import python_pool
from services.integrations.functions.functions import Functions
from services.integrations.functions.invocation import FunctionCrashed, FunctionTimedOut
from services.integrations.functions.targets import PythonTarget, Targets
from services.runtime.clock import SystemClock
from services.runtime.ids import SystemIds

HERE = Path(__file__).parent
MODULE = HERE / "handlers.py"


def target(function: str, **options: Any) -> PythonTarget:
    return PythonTarget(module="handlers", function=function, search_path=str(HERE), **options)


NAMES = (
    "echo describe count reject leave die speak flood decimals unwritable large sleep nap not_callable missing".split()  # noqa: SIM905
)


@pytest.fixture
async def functions(tmp_path: Path) -> AsyncIterator[Functions]:
    (tmp_path / "broken.py").write_text("def handler(event, context)\n    return 1\n")
    (tmp_path / "raising.py").write_text("raise ValueError('at import')\n")
    mapped = {name: target(name) for name in NAMES}
    mapped["hoard"] = target("hoard", memory_mb=256)
    mapped["with-env"] = target("describe", environment=(("COLOUR", "green"),), timeout_seconds=7.0)
    for module in ("broken", "raising", "absent"):
        mapped[module] = PythonTarget(module=module, function="handler", search_path=str(tmp_path))
    opened = Functions(Targets(mapped), SystemClock(), SystemIds(), processes_max=3)
    yield opened
    await opened.close()


async def failure(functions: Functions, name: str, payload: bytes = b"{}") -> dict[str, Any]:
    answer = await functions.invoke(name, payload)
    assert answer.function_error == "Unhandled"
    shown: dict[str, Any] = json.loads(answer.payload)
    return shown


@pytest.mark.parametrize("event", ['{"a": [1, "é", null]}', '"text"', "17", "null", '{"big": "' + "x" * 300_000 + '"}'])
async def test_the_answer_is_written_as_the_python_runtime_writes_it(functions: Functions, event: str) -> None:
    answer = await functions.invoke("echo", event.encode())
    assert answer.payload == json.dumps(json.loads(event)).encode()
    assert (answer.status_code, answer.function_error, answer.executed_version) == (200, None, "$LATEST")


async def test_the_context_tells_what_lambda_tells(functions: Functions) -> None:
    told = base64.b64encode(b'{"custom":{"k":"v"}}').decode()
    answer = await functions.invoke(
        "with-env", b'{"env":["COLOUR","_HANDLER","AWS_LAMBDA_FUNCTION_NAME"]}', client_context=told, qualifier="7"
    )
    shown = json.loads(answer.payload)
    assert 0 < shown.pop("left") <= 7_000
    assert shown == {
        "id": answer.request_id,
        "name": "with-env",
        "version": "7",
        "arn": "arn:aws:lambda:us-east-1:000000000000:function:with-env:7",
        "custom": {"k": "v"},
        "env": {"COLOUR": "green", "_HANDLER": "handlers.describe", "AWS_LAMBDA_FUNCTION_NAME": "with-env"},
        "cwd": str(HERE),
    }


async def test_our_own_settings_do_not_reach_a_function(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_DATABASE_URL", "postgres://user:secret@host/db")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    answer = await functions.invoke("describe", b'{"env":["STEPWELL_DATABASE_URL","AWS_REGION"]}')
    assert json.loads(answer.payload)["env"] == {"STEPWELL_DATABASE_URL": None, "AWS_REGION": "eu-west-1"}


async def test_one_process_serves_one_call_after_the_other(functions: Functions) -> None:
    answers = [json.loads((await functions.invoke("count", b"{}")).payload) for _ in range(3)]
    assert [answer["calls"] for answer in answers] == [1, 2, 3]
    assert len({answer["pid"] for answer in answers}) == 1


async def test_an_exception_has_the_shape_of_lambdas_runtime(functions: Functions) -> None:
    answer = await functions.invoke("reject", b"{}")
    line = MODULE.read_text().splitlines().index('    raise OrderRejected("too expensive")') + 1
    frame = f'  File "{MODULE}", line {line}, in reject\\n    raise OrderRejected(\\"too expensive\\")\\n'.replace(
        f'"{MODULE}"', f'\\"{MODULE}\\"'
    )
    assert answer.payload.decode() == (
        '{"errorMessage": "too expensive", "errorType": "OrderRejected", '
        f'"requestId": "{answer.request_id}", "stackTrace": ["{frame}"]}}'
    )


@pytest.mark.parametrize(
    ("name", "error_type", "message"),
    [
        ("absent", "Runtime.ImportModuleError", "Unable to import module 'absent': No module named 'absent'"),
        ("missing", "Runtime.HandlerNotFound", "Handler 'missing' missing on module 'handlers'"),
        ("broken", "Runtime.UserCodeSyntaxError", "Syntax error in module 'broken': expected ':'"),
        ("raising", "ValueError", "at import"),
        ("unwritable", "Runtime.MarshalError",
         "Unable to marshal response: Object of type set is not JSON serializable"),
        ("not_callable", "TypeError", "'int' object is not callable"),
        ("large", "Function.ResponseSizeTooLarge",
         "Response payload size exceeded maximum allowed payload size (6291556 bytes)."),
    ],
)  # fmt: skip
async def test_what_the_runtime_refuses_is_named_as_in_lambda(
    functions: Functions, name: str, error_type: str, message: str
) -> None:
    shown = await failure(functions, name)
    assert (shown["errorType"], shown["errorMessage"]) == (error_type, message)


async def test_a_module_that_is_mended_is_imported_again(functions: Functions, tmp_path: Path) -> None:
    await failure(functions, "broken")
    (tmp_path / "broken.py").write_text("def handler(event, context):\n    return 1\n")
    assert (await functions.invoke("broken", b"{}")).payload == b"1"


async def test_an_event_that_is_no_json_fails_the_function(functions: Functions) -> None:
    assert (await failure(functions, "echo", b"{not json"))["errorType"] == "Runtime.UnmarshalError"


async def test_decimals_are_numbers(functions: Functions) -> None:
    assert (await functions.invoke("decimals", b"{}")).payload == b'{"price": 1.5}'


async def test_what_a_function_prints_belongs_to_its_call_and_goes_to_the_log(
    functions: Functions, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "stepwell.functions")
    answer = await functions.invoke("speak", b"[]")
    assert answer.log == b"first line\nto stderr\nraw\n"
    assert [record.getMessage() for record in caplog.records] == ["first line", "to stderr", "raw"]
    assert (await functions.invoke("echo", b"{}")).log == b""


async def test_a_function_that_prints_without_end_does_not_fill_the_memory(functions: Functions) -> None:
    answer = await functions.invoke("flood", b"{}")
    assert answer.payload == b'"done"'
    assert len(answer.log) == 4_096


async def test_memory_beyond_the_limit_is_the_functions_error(functions: Functions) -> None:
    assert (await failure(functions, "hoard"))["errorType"] == "MemoryError"


@pytest.mark.parametrize(
    ("name", "ending"),
    [("leave", "Runtime exited with error: exit status 3"), ("die", "Runtime exited with error: signal: killed")],
)
async def test_a_process_that_ends_is_a_crash_and_is_replaced(functions: Functions, name: str, ending: str) -> None:
    for _ in range(2):
        with pytest.raises(FunctionCrashed) as crash:
            await functions.invoke(name, b"{}")
        assert json.loads(crash.value.payload)["errorType"] == "Runtime.ExitError"
        assert str(crash.value).endswith(ending)
    assert (await functions.invoke("echo", b"1")).payload == b"1"


def written(pids: Path) -> list[psutil.Process]:
    found = pids.read_text().split() if pids.exists() else []
    return [psutil.Process(int(pid)) for pid in found] if len(found) == 2 else []


def alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def started(pids: Path) -> list[psutil.Process]:
    """The function's process and the one that it started, once both run."""
    async with asyncio.timeout(20):
        while not (found := written(pids)):  # noqa: ASYNC110 - nobody signals it
            await asyncio.sleep(0.005)
    return found


async def all_gone(processes: list[psutil.Process]) -> None:
    async with asyncio.timeout(20):
        while any(map(alive, processes)):  # noqa: ASYNC110 - nobody signals it
            await asyncio.sleep(0.005)


async def test_a_function_that_takes_too_long_is_killed_with_all_it_started(
    functions: Functions, tmp_path: Path
) -> None:
    event = json.dumps({"pids": str(tmp_path / "pids")}).encode()
    call = asyncio.create_task(functions.invoke("sleep", event, timeout_seconds=0.75))
    processes = await started(tmp_path / "pids")
    with pytest.raises(FunctionTimedOut, match=r"Task timed out after 0\.75 seconds"):
        await call
    await all_gone(processes)
    assert (await functions.invoke("echo", b"1")).payload == b"1"


async def test_a_cancelled_call_kills_its_process(functions: Functions, tmp_path: Path) -> None:
    call = asyncio.create_task(functions.invoke("sleep", json.dumps({"pids": str(tmp_path / "pids")}).encode()))
    processes = await started(tmp_path / "pids")
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await all_gone(processes)


async def test_closing_kills_what_runs(functions: Functions, tmp_path: Path) -> None:
    call = asyncio.create_task(functions.invoke("sleep", json.dumps({"pids": str(tmp_path / "pids")}).encode()))
    processes = await started(tmp_path / "pids")
    await functions.close()
    await all_gone(processes)
    with pytest.raises(FunctionCrashed):
        await call


async def test_more_calls_than_processes_wait_for_their_turn(functions: Functions) -> None:
    answers = await asyncio.gather(*[functions.invoke("echo", b"%d" % number) for number in range(200)])
    assert [answer.payload for answer in answers] == [b"%d" % number for number in range(200)]


async def test_long_calls_run_side_by_side_in_as_many_processes_as_there_may_be(functions: Functions) -> None:
    begun = asyncio.get_running_loop().time()
    await asyncio.gather(*[functions.invoke("nap", b"{}") for _ in range(3)])
    assert asyncio.get_running_loop().time() - begun < 0.85


async def test_functions_beyond_the_bound_take_turns(functions: Functions) -> None:
    names = ["echo", "count", "speak", "decimals", "reject"] * 4
    answers = await asyncio.gather(*[functions.invoke(name, b"[]") for name in names])
    assert len(answers) == 20
    assert len(runners()) <= 3


def runners() -> list[psutil.Process]:
    return [one for one in psutil.Process().children() if alive(one) and "python_runner" in " ".join(one.cmdline())]


async def test_spare_processes_end_soon_and_the_last_one_later(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(python_pool, "SWEEP_SECONDS", 0.01)
    monkeypatch.setattr(python_pool, "SPARE_SECONDS", 0.05)
    await asyncio.gather(*[functions.invoke("nap", b"{}") for _ in range(3)])
    async with asyncio.timeout(20):
        while len(runners()) > 1:  # noqa: ASYNC110 - nobody signals it
            await asyncio.sleep(0.005)
    monkeypatch.setattr(python_pool, "IDLE_SECONDS", 0.05)
    async with asyncio.timeout(20):
        while runners():  # noqa: ASYNC110 - nobody signals it
            await asyncio.sleep(0.005)
    assert (await functions.invoke("echo", b"1")).payload == b"1"


async def test_a_waiting_call_that_is_cancelled_loses_no_process(functions: Functions, tmp_path: Path) -> None:
    blockers = []
    for number in range(3):
        event = json.dumps({"pids": str(tmp_path / f"pids-{number}")}).encode()
        blockers.append(asyncio.create_task(functions.invoke("sleep", event)))
        await started(tmp_path / f"pids-{number}")
    with pytest.raises(FunctionTimedOut):
        await functions.invoke("echo", b"1", timeout_seconds=0.05)
    for blocker in blockers:
        blocker.cancel()
    await asyncio.gather(*blockers, return_exceptions=True)
    assert (await functions.invoke("echo", b"1")).payload == b"1"


async def test_an_event_invocation_answers_at_once_and_a_dry_run_runs_nothing(functions: Functions) -> None:
    dry = await functions.invoke("count", b"{}", invocation_type="DryRun")
    accepted = await functions.invoke("count", b"{}", invocation_type="Event")
    assert (dry.status_code, dry.payload, accepted.status_code, accepted.payload) == (204, b"", 202, b"")


async def test_a_warmed_function_has_its_process(functions: Functions) -> None:
    await functions.warm()
    assert json.loads((await functions.invoke("count", b"{}")).payload)["calls"] == 1


WORKER = """
import asyncio, sys
from services.integrations.functions.functions import Functions
from services.integrations.functions.targets import PythonTarget, Targets
from services.runtime.clock import SystemClock
from services.runtime.ids import SystemIds

target = PythonTarget(module="handlers", function="sleep", search_path=sys.argv[1])
functions = Functions(Targets({"sleep": target}), SystemClock(), SystemIds())
asyncio.run(functions.invoke("sleep", sys.argv[2].encode()))
"""


async def test_a_killed_worker_takes_its_functions_with_it(tmp_path: Path) -> None:
    event = json.dumps({"pids": str(tmp_path / "pids")})
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, str(HERE), event, cwd=HERE.parents[2])
    processes = await started(tmp_path / "pids")
    worker.kill()
    await worker.wait()
    await all_gone(processes)
