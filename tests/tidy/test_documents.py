"""What the documents say is so: pages are current, links lead somewhere, commands exist."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from docs.generate import HERE, pages
from services.api.settings import ApiSettings
from services.cli.main import app
from services.execution_logs.settings import LogSettings
from services.express.settings import ExpressSettings
from services.integrations.settings import IntegrationSettings
from services.runtime.settings import ProcessSettings, document
from services.scheduler.settings import SchedulerSettings
from services.worker.settings import WorkerSettings
from tests.tidy.repository import ROOT, python_files, read, tracked_files

COMMANDS = {info.name for info in app.registered_commands} | {info.name for info in app.registered_groups}
MARKDOWN = [path for path in tracked_files() if path.suffix == ".md"]


@pytest.mark.parametrize("name", ["settings.md", "metrics.md", "commands.md", "states-language.md"])
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert (HERE / name).read_text("utf-8") == pages()[name], "run `make docs`"


def test_the_pages_of_integrations_are_up_to_date() -> None:
    made = {name: text for name, text in pages().items() if name.startswith("integrations/")}
    there = {f"integrations/{path.name}": path.read_text("utf-8") for path in (HERE / "integrations").iterdir()}
    assert there == made, "run `make docs`"


SETTINGS = [
    ProcessSettings,
    ApiSettings,
    SchedulerSettings,
    WorkerSettings,
    ExpressSettings,
    LogSettings,
    IntegrationSettings,
]


@pytest.mark.parametrize("kind", SETTINGS)
def test_every_setting_is_documented(kind: type[Any]) -> None:
    assert not [line.variable for line in document(kind) if not line.text]


def test_metrics_live_in_one_file() -> None:
    named = re.compile(r'(?:Family|Reading|_count)\(\s*"stepwell_[a-z_]+"')
    elsewhere = [
        str(path) for path in python_files("services") if named.search(read(path)) and path.name != "metrics.py"
    ]
    assert not elsewhere


@pytest.mark.parametrize("path", MARKDOWN, ids=str)
def test_links_lead_to_files(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", read(path))
    missing = [link for link in links if "://" not in link and not (ROOT / path.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("path", MARKDOWN, ids=str)
def test_commands_in_documents_exist(path: Path) -> None:
    blocks = "\n".join(re.findall(r"```(?:sh)?\n(.*?)```", read(path), re.DOTALL))
    used = set(re.findall(r"^\s*(?:\S*/)?stepwell ([a-z-]+)", blocks, re.MULTILINE))
    assert used <= COMMANDS
    targets = set(re.findall(r"^([a-z]+):", read(Path("Makefile")), re.MULTILINE))
    assert set(re.findall(r"^\s*make ([a-z]+)", blocks, re.MULTILINE)) <= targets


def test_options_in_documents_exist() -> None:
    known = set(re.findall(r"--[a-z-]+", "".join(pages()["commands.md"]))) | {"--help", "--check"}
    for path in MARKDOWN:
        for line in re.findall(r"^\s*stepwell [a-z]+ .*", read(path), re.MULTILINE):
            assert set(re.findall(r"--[a-z-]+", line.partition("#")[0])) <= known, f"{path}: {line}"


def test_the_changelog_speaks_of_this_version_or_the_next() -> None:
    version = tomllib.loads(read(Path("pyproject.toml")))["project"]["version"]
    heads = re.findall(r"^## (\S+)", read(Path("CHANGELOG.md")), re.MULTILINE)
    assert heads
    assert heads[0] in ("Unreleased", version)


def test_the_lock_meets_the_bounds() -> None:
    lock = dict(line.split("==") for line in read(Path("constraints.txt")).splitlines() if "==" in line)
    project = tomllib.loads(read(Path("pyproject.toml")))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    names = [re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~ ]", line)[0]).lower() for line in wanted]
    assert not [name for name in names if name not in lock]


def test_help_answers_at_once() -> None:
    """What the command line imports before it knows its command is light."""
    probe = "import sys; import services.cli.main; print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    heavy = {"asyncpg", "sqlalchemy", "botocore", "kombu", "rich", "uvicorn", "asyncio", "alembic", "aiohttp"}
    assert not heavy & set(loaded.split())
