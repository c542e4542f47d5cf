"""The commands that need no server."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

from tests.fixtures.server import STEPWELL


def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command with no endpoint anywhere."""
    return subprocess.run([STEPWELL, *arguments], input=given, capture_output=True, text=True, check=False, timeout=30)


def test_help_takes_a_third_of_a_second_of_cpu_at_most() -> None:
    taken = []
    for _ in range(3):
        begun = os.times()
        assert run("--help").returncode == 0
        ended = os.times()
        taken.append(ended.children_user - begun.children_user + ended.children_system - begun.children_system)
    assert min(taken) < 0.3


def test_validate_points_at_the_mistake(tmp_path: Path) -> None:
    file = tmp_path / "wrong.asl.json"
    file.write_text('{\n  "StartAt": "A",\n  "States": {\n    "A": {"Type": "Pass", "Next": "Nowhere"}\n  }\n}\n')
    done = run("validate", str(file))
    assert done.returncode == 1
    head, source, caret = done.stdout.splitlines()[:3]
    assert head.startswith(f"{file}:4:27: error: ")
    assert source.index('"Next"') == caret.index("^")


def test_validate_accepts_the_example() -> None:
    done = run("validate", "examples/order/order.asl.json")
    assert (done.returncode, done.stdout) == (0, "examples/order/order.asl.json: valid\n")


def test_validate_points_at_broken_json(tmp_path: Path) -> None:
    file = tmp_path / "broken.asl.json"
    file.write_text('{\n  "StartAt": "A",\n  "States": {]\n}\n')
    done = run("validate", str(file), "--json")
    (report,) = json.loads(done.stdout)
    assert (done.returncode, report["result"]) == (1, "FAIL")
    assert (report["diagnostics"][0]["line"], report["diagnostics"][0]["column"]) == (3, 14)


def test_graph_writes_svg_and_mermaid(tmp_path: Path) -> None:
    picture = tmp_path / "order.svg"
    assert run("graph", "examples/order/order.asl.json", "-o", str(picture)).returncode == 0
    assert picture.read_text().startswith("<svg ")
    assert run("graph", "examples/order/order.asl.json").stdout.startswith("flowchart TD\n")


def test_a_picture_that_cannot_be_written_is_one_line() -> None:
    done = run("graph", "examples/order/order.asl.json", "-o", "/nowhere/order.svg")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "stepwell: cannot write /nowhere/order.svg: No such file or directory\n"


def test_a_file_that_is_not_there_is_one_line() -> None:
    for command in ("validate", "graph"):
        done = run(command, "nowhere.asl.json")
        assert (done.returncode, done.stderr) == (
            2,
            "stepwell: cannot read nowhere.asl.json: No such file or directory\n",
        )


def test_standard_input_is_a_dash() -> None:
    definition = '{"StartAt": "A",\n "States": {"A": {"Type": "Pass", "End": true, "Foo": 1}}}'
    done = run("validate", "-", given=definition)
    assert (done.returncode, done.stdout.splitlines()[0][:19]) == (1, "<stdin>:2:48: error")
    assert run("graph", "-", given=definition.replace(', "Foo": 1', "")).stdout.startswith("flowchart TD\n")


def test_version_is_known() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert re.fullmatch(r"stepwell \d+\.\d+\.\d+.*\n", done.stdout)


def test_schema_is_a_json_schema() -> None:
    assert "$schema" in json.loads(run("schema").stdout)


def test_functions_says_where_each_name_leads() -> None:
    done = run(
        "functions", "--functions", "examples/order/functions.json", "--function", "x=http://127.0.0.1:1/", "--json"
    )
    kinds = {it["function"]: it["kind"] for it in json.loads(done.stdout)}
    assert (kinds["charge-card"], kinds["x"]) == ("python", "http")


def test_a_server_that_is_not_there_is_said() -> None:
    done = run("list", "--endpoint", "http://127.0.0.1:9")
    assert done.returncode == 2
    assert done.stderr.startswith("stepwell: no server answers at http://127.0.0.1:9")
