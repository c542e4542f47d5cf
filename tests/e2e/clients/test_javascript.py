"""`@aws-sdk/client-sfn` for JavaScript, the pinned release, in Node as users run it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.server import ROOT, Server

HERE = Path(__file__).parent / "javascript"
INSTALL_SECONDS = 300
TEST_SECONDS = 180


@pytest.fixture(scope="module")
def project() -> Path:
    """The packages of the lock file and the tests beside them, in a folder that the next run finds again."""
    if shutil.which("npm") is None:
        if os.environ.get("CI"):
            pytest.fail("Node.js 20 or newer with npm is needed to test the SDK for JavaScript")
        pytest.skip("no Node.js here")
    lock = (HERE / "package-lock.json").read_bytes()
    folder = ROOT / ".tools" / "javascript" / hashlib.sha256(lock).hexdigest()[:12]
    if not (folder / "node_modules" / ".installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        line = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
        assert done.returncode == 0, f"npm ci failed:\n{done.stdout}\n{done.stderr}"
        (folder / "node_modules" / ".installed").touch()
    for program in HERE.glob("*.mjs"):
        shutil.copy(program, folder)
    return folder


def run(project: Path, program: str, environment: dict[str, str]) -> None:
    """Run the tests of one program; their report is the message if one of them fails."""
    line = ["node", "--test", "--test-reporter=spec", program]
    done = subprocess.run(
        line, cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=TEST_SECONDS
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_the_sdk_for_javascript_works_unchanged(project: Path, client_environment: dict[str, str]) -> None:
    run(project, "clients.test.mjs", client_environment)


def test_a3_the_sdk_corrects_a_wrong_clock_by_our_answer(
    project: Path, client_environment: dict[str, str], tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    guarded = Server(tmp_path, environment={"STEPWELL_ACCESS_KEYS": "AKIDTEST:secret"})
    guarded.start()
    try:
        keys = {"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "secret"}
        run(project, "skew.test.mjs", client_environment | keys | {"AWS_ENDPOINT_URL_SFN": guarded.endpoint})
    finally:
        guarded.stop()


def test_the_lock_file_names_no_host() -> None:
    assert "://" not in (HERE / "package-lock.json").read_text("utf-8")
